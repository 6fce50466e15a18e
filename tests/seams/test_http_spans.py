"""One span shows a call: our own around it, or the one that is there already."""

import asyncio
from dataclasses import replace

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from decorated import kept_spans
from http_libraries import BODY, each_library
from sdk_paths import CLAUDE, HELLO, OPENAI_MODEL, claude_client, openai_async, openai_client
from wflo_otel.errors import BudgetExceededError
from wflo_otel.seams.active import activate
from wflo_otel.testing import Reply
from wiring import guarded


@pytest.fixture
def spans():
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield provider.get_tracer("test"), exporter.get_finished_spans
    provider.shutdown()


@pytest.fixture
def rig(spans):
    with guarded() as made:
        trace_by(made, spans[0])
        yield made


def trace_by(rig, tracer):
    activate(replace(rig.configuration.active, tracer=tracer))


def chat(rig, **more):
    with openai_client(rig.provider) as client:
        answer = client.chat.completions.create(model=OPENAI_MODEL, messages=HELLO, **more)
        return list(answer) if more.get("stream") else answer


def test_a_call_has_one_client_span_with_its_usage_and_cost(rig, spans):
    chat(rig, max_tokens=50)
    (span,) = spans[1]()
    assert (span.name, span.kind) == ("chat gpt-4o", SpanKind.CLIENT)
    assert span.status.status_code is StatusCode.UNSET
    assert span.attributes["gen_ai.provider.name"] == "openai"
    assert span.attributes["gen_ai.usage.output_tokens"] == 20
    assert span.attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert span.attributes["server.address"] == "127.0.0.1"
    assert span.attributes["wflo.cost.usd"] == float(rig.spent_usd)
    (record,) = rig.records
    assert record.span_id == trace.format_span_id(span.context.span_id)
    assert record.trace_id == trace.format_trace_id(span.context.trace_id)


def test_the_span_of_a_stream_ends_with_the_stream(rig, spans):
    with openai_client(rig.provider) as client:
        stream = client.chat.completions.create(model=OPENAI_MODEL, messages=HELLO, stream=True)
        next(iter(stream))
        assert spans[1]() == ()
        list(stream)
    (span,) = spans[1]()
    assert span.attributes["gen_ai.usage.output_tokens"] == 20


def test_the_span_is_current_while_the_request_is_sent_and_not_after(rig, spans):
    seen = []
    rig.provider.reply_to(lambda request: seen.append(request.headers) or Reply())
    chat(rig)
    (span,) = spans[1]()
    assert not trace.get_current_span().get_span_context().is_valid
    assert trace.format_trace_id(span.context.trace_id) in seen[0]["traceparent"]


def test_a_foreign_span_of_the_call_is_completed_and_none_is_added(rig, spans):
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.usage.output_tokens": 7}
    with spans[0].start_as_current_span("chat gpt-4o", attributes=attributes):
        chat(rig)
    (span,) = spans[1]()
    assert span.attributes["gen_ai.usage.output_tokens"] == 7
    assert span.attributes["wflo.cost.usd"] == float(rig.spent_usd)
    assert rig.records[0].span_id == trace.format_span_id(span.context.span_id)


def test_attempts_on_one_foreign_span_are_added_up(rig, spans):
    with spans[0].start_as_current_span("chat", attributes={"gen_ai.operation.name": "chat"}):
        chat(rig)
        chat(rig)
    (span,) = spans[1]()
    assert span.attributes["gen_ai.usage.output_tokens"] == 40
    assert span.attributes["wflo.cost.usd"] == float(rig.spent_usd)


def test_a_refusal_is_on_a_span_that_has_ended(spans):
    with guarded(usd="0.000000001") as rig:
        trace_by(rig, spans[0])
        with pytest.raises(BudgetExceededError):
            chat(rig)
    (span,) = spans[1]()
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["wflo.decision"] == "refuse"
    assert span.attributes["error.type"] == "BudgetExceededError"


def test_a_cut_is_on_the_span_of_its_stream(spans):
    with guarded(Reply(output_tokens=16_000, chunk_delay_s=0.0002), usd="0.002") as rig:
        trace_by(rig, spans[0])
        with pytest.raises(BudgetExceededError):
            chat(rig, stream=True)
    (span,) = spans[1]()
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["wflo.refusal.policy"] == "budget"
    assert span.attributes["gen_ai.usage.output_tokens"] > 100


