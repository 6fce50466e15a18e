"""Whether a call may run, and what is said where it may not."""

import asyncio
import pickle
import threading
from decimal import Decimal

import pytest

from engine_fakes import Bench, answered
from wflo_otel.clock import SystemClock
from wflo_otel.core.policy import (
    Budget,
    Budgets,
    Mode,
    OnStateError,
    Policy,
    Prices,
    Reserve,
    Unknown,
)
from wflo_otel.core.scope import Caller
from wflo_otel.engine import Permit, Refusal
from wflo_otel.errors import BudgetExceededError, StateUnavailableError, UnpricedModelError
from wflo_otel.ports import Note

#: A call of 10 characters reserves 10 input and 100 output tokens: this much, in nano-USD.
WHOLE_CALL = 10 * 1_000 + 100 * 10_000


def limited(usd, **options):
    return Policy(budgets=Budgets(run=Budget(usd=usd, **options)))


def test_a_call_that_fits_gets_a_permit_and_a_reservation():
    bench = Bench(limited(WHOLE_CALL))

    permit = bench.admit()

    assert isinstance(permit, Permit)
    assert permit.cap_to_write is None
    assert bench.ledger().pending.usd == WHOLE_CALL


def test_the_requests_own_cap_is_what_is_reserved():
    bench = Bench(limited(10**9))

    bench.admit(output_cap=7, choices=2)

    assert bench.ledger().pending.usd == 10 * 1_000 + 2 * 7 * 10_000


def test_a_call_that_does_not_fit_even_alone_carries_a_smaller_cap():
    permit = Bench(limited(510_000)).admit()

    assert permit.cap_to_write == 50


def test_a_stream_carries_no_cap_it_is_cut_instead():
    permit = Bench(limited(510_000)).admit(streaming=True)

    assert permit.cap_to_write is None
    assert permit.granted.cap == 50


def test_a_cap_below_what_such_calls_need_is_refused():
    bench = Bench(limited(510_000))
    bench.tokens.needed = 60

    assert isinstance(bench.admit(), Refusal)


def test_expected_reservations_let_more_run_at_once():
    bench = Bench(limited(WHOLE_CALL, reserve=Reserve.EXPECTED))
    bench.tokens.expected = 20

    assert all(isinstance(bench.admit(str(n)), Permit) for n in range(4))


def test_a_refusal_says_which_budget_and_which_numbers():
    bench = Bench(limited(1_000))
    caller = Caller("r", agents=("writer",))

    refusal = bench.admit(caller=caller)

    assert refusal.message == (
        "budget of run:r exceeded: $0.00 of $0.000001 spent, $0.00 reserved, $0.00002 needed by "
        "a chat call to gpt-4o of agent writer; run:r is stopped"
    )
    error = refusal.error(sent=False)
    assert isinstance(error, BudgetExceededError)
    assert (error.scope, error.unit, error.stopped) == ("run:r", "usd", True)
    assert (error.limit, error.needed) == (Decimal("0.000001"), Decimal("0.00002"))
    assert str(pickle.loads(pickle.dumps(error))) == refusal.message


def test_after_the_stop_every_call_is_refused():
    bench = Bench(limited(1_000))
    bench.admit()

    refusal = bench.admit("b", chars=0, output_cap=0)

    assert "run:r is stopped (usd budget exceeded)" in refusal.message
    assert refusal.error().stopped
    assert len(bench.told.refusals) == 2


def test_tokens_and_calls_are_shown_as_such():
    bench = Bench(Policy(budgets=Budgets(run=Budget(calls=0))))

    assert "0 calls of 0 calls spent" in bench.admit().message


def test_a_call_waits_for_others_and_then_runs():
    bench = Bench(limited(WHOLE_CALL), clock=SystemClock())
    first, answers = bench.admit("first"), []

    thread = threading.Thread(target=lambda: answers.append(bench.admit("second")))
    thread.start()
    while not bench.store.ledgers("run:r")[0].open_calls:
        pass
    bench.engine.settle(first, answered(0, 0))
    thread.join(timeout=5)

    assert isinstance(answers[0], Permit)
    assert answers[0].waited_s > 0


async def test_tasks_wait_without_blocking_the_loop():
    bench = Bench(limited(WHOLE_CALL), clock=SystemClock())
    first = await bench.engine.admit_async(bench.call("first"))
    second = asyncio.create_task(bench.engine.admit_async(bench.call("second")))
    await asyncio.sleep(0)
    assert not second.done()

    bench.engine.settle(first, answered(0, 0))

    assert isinstance(await second, Permit)


async def test_a_cancelled_wait_gives_up_its_place():
    bench = Bench(limited(WHOLE_CALL), clock=SystemClock())
    first = await bench.engine.admit_async(bench.call("first"))
    second = asyncio.create_task(bench.engine.admit_async(bench.call("second")))
    await asyncio.sleep(0)

    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    bench.engine.settle(first, answered(0, 0))

    third = await bench.engine.admit_async(bench.call("third"))
    assert isinstance(third, Permit)
    assert third.waited_s < 1


