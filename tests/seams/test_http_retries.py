"""The guard tries again on the wire, where the policy says so, and the SDK then does not."""

from __future__ import annotations

import functools

import anthropic
import httpx
import openai
import pytest

from decorated import kept_spans
from sdk_asks import SDKS, called, chat, of_each_sdk
from sdk_paths import HELLO, OPENAI_MODEL, openai_client
from wflo_otel.bootstrap import configure, shutdown
from wflo_otel.core.call import Status
from wflo_otel.core.money import to_nano_usd
from wflo_otel.core.policy import Budget, Budgets, Mode, Policy, Retry
from wflo_otel.errors import BudgetExceededError
from wflo_otel.retries import with_retry
from wflo_otel.testing import FakeClock, Reply, ScriptedProvider
from wiring import Rig

RETRY = Retry(max_attempts=3, jitter=False)
BUSY = Reply(status=429, retry_after_s=3)
DOWN = Reply(status=503)
LOST = Reply(drop="before_headers")
GOOD = Reply(text="hello world", input_tokens=1000, output_tokens=100)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def rig_of(clock):
    with ScriptedProvider() as provider:

        def made(retry=RETRY, usd="100", **policy):
            budgets = Budgets(run=Budget(usd=to_nano_usd(usd)))
            options = Policy(retries=retry, budgets=budgets, **policy)
            return Rig(provider, configure(options, state="memory://", clock=clock))

        yield made
        shutdown()


@of_each_sdk
def test_a_provider_is_waited_for_and_the_sdk_adds_no_attempts(sdk, rig_of, clock):
    rig = rig_of()
    rig.provider.script(BUSY, BUSY, BUSY, GOOD)

    with pytest.raises(sdk.rate_limited):
        called(sdk.ask, rig.provider, max_retries=5)

    assert clock.pauses == [3.0, 3.0]
    assert len(rig.provider.requests) == 3
    rig.assert_settled()


@of_each_sdk
def test_an_answer_after_failures_is_handed_on_and_each_attempt_is_a_call(sdk, rig_of, clock):
    rig = rig_of()
    rig.provider.script(BUSY, DOWN, GOOD)

    called(sdk.ask, rig.provider, max_retries=0)

    assert clock.pauses == [3.0, 0.2]
    assert [record.http_status for record in rig.records] == [429, 503, 200]
    assert [record.attempt for record in rig.records] == [0, 1, 2]
    rig.assert_settled()


def test_the_attempts_are_on_one_span(rig_of):
    rig = rig_of()
    rig.provider.script(DOWN, GOOD)

    with kept_spans() as spans:
        called(SDKS[0].ask, rig.provider)
        httpx_request(rig.provider, DOWN, GOOD)
        chats = [span for span in spans() if span.name.startswith("chat")]

    assert [span.attributes["wflo.charges"] for span in chats] == [2, 2]


def retried(span):
    return [dict(each.attributes) for each in span.events if each.name == "wflo.retry.attempt"]


def test_the_span_tells_what_came_of_each_failed_attempt(rig_of):
    rig = rig_of()
    failing = [BUSY, LOST, Reply(status=429, error_type="insufficient_quota")]

    with kept_spans() as spans:
        httpx_request(rig.provider, *failing)
        (span,) = [each for each in spans() if each.name.startswith("chat")]

    first, second, third = retried(span)
    assert first == {
        "wflo.retry.component": "provider:openai",
        "wflo.retry.attempt": 1,
        "wflo.retry.outcome": "again",
        "wflo.retry.delay": 3.0,
        "error.type": "rate_limit_error",
        "wflo.run.id": rig.records[0].caller.run_id,
    }
    assert (second["error.type"], second["wflo.retry.delay"]) == ("RemoteProtocolError", 0.2)
    assert (third["error.type"], third["wflo.retry.outcome"]) == ("insufficient_quota", "final")
    assert "wflo.retry.delay" not in third


