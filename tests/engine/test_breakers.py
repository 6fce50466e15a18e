"""Circuit breakers in the engine: asked with the budget, told with the charge."""

from dataclasses import replace

import pytest

from engine_fakes import Bench, answered
from wflo_otel.core.breaker import Component
from wflo_otel.core.call import Answer, Ask, Call, Operation, Outcome, Status
from wflo_otel.core.decision import Phase
from wflo_otel.core.policy import Breaker, Budget, Budgets, Mode, Policy
from wflo_otel.core.scope import Caller
from wflo_otel.core.usage import Usage
from wflo_otel.engine import Permit, Refusal
from wflo_otel.errors import BudgetExceededError, CircuitOpenError
from wflo_otel.ports import Note

OPTIONS = Breaker(consecutive_failures=2, cooldown_s=10)
POLICY = Policy(
    budgets=Budgets(run=Budget(usd=10**9)),
    breakers={"provider:openai": OPTIONS, "tool:*": OPTIONS},
)
FAILED = Outcome(Status.ERROR, http_status=503, retry_after_s=25)
SEARCH = Ask(Operation.EXECUTE_TOOL, "", None)


def broken(policy=POLICY):
    bench = Bench(policy)
    for name in "xy":
        bench.engine.settle(bench.admit(name), FAILED)
    return bench


def tool(call_id="t", name="search"):
    return Call(call_id, SEARCH, Caller("r", tool=name))


def test_a_provider_that_fails_is_not_called_and_the_error_says_when_to_try_again():
    bench = broken()

    refusal = bench.admit()

    error = refusal.error()
    assert isinstance(error, CircuitOpenError)
    assert (error.component, error.reason) == ("provider:openai", "consecutive_failures")
    assert error.retry_after == 25
    assert str(error) == (
        "the circuit breaker of provider:openai is open (consecutive_failures); try again in 25.0 s"
    )
    assert [each.policy for each in bench.told.refusals] == ["breaker"]
    assert bench.store.notes("r") == [Note("refused", "breaker")]


def test_opening_half_opening_and_closing_are_told():
    bench = broken()
    bench.clock.advance(25)

    bench.engine.settle(bench.admit(), answered())

    assert [each.after for each in bench.told.moves] == [
        Phase.OPEN,
        Phase.HALF_OPEN,
        Phase.CLOSED,
    ]


def test_a_request_that_never_left_is_told_and_charged_nothing():
    bench = Bench(POLICY)

    for name in "xy":
        bench.engine.void(bench.admit(name), Outcome(Status.ERROR, error_type="ConnectError"))

    assert isinstance(bench.admit(), Refusal)
    assert bench.ledger().settled.calls == 0


def test_what_wflo_gives_back_by_itself_is_no_failure():
    bench = Bench(POLICY)

    for name in "xy":
        bench.engine.void(bench.admit(name))

    assert isinstance(bench.admit(), Permit)


def test_tokens_that_were_charged_open_a_circuit():
    breakers = {"provider:openai": Breaker(token_budget=100)}
    bench = Bench(Policy(breakers=breakers))
    used = Answer(Usage(input_tokens=60, output_tokens=40), model="gpt-4o", complete=True)

    bench.engine.settle(bench.admit(), Outcome(Status.OK, used, http_status=200))

    assert bench.admit("b").error().reason == "tokens"


def test_an_open_breaker_stops_nothing_but_the_call():
    bench = broken()
    bench.admit()
    bench.clock.advance(25)

    assert bench.ledger().stopped is None
    assert isinstance(bench.admit("b"), Permit)


def test_in_shadow_mode_the_call_runs_and_the_refusal_is_told():
    policy = Policy(mode=Mode.SHADOW, breakers={"provider:openai": OPTIONS})
    bench = broken(policy)

    assert isinstance(bench.admit(), Permit)

    (told,) = bench.told.refusals
    assert (told.policy, told.shadow) == ("breaker", True)


def test_a_call_that_nobody_can_stop_is_counted_all_the_same():
    bench = broken()

    permit = bench.engine.observe(bench.call("observed"))
    bench.engine.settle(permit, FAILED)

    assert bench.told.refusals[0].shadow
    assert bench.store.circuits()[0].phase is Phase.OPEN


