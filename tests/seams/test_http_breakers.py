"""A provider that fails is left alone by unmodified clients, until it has recovered."""

from __future__ import annotations

import asyncio

import pytest

from http_libraries import BODY, each_library
from sdk_paths import claude_async, claude_client, openai_async, openai_client
from wflo_otel.core.call import Status
from wflo_otel.core.decision import Phase
from wflo_otel.core.policy import Breaker, Mode
from wflo_otel.errors import CircuitOpenError
from wflo_otel.testing import FakeClock, Reply
from wiring import guarded

BREAKERS = {"provider:*": Breaker(consecutive_failures=3, cooldown_s=30)}
HELLO = [{"role": "user", "content": "Say hello"}]


def ask_openai(provider, **options):
    with openai_client(provider, **options) as client:
        client.chat.completions.create(model="gpt-4o", messages=HELLO, max_tokens=50)


def ask_openai_async(provider, **options):
    async def ask():
        async with openai_async(provider, **options) as client:
            await client.chat.completions.create(model="gpt-4o", messages=HELLO, max_tokens=50)

    asyncio.run(ask())


def ask_claude(provider, **options):
    with claude_client(provider, **options) as client:
        client.messages.create(model="claude-haiku-4-5", messages=HELLO, max_tokens=50)


def ask_claude_async(provider, **options):
    async def ask():
        async with claude_async(provider, **options) as client:
            await client.messages.create(model="claude-haiku-4-5", messages=HELLO, max_tokens=50)

    asyncio.run(ask())


each_sdk = pytest.mark.parametrize(
    "ask", [ask_openai, ask_openai_async, ask_claude, ask_claude_async]
)


def phase(rig):
    (circuit,) = rig.configuration.store.circuits()
    return circuit.phase


def storm(rig, ask):
    """Let a call fail until nothing leaves any more; the SDK tries each one three times."""
    with pytest.raises(Exception, match=r"500|circuit breaker"):
        ask(rig.provider)
    assert phase(rig) is Phase.OPEN


@each_sdk
def test_a_storm_of_500s_opens_it_and_no_request_leaves_until_it_is_half_open(ask):
    clock = FakeClock()
    with guarded(*[Reply(status=500)] * 3, breakers=BREAKERS, clock=clock) as rig:
        storm(rig, ask)
        assert len(rig.provider.requests) == 3

        for _ in range(5):
            with pytest.raises(CircuitOpenError) as caught:
                ask(rig.provider)
        assert caught.value.retry_after == 30
        assert len(rig.provider.requests) == 3

        clock.advance(30)
        ask(rig.provider)
        assert len(rig.provider.requests) == 4
        assert phase(rig) is Phase.CLOSED
        rig.assert_settled()


@each_sdk
def test_a_probe_that_fails_opens_it_for_longer(ask):
    clock = FakeClock()
    with guarded(*[Reply(status=500)] * 4, breakers=BREAKERS, clock=clock) as rig:
        storm(rig, ask)
        clock.advance(30)

        # The SDK tries again, and meets the open circuit: one request left, not three.
        with pytest.raises(CircuitOpenError) as caught:
            ask(rig.provider)

        assert len(rig.provider.requests) == 4
        assert caught.value.retry_after == 60


def test_a_rate_limit_s_retry_after_is_honoured():
    with guarded(
        Reply(status=429, retry_after_s=90),
        breakers={"provider:openai": Breaker(consecutive_failures=1, cooldown_s=5)},
        clock=FakeClock(),
    ) as rig:
        with pytest.raises(Exception, match=r"429|circuit"):
            ask_openai(rig.provider, max_retries=0)
        with pytest.raises(CircuitOpenError) as caught:
            ask_openai(rig.provider)
        assert caught.value.retry_after == 90


def test_a_provider_that_cannot_be_reached_is_left_alone():
    with guarded(breakers=BREAKERS) as rig:
        gone = rig.provider
        gone.close()
        for _ in range(3):
            with pytest.raises(Exception, match="Connection error"):
                ask_openai(gone, max_retries=0)

        with pytest.raises(CircuitOpenError):
            ask_openai(gone, max_retries=0)
        assert rig.ledger.settled.usd == 0


def test_the_caller_s_own_mistakes_do_not_open_it():
    with guarded(*[Reply(status=400)] * 5, breakers=BREAKERS) as rig:
        for _ in range(5):
            with pytest.raises(Exception, match="400"):
                ask_openai(rig.provider)
        assert phase(rig) is Phase.CLOSED


def test_another_provider_goes_on():
    with guarded(*[Reply(status=500)] * 3, breakers=BREAKERS) as rig:
        with pytest.raises(Exception, match=r"500|circuit breaker"):
            ask_openai(rig.provider)

        ask_claude(rig.provider)


def test_in_shadow_mode_every_request_leaves():
    with guarded(*[Reply(status=500)] * 9, breakers=BREAKERS, mode=Mode.SHADOW) as rig:
        for _ in range(3):
            with pytest.raises(Exception, match="500"):
                ask_openai(rig.provider)
        assert len(rig.provider.requests) == 9


def test_a_stream_that_breaks_off_is_a_failure():
    with guarded(
        Reply(drop="mid_body"), breakers={"provider:*": Breaker(consecutive_failures=1)}
    ) as rig:
        with openai_client(rig.provider, max_retries=0) as client:
            stream = client.chat.completions.create(
                model="gpt-4o", messages=HELLO, max_tokens=50, stream=True
            )
            with pytest.raises(Exception, match=r"Connection error|peer closed|incomplete"):
                list(stream)

        assert phase(rig) is Phase.OPEN


def test_a_stream_that_the_caller_leaves_is_none():
    with guarded(breakers={"provider:*": Breaker(consecutive_failures=1)}) as rig:
        with openai_client(rig.provider) as client:
            stream = client.chat.completions.create(
                model="gpt-4o", messages=HELLO, max_tokens=50, stream=True
            )
            next(iter(stream))
            stream.close()

        assert phase(rig) is Phase.CLOSED
        assert rig.records[-1].status is Status.ABANDONED


@each_library
def test_a_circuit_is_closed_by_what_the_wire_shows_without_any_sdk(library):
    clock = FakeClock()
    with guarded(*[Reply(status=503)] * 3, breakers=BREAKERS, clock=clock) as rig:
        url = f"{rig.provider.openai_url}/chat/completions"
        with library.Client() as client:
            assert [client.post(url, json=BODY).status_code for _ in range(3)] == [503] * 3
            with pytest.raises(CircuitOpenError):
                client.post(url, json=BODY)
            clock.advance(30)
            assert client.post(url, json=BODY).status_code == 200
        assert phase(rig) is Phase.CLOSED