@pytest.mark.parametrize(
    ("replies", "outcomes"),
    [
        ([GOOD], []),
        ([DOWN, GOOD], ["again"]),
        ([DOWN, DOWN, DOWN], ["again", "again", "attempts"]),
        ([LOST, Reply(status=400)], ["again", "final"]),
    ],
)
def test_what_came_of_attempts_is_told_once_each(rig_of, replies, outcomes):
    rig = rig_of()

    with kept_spans() as spans:
        httpx_request(rig.provider, *replies)
        (span,) = [each for each in spans() if each.name.startswith("chat")]

    assert [each["wflo.retry.outcome"] for each in retried(span)] == outcomes


def httpx_request(provider, *replies):
    provider.script(*replies)
    return httpx.post(
        f"{provider.openai_url}/chat/completions",
        json={"model": OPENAI_MODEL, "messages": HELLO},
    )


def test_a_plain_client_gets_the_last_answer(rig_of, clock):
    rig = rig_of()

    assert httpx_request(rig.provider, DOWN, GOOD).status_code == 200
    last = httpx_request(rig.provider, DOWN, DOWN, DOWN)

    assert last.status_code == 503
    assert "error" in last.json()
    assert clock.pauses == [0.1, 0.1, 0.2]


def test_a_stream_is_tried_again_before_it_begins(rig_of):
    rig = rig_of()
    rig.provider.script(DOWN, GOOD)

    with openai_client(rig.provider) as client, chat(client, stream=True) as stream:
        text = "".join(each.choices[0].delta.content or "" for each in stream if each.choices)

    assert text == "hello world"
    assert len(rig.provider.requests) == 2
    rig.assert_settled()


def test_a_stream_that_breaks_off_is_not_begun_again(rig_of):
    rig = rig_of()
    rig.provider.script(Reply(text="hello world", drop="mid_body"), GOOD)

    with (
        openai_client(rig.provider) as client,
        chat(client, stream=True) as stream,
        pytest.raises(httpx_errors()),
    ):
        list(stream)

    assert len(rig.provider.requests) == 1


@of_each_sdk
def test_a_connection_that_is_lost_before_an_answer_is_tried_again(sdk, rig_of, clock):
    rig = rig_of()
    rig.provider.script(LOST, GOOD)

    called(sdk.ask, rig.provider, max_retries=0)

    assert clock.pauses == [0.1]
    assert [record.status for record in rig.records] == [Status.UNKNOWN, Status.OK]


@of_each_sdk
def test_the_sdk_adds_no_attempts_to_those_that_lost_their_connection(sdk, rig_of, clock):
    rig = rig_of()
    rig.provider.default = LOST

    with pytest.raises((openai.APIConnectionError, anthropic.APIConnectionError)):
        called(sdk.ask, rig.provider, max_retries=1)

    assert clock.pauses == [0.1, 0.2]
    assert len(rig.provider.requests) == 3


def test_a_connection_that_cannot_be_made_is_tried_again_and_costs_nothing(rig_of, clock):
    rig = rig_of()
    url = "http://127.0.0.1:1/v1/chat/completions"

    with pytest.raises(httpx.ConnectError):
        httpx.post(url, json={"model": OPENAI_MODEL, "messages": HELLO})

    assert clock.pauses == [0.1, 0.2]
    assert rig.spent_usd == 0


def test_a_call_that_is_refused_is_not_tried_again(rig_of, clock):
    rig = rig_of(usd="0.000000001")

    with pytest.raises(BudgetExceededError):
        called(SDKS[0].ask, rig.provider, max_retries=2)

    assert (rig.provider.requests, clock.pauses) == ([], [])


def answering(*responses):
    left = iter(responses)
    return httpx.MockTransport(lambda _: next(left))


async def test_an_answer_that_a_transport_has_read_already_is_followed_by_another(rig_of, clock):
    rig_of()
    down, good = functools.partial(httpx.Response, 503), functools.partial(httpx.Response, 200)
    asked = {"json": {"model": OPENAI_MODEL, "messages": HELLO}}
    url = "https://api.openai.com/v1/chat/completions"

    with httpx.Client(transport=answering(down(text="no"), good(json={}))) as client:
        assert client.post(url, **asked).status_code == 200
    async with httpx.AsyncClient(transport=answering(down(text="no"), good(json={}))) as client:
        assert (await client.post(url, **asked)).status_code == 200

    assert clock.pauses == [0.1, 0.1]


