"""Streams: charged for what was sent, cut when their budget is spent, passed on unchanged."""

import asyncio
import gc
import time
from decimal import Decimal

import openai
import pytest

from http_libraries import LIBRARIES, each_library
from sdk_paths import (
    CLAUDE,
    HELLO,
    OPENAI_MODEL,
    claude_client,
    openai_async,
    openai_client,
)
from wflo_otel.core.call import Status
from wflo_otel.core.policy import Mode
from wflo_otel.errors import BudgetExceededError
from wflo_otel.testing import Reply
from wiring import guarded

#: What the SDKs make of a connection that breaks: their own error, or the library's.
BREAKS = (openai.APIConnectionError, *(library.TransportError for library in LIBRARIES))
ENDLESS = Reply(output_tokens=16_000, chunk_delay_s=0.0002)
SLOW = Reply(output_tokens=200, chunk_delay_s=0.002)


def chat(client, **more):
    return client.chat.completions.create(model=OPENAI_MODEL, messages=HELLO, stream=True, **more)


def ended(rig):
    """The only record, once the server has noticed that its client is gone."""
    rig.provider.wait_until_idle()
    (record,) = rig.records
    assert rig.ledger.open_calls == 0
    return record


def test_a_stream_that_is_left_at_the_twentieth_chunk_is_charged_for_what_came():
    with guarded(SLOW) as rig, openai_client(rig.provider) as client:
        with chat(client) as stream:
            for at, _ in enumerate(stream):
                if at == 20:
                    break
        record = ended(rig)
        assert record.status is Status.ABANDONED
        assert record.cost_source == "estimate"
        assert 15 <= record.usage.output_tokens <= 40
        assert record.usage.input_tokens >= 5


def test_a_stream_that_is_dropped_unread_is_charged_when_it_is_collected():
    with guarded(SLOW) as rig, openai_client(rig.provider) as client:
        stream = chat(client)
        for at, _ in enumerate(stream):
            if at == 20:
                break
        del stream
        gc.collect()
        record = ended(rig)
        assert record.status is Status.ABANDONED
        assert record.usage.output_tokens >= 15


class Closer:
    """Closes a response when it is collected, as the SDKs' generators do."""

    def __init__(self, response):
        self.response = response
        self.itself = self

    def __del__(self):
        self.response.close()


@each_library
def test_closing_a_stream_inside_a_garbage_collection_settles_it_later(library):
    with guarded(SLOW) as rig, library.Client() as client:
        request = client.build_request(
            "POST",
            f"{rig.provider.openai_url}/chat/completions",
            json={"model": OPENAI_MODEL, "messages": HELLO, "stream": True},
        )
        response = client.send(request, stream=True)
        next(pieces := response.iter_raw())
        tended = rig.configuration.store.records(rig.configuration.run.run_id)
        Closer(response)
        gc.disable()
        try:
            gc.collect()
            before = rig.configuration.store.records(rig.configuration.run.run_id)
        finally:
            gc.enable()
        assert tended == before == []
        pieces.close()
        assert ended(rig).status is Status.ABANDONED


async def test_a_stream_whose_task_is_cancelled_is_charged_for_what_came():
    with guarded(SLOW) as rig:
        async with openai_async(rig.provider) as client:
            seen = asyncio.Event()

            async def consume():
                async for _ in await chat(client):
                    seen.set()

            task = asyncio.create_task(consume())
            await seen.wait()
            await asyncio.sleep(0.02)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        (record,) = rig.records
        assert record.status is Status.CANCELLED
        assert record.usage.output_tokens >= 1
        assert rig.ledger.open_calls == 0


async def test_an_async_stream_that_is_left_is_charged_for_what_came():
    with guarded(SLOW) as rig:
        async with openai_async(rig.provider) as client:
            stream = await chat(client)
            async for _ in stream:
                break
            await stream.close()
        (record,) = rig.records
        assert record.status is Status.ABANDONED
        assert record.cost > 0


def test_a_stream_is_cut_when_its_budget_is_spent():
    with guarded(ENDLESS, usd="0.005") as rig, openai_client(rig.provider) as client:
        with pytest.raises(BudgetExceededError) as raised:
            for _ in chat(client):
                pass
        record = ended(rig)
        assert record.status is Status.CUT
        assert raised.value.sent
        assert raised.value.charged_usd == rig.spent_usd
        assert Decimal("0.0045") < rig.spent_usd <= Decimal("0.0051")
        assert rig.billed_usd <= Decimal("0.006")
        assert len(rig.provider.requests) == 1