def test_a_clamp_is_on_the_span(spans):
    with guarded(usd="0.002") as rig:
        trace_by(rig, spans[0])
        chat(rig, max_tokens=500)
    (span,) = spans[1]()
    assert span.attributes["wflo.decision"] == "clamp"
    assert span.attributes["wflo.output_cap"] < 200


def test_a_failed_call_marks_its_span(rig, spans):
    rig.provider.script(Reply(status=400, error_type="invalid_request_error"))
    with pytest.raises(Exception, match="400"):
        chat(rig)
    (span,) = spans[1]()
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["error.type"] == "invalid_request_error"


@each_library
def test_a_call_that_cannot_connect_marks_its_span(rig, spans, library):
    with library.Client() as client, pytest.raises(library.ConnectError):
        client.post("http://127.0.0.1:9/v1/chat/completions", json=BODY)
    (span,) = spans[1]()
    assert span.attributes["error.type"] == "ConnectError"


@each_library
def test_the_attempts_of_a_retrying_transport_share_a_span(rig, spans, library):
    class Retrying(library.BaseTransport):
        def __init__(self):
            self.inner = library.HTTPTransport()

        def handle_request(self, request):
            self.inner.handle_request(request).close()
            return self.inner.handle_request(request)

        def close(self):
            self.inner.close()

    rig.provider.script(Reply(status=503), Reply())
    with library.Client(transport=Retrying()) as client:
        client.post(f"{rig.provider.openai_url}/chat/completions", json=BODY)
    (span,) = spans[1]()
    assert span.status.status_code is StatusCode.UNSET
    assert len(rig.records) == 2
    assert {each.span_id for each in rig.records} == {trace.format_span_id(span.context.span_id)}


def test_a_wait_that_is_cancelled_ends_its_span(spans):
    async def main(rig):
        async with openai_async(rig.provider) as client:
            options = {"model": OPENAI_MODEL, "messages": HELLO, "max_tokens": 15_000}
            holder = asyncio.create_task(client.chat.completions.create(**options))
            while not rig.provider.requests:
                await asyncio.sleep(0.005)
            waiting = asyncio.create_task(client.chat.completions.create(**options))
            await asyncio.sleep(0.05)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            await holder

    with guarded(Reply(delay_s=0.2), usd="0.2") as rig:
        trace_by(rig, spans[0])
        asyncio.run(main(rig))
    assert len(spans[1]()) == 2


@pytest.mark.newest  # anthropic 2 has spans of its own
@pytest.mark.parametrize("stream", [False, True], ids=["body", "stream"])
def test_the_sdks_own_span_is_the_span_of_the_call(stream):
    with kept_spans() as kept, guarded() as rig, claude_client(rig.provider) as client:
        answer = client.messages.create(
            model=CLAUDE, max_tokens=50, messages=HELLO, **({"stream": True} if stream else {})
        )
        list(answer)
        shown = [each for each in kept() if each.name != "POST"]
        (span,) = shown
        assert span.instrumentation_scope.name == "com.anthropic.sdk.python"
        assert span.attributes["wflo.cost.usd"] == float(rig.spent_usd)
        assert rig.records[0].span_id == trace.format_span_id(span.context.span_id)


def test_no_content_reaches_a_span(rig, spans):
    rig.provider.default = Reply(text="secret answer")
    with openai_client(rig.provider) as client:
        client.chat.completions.create(
            model=OPENAI_MODEL, messages=[{"role": "user", "content": "secret question"}]
        )
    (span,) = spans[1]()
    assert "secret" not in span.to_json()
    assert "key" not in {str(value) for value in span.attributes.values()}


def test_what_is_charged_on_foreign_spans_is_remembered_within_bounds(monkeypatch, spans):
    from wflo_otel.seams.http import span as module

    monkeypatch.setattr(module, "_REMEMBERED", 2)
    tallies = module.Tallies()
    first, *others = [spans[0].start_span(str(at)) for at in range(3)]
    kept = tallies.of(first)
    assert tallies.of(first) is kept
    for other in others:
        tallies.of(other)
    assert tallies.of(first) is not kept


def test_the_ledger_is_right_where_nothing_is_traced(rig):
    trace_by(rig, trace.NoOpTracer())
    chat(rig)
    chat(rig, stream=True)
    rig.assert_settled()
    assert {each.span_id for each in rig.records} == {""}
