"""The contract of PolicyState for circuit breakers, for every store."""

from __future__ import annotations

from dataclasses import replace

import pytest

import made_calls
from made_calls import call, charge, request, scopes
from wflo_otel.core.breaker import Component, Seen, Verdict
from wflo_otel.core.decision import CircuitOpen, Exceeded, Granted, Phase
from wflo_otel.core.ledger import ZERO
from wflo_otel.core.policy import Breaker, OnExceeded
from wflo_otel.core.scope import Caller
from wflo_otel.ports import CircuitView, Ended, PolicyState, Runs
from wflo_otel.testing import FakeClock

#: Longer than any store's lease here.
LEASE_S = 30.0

OPTIONS = Breaker(consecutive_failures=2, cooldown_s=10, half_open_calls=1)
OPENAI = Component("provider:openai", OPTIONS)
MODEL = Component("model:gpt-4o", OPTIONS)
BAD, GOOD = Seen(Verdict.BAD), Seen(Verdict.GOOD)


class Store(PolicyState, Runs):
    """What the tests here use of a store."""


def admit(store: Store, call_id: str, *components: Component, enforce: bool = True) -> object:
    asked = request(call_id, 1, enforce=enforce)
    return store.admit(scopes(100), call(call_id), asked, components or (OPENAI,))


def void(store: Store, call_id: str, seen: Seen, *components: Component) -> object:
    return store.void(call_id, Ended(components or (OPENAI,), seen))


def opened(store: Store) -> None:
    for number in range(2):
        assert isinstance(admit(store, f"failing-{number}"), Granted)
        void(store, f"failing-{number}", BAD)


def circuit(store: Store, key: str = "provider:openai") -> CircuitView:
    return next(view for view in store.circuits(key) if view.key == key)


def test_failing_calls_open_the_circuit_and_say_so(store: Store, clock: FakeClock) -> None:
    admit(store, "c1")
    assert void(store, "c1", BAD) == ()
    admit(store, "c2")

    (moved,) = void(store, "c2", BAD)

    assert (moved.key, moved.before, moved.after) == ("provider:openai", Phase.CLOSED, Phase.OPEN)
    assert admit(store, "c3") == CircuitOpen("provider:openai", "consecutive_failures", 10.0)
    assert circuit(store).refused == 1
    assert circuit(store).until == clock.time() + 10


def test_a_call_that_is_kept_out_reserves_nothing(store: Store) -> None:
    opened(store)

    admit(store, "c", MODEL, OPENAI)

    assert all(view.pending == ZERO and view.open_calls == 0 for view in store.ledgers())


def test_a_call_without_money_enters_no_circuit(store: Store, clock: FakeClock) -> None:
    opened(store)
    clock.advance(10)
    tight = scopes(0)

    answer = store.admit(tight, call("poor"), request("poor", 1), (OPENAI,))

    assert isinstance(answer, Exceeded)
    assert circuit(store).probes == 0


def test_the_first_call_after_the_cooldown_probes_alone(store: Store, clock: FakeClock) -> None:
    opened(store)
    clock.advance(10)

    probe = admit(store, "probe")

    assert isinstance(probe, Granted)
    assert [move.after for move in probe.transitions] == [Phase.HALF_OPEN]
    assert isinstance(admit(store, "second"), CircuitOpen)
    assert circuit(store).probes == 1


def test_a_charged_probe_closes_the_circuit(store: Store, clock: FakeClock) -> None:
    opened(store)
    clock.advance(10)
    admit(store, "probe")

    settled = store.settle(scopes(100), charge("probe", 1)._replace(ended=Ended((OPENAI,), GOOD)))

    assert [move.after for move in settled.transitions] == [Phase.CLOSED]
    assert isinstance(admit(store, "next"), Granted)


def test_a_probe_whose_process_died_gives_its_place_back(store: Store, clock: FakeClock) -> None:
    opened(store)
    clock.advance(10)
    admit(store, "probe")

    clock.advance(LEASE_S + 1)

    assert circuit(store).probes == 0
    assert isinstance(admit(store, "next"), Granted)


def test_a_call_that_is_given_back_without_a_word_gives_its_place_back(
    store: Store, clock: FakeClock
) -> None:
    opened(store)
    clock.advance(10)
    admit(store, "probe")

    assert store.void("probe") == ()

    assert circuit(store).probes == 0


def test_a_call_that_is_asked_for_again_keeps_its_place(store: Store, clock: FakeClock) -> None:
    opened(store)
    clock.advance(10)
    admit(store, "probe")

    assert isinstance(admit(store, "probe"), Granted)

    assert circuit(store).probes == 1