async def test_an_async_stream_is_cut_when_its_budget_is_spent():
    with guarded(ENDLESS, usd="0.005") as rig:
        async with openai_async(rig.provider) as client:
            with pytest.raises(BudgetExceededError):
                async for _ in await chat(client):
                    pass
        assert rig.records[0].status is Status.CUT
        assert rig.billed_usd <= Decimal("0.006")
        assert len(rig.provider.requests) == 1


def test_a_cut_stream_of_messages_reaches_the_user_as_itself():
    with guarded(ENDLESS, usd="0.01") as rig, claude_client(rig.provider) as client:
        with (
            pytest.raises(BudgetExceededError),
            client.messages.stream(model=CLAUDE, max_tokens=16_000, messages=HELLO) as stream,
        ):
            for _ in stream:
                pass
        assert ended(rig).status is Status.CUT
        assert len(rig.provider.requests) == 1


def test_after_a_cut_the_next_call_is_refused():
    with guarded(ENDLESS, usd="0.005") as rig, openai_client(rig.provider) as client:
        for _ in range(2):
            with pytest.raises(BudgetExceededError):
                list(chat(client))
        assert len(rig.provider.requests) == 1


def test_a_whole_body_is_never_cut():
    with guarded(Reply(output_tokens=500), usd="0.01") as rig:
        with openai_client(rig.provider) as client:
            answer = client.chat.completions.create(
                model=OPENAI_MODEL, messages=HELLO, max_tokens=500
            )
        assert answer.choices[0].finish_reason in {"stop", "length"}
        rig.assert_settled()


def test_the_hidden_usage_chunk_leaves_every_event_as_it_came():
    with guarded() as rig, openai_client(rig.provider) as client:
        with client.chat.completions.with_streaming_response.create(
            model=OPENAI_MODEL, messages=HELLO, stream=True
        ) as response:
            shown = b"".join(response.iter_bytes())
        assert rig.provider.requests[0].body["stream_options"] == {"include_usage": True}
        assert rig.provider.requests[0].headers["accept-encoding"] == "identity"
        events = shown.split(b"\n\n")
        assert events[-2] == b"data: [DONE]"
        assert b'"choices":[]' not in shown.replace(b" ", b"")
        assert len(events) == 20 + 4  # role, words, finish, [DONE], and what follows the last
        rig.assert_settled()


def test_usage_that_the_user_asked_for_is_left_in():
    with guarded() as rig, openai_client(rig.provider) as client:
        chunks = list(chat(client, stream_options={"include_usage": True}))
        assert chunks[-1].usage.completion_tokens == 20
        assert rig.provider.requests[0].headers["accept-encoding"] != "identity"
        rig.assert_settled()


def test_shadow_mode_changes_no_byte_of_the_request():
    with guarded(mode=Mode.SHADOW, usd="0.000000001") as rig, openai_client(rig.provider) as client:
        list(chat(client))
        assert "stream_options" not in rig.provider.requests[0].body
        assert "max_tokens" not in rig.provider.requests[0].body
        assert rig.records[0].cost > 0


def test_a_stream_that_breaks_is_charged_for_what_came():
    with guarded(Reply(output_tokens=100, drop="mid_body")) as rig:
        with (
            openai_client(rig.provider, max_retries=0) as client,
            pytest.raises(BREAKS),
        ):
            list(chat(client))
        (record,) = rig.records
        assert record.status is Status.ERROR
        assert record.usage.output_tokens > 10
        assert rig.ledger.open_calls == 0


def test_a_stream_reads_at_once_what_arrives():
    with guarded(Reply(output_tokens=20, chunk_delay_s=0.02)) as rig:
        with openai_client(rig.provider) as client:
            began = time.perf_counter()
            next(iter(stream := chat(client)))
            first = time.perf_counter() - began
            stream.close()
        assert first < 0.3


def test_an_error_in_place_of_a_stream_is_recorded_and_free():
    with guarded(Reply(status=400, error_type="invalid_request_error")) as rig:
        with openai_client(rig.provider) as client, pytest.raises(openai.BadRequestError):
            chat(client)
        (record,) = rig.records
        assert (record.status, record.http_status, record.cost) == (Status.ERROR, 400, 0)
        assert record.error_type == "invalid_request_error"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "body"])
def test_a_compressed_answer_is_read_and_passed_on_as_it_came(encoding, stream):
    with guarded(Reply(encoding=encoding)) as rig, openai_client(rig.provider) as client:
        options = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
        with client.chat.completions.with_streaming_response.create(
            model=OPENAI_MODEL,
            messages=HELLO,
            extra_headers={"accept-encoding": encoding},
            **options,
        ) as response:
            raw = b"".join(response.http_response.iter_raw())
        assert raw
        assert response.headers["content-encoding"] == encoding
        rig.assert_settled()
