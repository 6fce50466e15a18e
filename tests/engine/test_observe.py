"""Calls that nobody can stop are counted, and what would have refused them is told."""

from dataclasses import replace

from engine_fakes import Bench, answered
from wflo_otel.core.call import Outcome, Status
from wflo_otel.core.policy import Budget, Budgets, Mode, OnExceeded, Policy
from wflo_otel.engine import Refusal
from wflo_otel.errors import StoreError


def bench(usd=1_000, mode=Mode.ENFORCE, **budget):
    return Bench(Policy(mode=mode, budgets=Budgets(run=Budget(usd=usd, **budget))))


def observe(made, call_id="a", **more):
    return made.engine.observe(made.call(call_id, **more))


def test_a_call_that_nobody_can_stop_is_reserved_and_charged_beyond_the_budget():
    made = bench()

    permit = observe(made)
    made.engine.settle(permit, answered())

    assert made.ledger().settled.usd == 60_000
    assert made.ledger().pending.usd == 0


def test_what_would_have_refused_it_is_told_as_in_shadow_mode_and_stops_the_run():
    made = bench()

    observe(made)

    (told,) = made.told.refusals
    assert (told.policy, told.shadow) == ("budget", True)
    assert isinstance(made.admit("b"), Refusal)
    assert made.ledger().stopped == "usd budget exceeded"


def test_nothing_is_stopped_where_the_budget_refuses_single_calls_only():
    made = bench(on_exceeded=OnExceeded.REFUSE)

    observe(made)

    assert made.ledger().stopped is None


def test_nothing_is_stopped_in_shadow_mode():
    made = bench(mode=Mode.SHADOW)

    observe(made)

    assert made.ledger().stopped is None


def test_a_call_that_fits_is_told_of_as_nothing():
    made = bench(usd=10**9)

    observe(made)

    assert made.told.refusals == []


def test_an_unpriced_model_is_charged_the_fallback_price():
    made = bench(usd=10**9)

    permit = observe(made, model="unknown-1")
    record = made.engine.settle(permit, answered())

    (told,) = made.told.refusals
    assert (told.policy, told.shadow) == ("unpriced", True)
    assert record.cost > 0


def test_where_the_state_is_gone_the_call_is_settled_later():
    made = bench(usd=10**9)
    made.store.broken = True

    permit = observe(made)
    made.engine.settle(permit, answered())
    made.store.broken = False
    made.engine.tend()

    assert made.told.refusals[0].policy == "state"
    assert made.ledger().settled.usd == 60_000


def test_a_stop_that_the_state_cannot_take_is_counted():
    made = bench()
    made.store.stop = _broken

    observe(made)

    assert ("stop", True) in made.told.failures


def _broken(*_):
    raise StoreError("the disk is full")


def test_it_takes_over_the_permit_of_an_outer_seam():
    made = bench(usd=10**9)
    outer = made.admit("outer")

    permit = made.engine.observe(made.call("inner"), adopting=outer)
    made.engine.settle(permit, replace(answered(), status=Status.OK))

    assert outer.adopted
    assert permit.call.call_id == "outer"
    assert made.ledger().settled.calls == 1


def test_a_call_that_nobody_saw_is_charged_in_full():
    made = bench()

    record = made.engine.settle(observe(made), Outcome(Status.UNKNOWN))

    assert record.cost == 10 * 1_000 + 100 * 10_000
