"""Streams that repeat one phrase on and on are cut, and are charged for what was sent."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from sdk_paths import CLAUDE, HELLO, OPENAI_MODEL, claude_client, openai_async, openai_client
from wflo_otel.bootstrap import configure, shutdown
from wflo_otel.core.call import Status
from wflo_otel.core.policy import Loops, Mode, Policy
from wflo_otel.errors import InfiniteLoopDetectedError
from wflo_otel.seams.active import activate
from wflo_otel.testing import Reply, ScriptedProvider
from wiring import Rig

STUCK = Reply(text="as I said before, " * 2_000, chunk_delay_s=0.0005)
LONG = Reply(text="as I said before, " * 100)
FINE = {
    "a list": "\n".join(f"{n}. the tide at place number {n} is {n * 7} cm high" for n in range(60)),
    "a matrix": "[" + "0, " * 300 + "0]",
    "a refrain": ("row row row your boat gently down the stream, verse {} " * 5).format(*range(5)),
}


def chat(provider):
    with openai_client(provider, max_retries=0) as client:
        for _ in client.chat.completions.create(model=OPENAI_MODEL, messages=HELLO, stream=True):
            pass


def chat_async(provider):
    async def ask():
        async with openai_async(provider, max_retries=0) as client:
            stream = await client.chat.completions.create(
                model=OPENAI_MODEL, messages=HELLO, stream=True
            )
            async for _ in stream:
                pass

    asyncio.run(ask())


def responses(provider):
    with openai_client(provider, max_retries=0) as client:
        for _ in client.responses.create(model=OPENAI_MODEL, input="Say hello", stream=True):
            pass


def messages(provider):
    with (
        claude_client(provider, max_retries=0) as client,
        client.messages.stream(model=CLAUDE, max_tokens=16_000, messages=HELLO) as stream,
    ):
        for _ in stream:
            pass


each_stream = pytest.mark.parametrize(
    "stream", [chat, chat_async, responses, messages], ids=lambda fn: fn.__name__
)


@pytest.fixture
def rig_of():
    with ScriptedProvider() as provider:

        def made(reply, mode=Mode.ENFORCE, loops: Loops | None = Loops()):  # noqa: B008  # frozen
            provider.default = reply
            return Rig(provider, configure(Policy(mode=mode, loops=loops), state="memory://"))

        yield made
        shutdown()


@each_stream
def test_a_stream_that_repeats_itself_is_cut(rig_of, stream):
    rig = rig_of(STUCK)

    with pytest.raises(InfiniteLoopDetectedError, match="loop: repeated_chunks") as caught:
        stream(rig.provider)

    assert caught.value.sent
    assert caught.value.kind == "repeated_chunks"
    assert "as I said" not in str(caught.value)
    (record,) = rig.records
    assert record.status is Status.CUT
    assert 15 < record.usage.output_tokens < 500
    assert caught.value.charged_usd == rig.spent_usd
    assert rig.ledger.open_calls == 0
    with pytest.raises(InfiniteLoopDetectedError):
        stream(rig.provider)
    assert len(rig.provider.requests) == 1


@each_stream
@pytest.mark.parametrize("text", FINE.values(), ids=FINE)
def test_a_long_answer_that_says_something_is_whole(rig_of, stream, text):
    rig = rig_of(Reply(text=text))
    stream(rig.provider)

    assert rig.records[0].status is Status.OK
    rig.assert_settled()


def test_shadow_mode_tells_of_it_once_and_the_stream_goes_on(rig_of):
    rig, exporter, traces = rig_of(LONG, Mode.SHADOW), InMemorySpanExporter(), TracerProvider()
    traces.add_span_processor(SimpleSpanProcessor(exporter))
    activate(replace(rig.configuration.active, tracer=traces.get_tracer("test")))
    chat(rig.provider)

    assert rig.records[0].status is Status.OK
    events = [event.name for span in exporter.get_finished_spans() for event in span.events]
    traces.shutdown()
    assert events.count("wflo.loop.detected") == 1
    assert rig.configuration.store.ledgers("run:")[0].stopped is None


def test_nobody_listens_where_nobody_watches(rig_of):
    rig = rig_of(LONG, loops=None)
    chat(rig.provider)

    assert rig.records[0].status is Status.OK