NO_MONEY = Reply(status=429, error_type="insufficient_quota")


@pytest.mark.parametrize("sdk", SDKS[:2], ids=lambda sdk: sdk.name)
def test_an_account_without_money_is_not_asked_again_by_the_sdk_either(sdk, rig_of, clock):
    rig = rig_of()
    rig.provider.default = NO_MONEY

    with pytest.raises(openai.RateLimitError):
        called(sdk.ask, rig.provider, max_retries=2)

    assert (len(rig.provider.requests), clock.pauses) == (1, [])


async def test_what_was_read_to_decide_can_be_read_by_the_caller_as_it_came(rig_of):
    rig = rig_of()
    rig.provider.default = DOWN
    url = f"{rig.provider.openai_url}/chat/completions"
    asked = {"json": {"model": OPENAI_MODEL, "messages": HELLO}}

    with httpx.stream("POST", url, **asked) as response:
        raw = b"".join(response.iter_raw())
    async with httpx.AsyncClient() as client, client.stream("POST", url, **asked) as answer:
        decoded = await answer.aread()

    assert b"error" in raw
    assert raw == decoded


def httpx_errors():
    try:
        import httpx2
    except ImportError:
        return (httpx.HTTPError, openai.APIError)
    return (httpx.HTTPError, httpx2.HTTPError, openai.APIError)


def test_a_wrong_request_is_not_tried_again(rig_of, clock):
    rig = rig_of()
    rig.provider.script(Reply(status=400))

    with pytest.raises(openai.BadRequestError):
        called(SDKS[0].ask, rig.provider, max_retries=2)

    assert (len(rig.provider.requests), clock.pauses) == (1, [])


@pytest.mark.parametrize("failure", [DOWN, LOST], ids=["answered", "lost"])
def test_attempts_of_a_decorator_do_not_multiply_with_those_on_the_wire(rig_of, failure):
    rig = rig_of()
    rig.provider.script(*[failure] * 9)

    with pytest.raises(openai.APIError):
        called(with_retry(max_attempts=3)(SDKS[0].ask), rig.provider, max_retries=0)

    assert len(rig.provider.requests) == 3


def test_shadow_mode_tries_nothing_again_and_leaves_the_sdk_alone(rig_of, clock):
    rig = rig_of(mode=Mode.SHADOW)

    last = httpx_request(rig.provider, DOWN, GOOD)

    assert (last.status_code, clock.pauses) == (503, [])
    assert "x-should-retry" not in last.headers


def test_without_a_policy_for_it_the_sdk_tries_again_by_itself(rig_of, clock):
    rig = rig_of(retry=None)
    rig.provider.script(DOWN, GOOD)

    called(SDKS[0].ask, rig.provider, max_retries=1)

    assert (len(rig.provider.requests), clock.pauses) == (2, [])


def test_a_retry_that_the_budget_has_no_room_for_is_refused(rig_of):
    rig = rig_of(usd="0.0036")
    rig.provider.script(GOOD, DOWN)
    ask = functools.partial(SDKS[0].ask, rig.provider, max_tokens=100)
    called(ask)

    with pytest.raises(BudgetExceededError):
        called(ask)

    rig.assert_settled()


def test_a_provider_has_one_retry_budget(rig_of):
    rig = rig_of(retry=Retry(max_attempts=3, jitter=False, retry_budget=0.1))
    rig.provider.reply_to(lambda _: DOWN)

    with openai_client(rig.provider, max_retries=0) as client:
        for _ in range(20):
            with pytest.raises(openai.InternalServerError):
                chat(client)

    assert len(rig.provider.requests) == 30


def test_the_deadline_holds_on_the_wire(rig_of, clock):
    rig = rig_of(retry=Retry(deadline_s=2))

    assert httpx_request(rig.provider, BUSY, GOOD).status_code == 429
    assert clock.pauses == []