def test_patience_ends_in_a_refusal_that_does_not_stop_the_run():
    bench = Bench(limited(WHOLE_CALL, wait_s=0.05), clock=SystemClock())
    bench.admit("first")

    refusal = bench.admit("second")

    assert isinstance(refusal, Refusal)
    assert not refusal.error().stopped
    assert bench.ledger().stopped is None
    assert bench.store.notes("r") == [Note("refused", "waited")]


def test_who_may_not_wait_is_refused_at_once():
    bench = Bench(limited(WHOLE_CALL))
    bench.admit("first")

    assert isinstance(bench.engine.admit(bench.call("b"), may_wait=False), Refusal)


def test_a_caller_that_holds_the_rest_itself_is_refused_at_once():
    bench = Bench(limited(WHOLE_CALL))
    bench.admit("first", owner="me")

    assert "close it first" in bench.admit("second", owner="me").message


def test_an_unpriced_model_is_refused_where_a_budget_in_dollars_holds():
    bench = Bench(limited(10**9))

    refusal = bench.admit(model="unknown-1")

    assert refusal.policy == "unpriced"
    assert "prices.overrides" in refusal.message
    error = refusal.error()
    assert isinstance(error, UnpricedModelError)
    assert (error.provider, error.model) == ("openai", "unknown-1")
    assert bench.store.notes("r") == [Note("refused", "unpriced")]


@pytest.mark.parametrize(
    "policy",
    [
        Policy(),
        Policy(mode=Mode.SHADOW, budgets=Budgets(run=Budget(usd=1))),
        Policy(budgets=Budgets(run=Budget(tokens=10**6))),
        Policy(
            budgets=Budgets(run=Budget(usd=10**12)), prices=Prices(unknown_model=Unknown.FALLBACK)
        ),
    ],
)
def test_elsewhere_an_unpriced_model_costs_the_fallback(policy):
    permit = Bench(policy).admit(model="unknown-1")

    assert permit.price.source == "fallback"


def test_unknown_models_can_be_refused_without_a_budget_in_dollars():
    bench = Bench(Policy(prices=Prices(unknown_model=Unknown.REFUSE)))

    assert isinstance(bench.admit(model="unknown-1"), Refusal)


def test_a_call_without_a_model_reserves_nothing_yet():
    bench = Bench(limited(10**9))

    bench.admit(model=None)

    assert bench.ledger().pending.usd == 0


def test_an_inner_seam_adopts_the_permit_of_the_outer_one():
    bench = Bench(limited(WHOLE_CALL))
    outer = bench.admit("outer")

    inner = bench.engine.admit(bench.call("inner", output_cap=10), adopting=outer)

    assert inner.call.call_id == "outer"
    assert outer.adopted
    assert bench.ledger().pending.usd == 10 * 1_000 + 10 * 10_000
    assert bench.ledger().open_calls == 1


def test_an_adopted_permit_is_given_back_where_the_inner_call_is_refused():
    bench = Bench(limited(WHOLE_CALL))
    outer = bench.admit("outer", chars=0, output_cap=1)

    refusal = bench.engine.admit(bench.call("inner", chars=10**6), adopting=outer)

    assert isinstance(refusal, Refusal)
    assert bench.ledger().pending.usd == 0


def test_shadow_mode_refuses_nothing_and_tells_what_it_would_have_done():
    policy = Policy(mode=Mode.SHADOW, budgets=Budgets(run=Budget(usd=1_000)))
    bench = Bench(policy)

    permit = bench.admit()

    assert permit.cap_to_write is None
    assert bench.told.refusals[0].shadow
    assert bench.admit("b", chars=1) is not None


def test_shadow_mode_tells_that_a_call_would_have_waited():
    policy = Policy(mode=Mode.SHADOW, budgets=Budgets(run=Budget(usd=WHOLE_CALL)))
    bench = Bench(policy)
    bench.admit("a")
    bench.admit("b")

    assert [told.shadow for told in bench.told.refusals] == [True]


def test_a_state_that_cannot_answer_refuses_under_a_budget():
    bench = Bench(limited(10**9))
    bench.store.broken = True

    refusal = bench.admit()

    assert isinstance(refusal.error(), StateUnavailableError)
    assert "the disk is full" in refusal.message
    assert bench.told.failures == [("admit", False)]


@pytest.mark.parametrize(
    "policy",
    [Policy(), Policy(on_state_error=OnStateError.ALLOW, budgets=Budgets(run=Budget(usd=1)))],
)
def test_a_state_that_cannot_answer_is_counted_and_passed_over_where_that_is_allowed(policy):
    bench = Bench(policy)
    bench.store.broken = True

    permit = bench.admit()

    assert isinstance(permit, Permit)
    assert not permit.reserved
    assert bench.told.failures == [("admit", True)]


def test_a_fetch_of_what_exists_reserves_nothing():
    bench = Bench(limited(1_000))

    permit = bench.engine.fetch(bench.call())

    assert isinstance(permit, Permit)
    assert bench.store.ledgers("run:r") == []