def test_a_call_that_is_charged_twice_tells_its_circuits_once(store: Store) -> None:
    admit(store, "c")
    ended = Ended((OPENAI,), BAD)
    store.settle(scopes(100), charge("c", 1)._replace(ended=ended))

    settled = store.settle(scopes(100), charge("c", 1)._replace(ended=ended))

    assert not settled.charged
    admit(store, "d")
    assert void(store, "d", GOOD) == ()
    assert circuit(store).phase is Phase.CLOSED


def test_a_circuit_that_the_end_does_not_name_learns_nothing(
    store: Store, clock: FakeClock
) -> None:
    opened(store)
    clock.advance(10)
    admit(store, "probe", OPENAI, MODEL)

    void(store, "probe", GOOD, MODEL)

    assert circuit(store).phase is Phase.HALF_OPEN
    assert circuit(store).probes == 0


def test_in_shadow_mode_a_call_runs_and_is_told_what_would_have_kept_it_out(store: Store) -> None:
    opened(store)

    answer = admit(store, "c", enforce=False)

    assert isinstance(answer, Granted)
    assert answer.instead == CircuitOpen("provider:openai", "consecutive_failures", 10.0)


def test_what_a_budget_says_in_shadow_mode_goes_before(store: Store) -> None:
    opened(store)
    none = scopes(0)

    answer = store.admit(none, call("c"), request("c", 1, enforce=False), (OPENAI,))

    assert isinstance(answer, Granted)
    assert isinstance(answer.instead, Exceeded)


@pytest.mark.parametrize("on_exceeded", OnExceeded)
def test_a_circuit_keeps_out_before_a_budget_is_asked(
    store: Store, on_exceeded: OnExceeded
) -> None:
    opened(store)

    answer = store.admit(scopes(0), call("c"), request("c", 1), (OPENAI,))

    assert isinstance(answer, CircuitOpen)
    assert all(view.stopped is None for view in store.ledgers())


def test_circuits_are_listed_by_key_and_prefix(store: Store) -> None:
    admit(store, "c", OPENAI, MODEL)

    assert [view.key for view in store.circuits()] == ["model:gpt-4o", "provider:openai"]
    assert [view.key for view in store.circuits("model:")] == ["model:gpt-4o"]


def test_a_circuit_can_be_opened_and_closed_by_hand(store: Store) -> None:
    assert store.force_open("provider:openai").after is Phase.FORCED_OPEN
    assert admit(store, "c") == CircuitOpen("provider:openai", "by_hand", None)

    assert store.close_circuit("provider:openai").after is Phase.CLOSED
    assert isinstance(admit(store, "c"), Granted)


FORCED = {
    "a provider": ("provider:openai", made_calls.caller()),
    "a model": ("model:gpt-4o", made_calls.caller()),
    "an agent": ("agent:a", made_calls.caller()),
    "the tool around": ("tool:t", replace(made_calls.caller(), tool="t")),
    "all of a kind": ("agent:*", made_calls.caller()),
}


@pytest.mark.parametrize(("key", "who"), FORCED.values(), ids=FORCED)
def test_what_is_opened_by_hand_keeps_out_calls_that_no_policy_gives_a_breaker(
    store: Store, key: str, who: Caller
) -> None:
    store.force_open(key)

    answer = store.admit(scopes(100), call("c", who), request("c", 1))

    assert answer == CircuitOpen(key, "by_hand", None)
    assert circuit(store, key).refused == 1
    assert store.forced() == {key}


def test_what_is_closed_by_hand_lets_calls_in_that_no_policy_gives_a_breaker(store: Store) -> None:
    store.force_open("provider:openai")
    store.close_circuit("provider:openai")

    assert isinstance(store.admit(scopes(100), call("c"), request("c", 1)), Granted)
    assert store.forced() == frozenset()


def test_what_is_opened_by_hand_keeps_out_no_other_call(store: Store) -> None:
    store.force_open("model:gpt-4o-mini")
    store.force_open("function:openai")

    assert isinstance(store.admit(scopes(100), call("c"), request("c", 1)), Granted)


def test_in_shadow_mode_what_is_opened_by_hand_is_told(store: Store) -> None:
    store.force_open("provider:openai")

    answer = store.admit(scopes(100), call("c"), request("c", 1, enforce=False))

    assert isinstance(answer, Granted)
    assert answer.instead == CircuitOpen("provider:openai", "by_hand", None)


def test_a_call_may_enter_circuits_and_ask_for_no_money(store: Store) -> None:
    answer = store.admit((), call("tool"), request("tool", 0), (OPENAI,))

    assert isinstance(answer, Granted)
    assert [view.key for view in store.ledgers()] == []
    void(store, "tool", BAD)
    assert store.records("r") == []
