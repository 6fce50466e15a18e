"""``with_retry`` around real SDKs, before a provider that is busy."""

from __future__ import annotations

import functools
import random

import openai
import pytest

from decorated import kept_spans
from sdk_asks import SDKS, called, chat, of_each_sdk
from sdk_paths import (
    OPENAI_MODEL,
    openai_client,
)
from wflo_otel.bootstrap import configure, shutdown
from wflo_otel.decorators import track_llm_call
from wflo_otel.errors import BudgetExceededError
from wflo_otel.retries import with_retry
from wflo_otel.testing import FakeClock, Reply, ScriptedProvider
from wiring import Rig

BUSY = Reply(status=429, retry_after_s=3)
DOWN = Reply(status=503)
GOOD = Reply(text="hello world", input_tokens=1000, output_tokens=100)
steady = functools.partial(with_retry, jitter=False)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def rig(clock):
    with ScriptedProvider() as provider:
        configuration = configure(state="memory://", budget_usd=100, clock=clock)
        yield Rig(provider, configuration)
        shutdown()


@of_each_sdk
def test_a_provider_is_waited_for_as_long_as_it_asks(sdk, rig, clock):
    rig.provider.script(BUSY, GOOD)

    called(steady(sdk.ask), rig.provider)

    assert clock.pauses == [3.0]
    assert len(rig.provider.requests) == 2
    rig.assert_settled()


@of_each_sdk
def test_the_sdks_error_comes_out_when_all_attempts_have_failed(sdk, rig, clock):
    rig.provider.script(BUSY, BUSY, BUSY)

    with pytest.raises(sdk.rate_limited) as raised:
        called(steady(max_attempts=3)(sdk.ask), rig.provider)

    assert clock.pauses == [3.0, 3.0]
    assert raised.value.status_code == 429
    assert raised.value.__notes__


def test_an_sdk_that_retries_by_itself_does_so_inside_each_attempt(rig, clock):
    rig.provider.script(DOWN, DOWN, DOWN, GOOD)

    called(steady(SDKS[0].ask), rig.provider, max_retries=1)

    assert len(rig.provider.requests) == 4
    assert len(clock.pauses) == 1
    rig.assert_settled()


def test_a_lost_connection_is_tried_again(rig):
    rig.provider.script(Reply(drop="before_headers"), GOOD)

    called(steady(SDKS[0].ask), rig.provider)

    assert len(rig.provider.requests) == 2


def test_a_wrong_request_is_not_tried_again(rig, clock):
    rig.provider.script(Reply(status=400))

    with pytest.raises(openai.BadRequestError):
        called(steady(SDKS[0].ask), rig.provider)

    assert len(rig.provider.requests) == 1
    assert clock.pauses == []


def test_a_refusal_of_the_guard_is_not_tried_again(clock):
    with ScriptedProvider() as provider:
        configure(state="memory://", budget_usd=0, clock=clock)

        with pytest.raises(BudgetExceededError):
            called(steady(on=Exception)(SDKS[0].ask), provider)

        assert provider.requests == []
    assert clock.pauses == []


def test_attempts_of_one_model_call_are_on_its_one_span_and_charged_one_by_one(rig):
    rig.provider.script(Reply(text="half", drop="mid_body"), GOOD)

    @track_llm_call(model=OPENAI_MODEL)
    @steady(max_attempts=3)
    def ask():
        with (
            openai_client(rig.provider, max_retries=0) as client,
            chat(client, stream=True) as stream,
        ):
            return "".join(
                chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices
            )

    with kept_spans() as spans:
        assert ask() == "hello world"
        rig.configuration.engine.tend()
        chats = [span for span in spans() if span.name.startswith("chat")]

    assert len(rig.records) == 2
    (span,) = chats
    assert span.attributes["wflo.charges"] == 2
    assert "error.type" not in span.attributes


def test_attempts_around_model_calls_have_each_its_span_and_charge(rig):
    rig.provider.script(BUSY, GOOD)

    with kept_spans() as spans:
        called(steady(name="api")(track_llm_call(model=OPENAI_MODEL)(SDKS[0].ask)), rig.provider)
        found = [span for span in spans() if span.name in {"attempt api", f"chat {OPENAI_MODEL}"}]

    assert [span.name.split()[0] for span in found] == ["chat", "attempt", "chat", "attempt"]
    assert [span.attributes.get("error.type") for span in found[1::2]] == ["RateLimitError", None]
    rig.assert_settled()


def test_half_of_an_outage_costs_at_most_a_tenth_in_extra_calls(rig):
    calls, chance = 120, random.Random(7)
    rig.provider.reply_to(lambda _: DOWN if chance.random() < 0.5 else GOOD)
    ask = steady(max_attempts=3, name="api")(chat)

    failed = 0
    with openai_client(rig.provider, max_retries=0) as client:
        for _ in range(calls):
            try:
                ask(client)
            except openai.InternalServerError:
                failed += 1

    assert calls < len(rig.provider.requests) <= calls * 1.1
    assert 0 < failed < calls