def test_a_call_that_has_entered_goes_on_although_the_circuit_opens_meanwhile():
    bench = Bench(POLICY)
    outer = bench.admit("outer", model=None)
    for name in "xy":
        bench.engine.settle(bench.admit(name), FAILED)

    permit = bench.engine.admit(bench.call("inner"), adopting=outer)

    assert isinstance(permit, Permit)  # it had entered before the circuit opened
    bench.engine.void(permit)
    assert bench.ledger().open_calls == 0


# -- calls that reserve nothing ---------------------------------------------------------------


def test_a_tool_that_fails_is_not_called():
    bench = Bench(POLICY)
    for name in "xy":
        bench.engine.leave(bench.engine.enter(tool(name)), Outcome(Status.ERROR))

    refusal = bench.engine.enter(tool())

    assert refusal.error().component == "tool:search"
    assert isinstance(bench.engine.enter(tool("u", name="other")), Permit)


def test_a_tool_of_a_stopped_run_is_not_called_and_enters_no_circuit():
    bench = Bench(POLICY)
    bench.store.stop("run:r", "by hand")

    refusal = bench.engine.enter(tool())

    assert isinstance(refusal.error(), BudgetExceededError)
    assert bench.store.circuits() == []


def test_a_call_that_meets_no_breaker_asks_no_state_for_one():
    bench = Bench(Policy())

    permit = bench.engine.enter(tool())

    assert not permit.reserved
    assert "admit" not in bench.told.latencies
    bench.engine.leave(permit, Outcome(Status.OK))


def test_where_the_state_cannot_answer_a_tool_runs():
    bench = Bench(POLICY)
    bench.store.broken = True

    permit = bench.engine.enter(tool())

    assert isinstance(permit, Permit)
    assert ("admit", True) in bench.told.failures
    bench.engine.leave(permit, Outcome(Status.ERROR))


def test_a_function_may_bring_a_circuit_of_its_own():
    bench = Bench(Policy())
    mine = Component("function:plan", OPTIONS)
    for name in "xy":
        bench.engine.leave(bench.engine.enter(tool(name), mine), Outcome(Status.ERROR))

    assert bench.engine.enter(tool(), mine).error().component == "function:plan"


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.ABANDONED])
def test_a_caller_who_leaves_is_no_failure(status):
    bench = Bench(POLICY)
    for name in "xyz":
        bench.engine.leave(bench.engine.enter(tool(name)), Outcome(status))

    assert bench.store.circuits()[0].phase is Phase.CLOSED


def test_what_costs_nothing_is_priced_at_nothing():
    permit = Bench(POLICY).engine.enter(tool())

    price = permit.price
    assert (price.cost_pico(Usage(output_tokens=9)), price.input_pico(9), price.output_pico(9)) == (
        0,
        0,
        0,
    )


NO_BREAKERS = Policy(budgets=Budgets(run=Budget(usd=10**9)))


def test_a_tool_that_is_opened_by_hand_is_not_called_where_no_breaker_is_configured():
    bench = Bench(NO_BREAKERS)
    bench.store.force_open("tool:search")

    refusal = bench.engine.enter(tool())

    assert isinstance(refusal, Refusal)
    assert refusal.error().component == "tool:search"
    assert isinstance(bench.engine.enter(tool(name="fetch")), Permit)


def test_in_shadow_mode_a_tool_that_is_opened_by_hand_is_called_and_told():
    bench = Bench(replace(NO_BREAKERS, mode=Mode.SHADOW))
    bench.store.force_open("tool:search")

    assert isinstance(bench.engine.enter(tool()), Permit)

    assert [each.shadow for each in bench.told.refusals] == [True]


def test_a_tool_asks_nothing_of_the_ledgers_where_nothing_is_opened_by_hand():
    bench = Bench(NO_BREAKERS)

    permit = bench.engine.enter(tool())

    assert not permit.reserved


def test_a_tool_may_run_where_nobody_can_say_what_was_opened_by_hand():
    bench = Bench(NO_BREAKERS)
    bench.store.broken = True

    assert isinstance(bench.engine.enter(tool()), Permit)

    assert ("forced", True) in bench.told.failures


def test_a_model_that_is_opened_by_hand_is_not_called_where_no_breaker_is_configured():
    bench = Bench(NO_BREAKERS)
    bench.store.force_open("provider:openai")

    assert isinstance(bench.admit(), Refusal)
