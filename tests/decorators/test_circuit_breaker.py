"""``@circuit_breaker``: a function that fails is not called for a while, whatever its kind."""

from __future__ import annotations

import asyncio
import threading

import pytest

from decorated import Watch, watch
from kinds import KINDS, made, run
from wflo_otel.config.options import BREAKER
from wflo_otel.core.decision import Phase
from wflo_otel.core.policy import Mode, Policy
from wflo_otel.decorators import (
    BreakerOptions,
    circuit_breaker,
    record_usage,
    track_llm_call,
)
from wflo_otel.errors import BudgetExceededError, CircuitOpenError, ConfigError
from wflo_otel.testing import FakeClock


def fails():
    raise ValueError("content")


def phase(seen: Watch, key: str = "function:planner") -> Phase:
    return seen.configuration.store.circuits(key)[0].phase


def broken(kind="function", **options):
    """A function of this kind that has failed twice under a breaker that allows no more."""
    guard = circuit_breaker("planner", consecutive_failures=2, cooldown_s=10, **options)
    failing = guard(made(kind, fails))
    for _ in range(2):
        with pytest.raises(ValueError, match="content"):
            run(kind, failing)
    return guard


@pytest.mark.parametrize("kind", KINDS)
def test_while_it_is_open_the_function_does_not_run(kind):
    seen, ran = watch(), []
    guard = broken(kind)

    with pytest.raises(CircuitOpenError, match="function:planner is open") as caught:
        run(kind, guard(made(kind, lambda: ran.append(1))))

    assert ran == []
    assert 0 < caught.value.retry_after <= 10
    assert phase(seen) is Phase.OPEN


@pytest.mark.parametrize("kind", KINDS)
def test_the_fallback_runs_in_its_place(kind):
    watch()
    guard = broken(kind, fallback=made(kind, lambda: "instead"))

    assert run(kind, guard(made(kind, lambda: "itself"))) == "instead"


def test_a_fallback_of_another_kind_is_told_where_it_is_written():
    async def other():
        """A coroutine function for a plain one."""

    with pytest.raises(ConfigError, match="other must be of the same kind as fails"):
        circuit_breaker("planner", fallback=other)(fails)


def test_a_fallback_does_not_hide_that_the_run_was_stopped():
    seen = watch()
    guarded = circuit_breaker("planner", fallback=lambda: "instead")(lambda: "itself")
    seen.configuration.store.stop(f"run:{seen.run_id}", "by hand")

    with pytest.raises(BudgetExceededError):
        guarded()


def test_functions_of_one_name_share_the_circuit_and_others_do_not():
    watch()
    guard = broken()

    with pytest.raises(CircuitOpenError):
        guard(lambda: 1)()
    assert circuit_breaker("another")(lambda: 1)() == 1


def test_recovery_closes_it():
    clock = FakeClock()
    seen = watch(clock=clock)
    guard = broken()
    clock.advance(10)

    assert guard(lambda: "well")() == "well"

    assert phase(seen) is Phase.CLOSED


def test_half_open_lets_in_one_of_many_that_come_at_once():
    clock = FakeClock()
    watch(clock=clock)
    guard = broken()
    clock.advance(10)
    barrier, inside, answers = threading.Barrier(9), threading.Event(), []

    def slow():
        inside.wait(10)
        return "probe"

    def ask():
        barrier.wait()
        try:
            answers.append(guard(slow)())
        except CircuitOpenError as error:
            answers.append(error.reason)
            if len(answers) == 7:
                inside.set()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    barrier.wait()
    for thread in threads:
        thread.join()

    assert answers.count("probe") == 1
    assert len(answers) == 8


def test_a_cancelled_task_is_no_failure():
    seen = watch()

    @circuit_breaker("planner", consecutive_failures=1)
    async def waits():
        await asyncio.sleep(60)

    async def cancel():
        task = asyncio.create_task(waits())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())

    assert phase(seen) is Phase.CLOSED


def test_what_wflo_refuses_inside_is_no_failure():
    seen = watch()

    @circuit_breaker("planner", consecutive_failures=1)
    def refused():
        raise BudgetExceededError("no money")

    with pytest.raises(BudgetExceededError):
        refused()

    assert phase(seen) is Phase.CLOSED


def test_tokens_of_calls_inside_open_it_and_then_further_calls_inside_are_refused():
    seen = watch()

    @track_llm_call(model="gpt-4o")
    def ask():
        record_usage(input_tokens=60, output_tokens=0)

    @circuit_breaker("planner", token_budget=100)
    def plan():
        for _ in range(5):
            ask()

    with pytest.raises(CircuitOpenError, match=r"function:planner is open \(tokens\)"):
        plan()

    assert len([each for each in seen.records if each.usage.input_tokens]) == 2


def test_in_shadow_mode_the_function_runs():
    Watch(Policy(mode=Mode.SHADOW))
    guard = broken()

    assert guard(lambda: "ran")() == "ran"


def test_without_any_set_up_it_works_by_itself():
    guard = broken()

    with pytest.raises(CircuitOpenError):
        guard(fails)()


def test_the_keywords_are_the_options_of_the_policy():
    assert set(BreakerOptions.__annotations__) == {option.key for option in BREAKER}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"error_threshold": 1.5}, "error_threshold: '1.5' is not a share above 0 and up to 1"),
        ({"error_threshold": 0}, "error_threshold: '0' is not a share"),
        ({"min_calls": 0}, "min_calls: '0' is not a positive whole number"),
        ({"min_calls": True}, "min_calls: 'true' is not a positive whole number"),
        ({"min_calls": "5"}, "min_calls: '5' is text"),
        ({"window_s": 0}, "window_s: '0' is not a number of seconds above 0"),
        ({"cooldown_s": -1}, "cooldown_s: '-1' is not a number of seconds above 0"),
        ({"token_budget": -5}, "token_budget: '-5' is not a positive whole number"),
        ({"usd_budget": "lots"}, "usd_budget: 'lots' is not an amount in US dollars"),
        ({"half_open_call": 2}, r"half_open_call is no option \(did you mean half_open_calls\?\)"),
        ({"colour": 2}, "colour is no option .known: error_threshold, min_calls"),
    ],
)
def test_an_option_that_cannot_be_is_told_with_the_remedy(options, message):
    with pytest.raises(ConfigError, match=f"circuit_breaker: {message}"):
        circuit_breaker("planner", **options)


def test_an_option_that_is_none_counts_as_left_out():
    circuit_breaker("planner", slow_call_s=None, token_budget=None)


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\x00b", "\x1b[31m"])
def test_a_name_that_cannot_be_shown_is_told(name):
    with pytest.raises(ConfigError, match="is no name"):
        circuit_breaker(name)
