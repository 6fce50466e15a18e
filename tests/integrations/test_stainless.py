"""One call of an SDK is one span, however often the SDK tries."""

import asyncio

import httpx
import pytest
from opentelemetry.trace import StatusCode, format_span_id

from decorated import kept_spans
from sdk_paths import (
    CLAUDE,
    HELLO,
    OPENAI_MODEL,
    claude_async,
    claude_client,
    openai_async,
    openai_client,
)
from wflo_otel.errors import BudgetExceededError
from wflo_otel.seams.http.logical import as_one_call
from wflo_otel.testing import Reply
from wiring import guarded

BUSY = Reply(status=429, error_type="rate_limit_error", retry_after_s=0.001)
CHAT = {"model": OPENAI_MODEL, "messages": HELLO}
MESSAGE = {"model": CLAUDE, "messages": HELLO, "max_tokens": 50}


def openai_sync(provider):
    with openai_client(provider) as client:
        client.chat.completions.create(**CHAT)


def openai_sync_stream(provider):
    with openai_client(provider) as client:
        list(client.chat.completions.create(**CHAT, stream=True))


def openai_awaited(provider):
    async def main():
        async with openai_async(provider) as client:
            await client.chat.completions.create(**CHAT)

    asyncio.run(main())


def openai_awaited_stream(provider):
    async def main():
        async with openai_async(provider) as client:
            assert [
                each async for each in await client.chat.completions.create(**CHAT, stream=True)
            ]

    asyncio.run(main())


def claude_sync(provider):
    with claude_client(provider, **untraced()) as client:
        client.messages.create(**MESSAGE)


def claude_sync_stream(provider):
    with claude_client(provider, **untraced()) as client:
        list(client.messages.create(**MESSAGE, stream=True))


def claude_awaited(provider):
    async def main():
        async with claude_async(provider, **untraced()) as client:
            await client.messages.create(**MESSAGE)

    asyncio.run(main())


def untraced():
    """Anthropic 2 makes a span of its own, which is then the span of the call."""
    import inspect

    import anthropic

    has_own = "open_telemetry" in inspect.signature(anthropic.Anthropic).parameters
    return {"open_telemetry": False} if has_own else {}


WAYS = [
    openai_sync,
    openai_sync_stream,
    openai_awaited,
    openai_awaited_stream,
    claude_sync,
    claude_sync_stream,
    claude_awaited,
]
each_way = pytest.mark.parametrize("call", WAYS, ids=[way.__name__ for way in WAYS])
pytestmark = pytest.mark.legacy


@pytest.fixture
def spans():
    with kept_spans() as kept:
        yield Spans(kept)


class Spans:
    """What was exported, told apart."""

    def __init__(self, kept):
        self.kept = kept

    @property
    def calls(self):
        return [each for each in self.all if "gen_ai.operation.name" in each.attributes]

    @property
    def requests(self):
        return [each for each in self.all if "gen_ai.operation.name" not in each.attributes]

    @property
    def all(self):
        return sorted(self.kept(), key=lambda each: each.start_time)


def attempts(span):
    return [dict(each.attributes) for each in span.events if each.name == "wflo.attempt"]


@each_way
def test_a_call_that_is_tried_three_times_has_one_span_and_three_charges(call, spans):
    with guarded(BUSY, BUSY, Reply(input_tokens=1_000)) as rig:
        call(rig.provider)
        (span,) = spans.calls
        told = attempts(span)
        assert [each["wflo.attempt.number"] for each in told] == [1, 2, 3]
        assert [each["http.response.status_code"] for each in told] == [429, 429, 200]
        assert sum(each["wflo.cost.usd"] for each in told) == float(rig.spent_usd)
        assert span.status.status_code is StatusCode.UNSET
        assert span.attributes["wflo.charges"] == 3
        assert span.attributes["gen_ai.usage.input_tokens"] == 1_000
        assert span.attributes["wflo.cost.usd"] == float(rig.spent_usd)
        assert [each.attempt for each in rig.records] == [0, 1, 2]
        assert {each.span_id for each in rig.records} == {format_span_id(span.context.span_id)}
        rig.assert_settled()


@each_way
def test_each_attempt_is_a_request_below_the_span_of_the_call(call, spans):
    with guarded(BUSY, BUSY, Reply()) as rig:
        call(rig.provider)
        (span,) = spans.calls
        counts = [each.attributes.get("http.request.resend_count") for each in spans.requests]
        assert counts == [None, 1, 2]
        assert {each.parent.span_id for each in spans.requests} == {span.context.span_id}


@each_way
def test_a_call_that_succeeds_at_once_tells_no_attempts(call, spans):
    with guarded() as rig:
        call(rig.provider)
        (span,) = spans.calls
        assert attempts(span) == []
        assert "wflo.charges" not in span.attributes


@each_way
def test_an_attempt_that_the_budget_refuses_is_on_the_one_span(call, spans):
    with guarded(BUSY, Reply(), calls=1) as rig:
        with pytest.raises(BudgetExceededError):
            call(rig.provider)
        (span,) = spans.calls
        names = [each.name for each in span.events]
        assert (names.count("wflo.policy.decision"), names.count("wflo.attempt")) == (1, 1)
        assert span.status.status_code is StatusCode.ERROR
        assert span.attributes["error.type"] == "BudgetExceededError"
        assert len(rig.provider.requests) == 1


@each_way
def test_a_call_that_fails_for_good_is_marked_by_its_last_attempt(call, spans):
    overloaded = Reply(status=503, error_type="overloaded_error", retry_after_s=0.001)
    with guarded(BUSY, BUSY, overloaded) as rig:
        with pytest.raises(Exception, match="503"):
            call(rig.provider)
        (span,) = spans.calls
        assert span.attributes["error.type"] == "overloaded_error"
        assert len(attempts(span)) == 3


def test_the_span_is_open_until_the_stream_is_read(spans):
    with guarded(BUSY, Reply()) as rig, openai_client(rig.provider) as client:
        stream = client.chat.completions.create(**CHAT, stream=True)
        next(iter(stream))
        assert spans.calls == []
        list(stream)
        assert len(spans.calls) == 1


def test_calls_one_after_the_other_have_spans_of_their_own(spans):
    with guarded() as rig:
        openai_sync(rig.provider)
        openai_sync(rig.provider)
        assert len(spans.calls) == 2


def test_what_goes_on_after_the_call_has_a_span_of_its_own(spans):
    kept = []

    class Kept:
        def request(self):
            asyncio.get_running_loop().create_task(later())

    async def later():
        async with httpx.AsyncClient() as client:
            for _ in range(2):
                await client.post(url, json={**CHAT, "max_tokens": 5})
        kept.append(True)

    async def main():
        Kept().request()
        while not kept:
            await asyncio.sleep(0.005)

    as_one_call(Kept, "request")
    with guarded() as rig:
        url = f"{rig.provider.openai_url}/chat/completions"
        asyncio.run(main())
        assert len(spans.calls) == 2


def test_without_a_configuration_an_sdk_works_as_ever():
    with guarded() as rig:
        provider = rig.provider
        from wflo_otel.bootstrap import shutdown

        shutdown()
        openai_sync(provider)
        assert len(provider.requests) == 1


def test_a_class_without_the_method_is_left_as_it_is():
    class Other:
        pass

    as_one_call(Other, "request")

    assert not hasattr(Other, "request")


def test_a_method_is_guarded_once():
    class Client:
        def request(self):
            return 1

    as_one_call(Client, "request")
    guarded_once = Client.request
    as_one_call(Client, "request")

    assert Client.request is guarded_once
    assert Client().request() == 1
