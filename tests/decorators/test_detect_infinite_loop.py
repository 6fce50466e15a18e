"""``@detect_infinite_loop``: an agent that goes in circles inside a function is stopped."""

from __future__ import annotations

from itertools import count

import pytest

from decorated import watch
from kinds import KINDS, made, run
from wflo_otel.core.policy import Loops, Mode, Policy
from wflo_otel.decorators import detect_infinite_loop, record_usage, track_llm_call, track_tool_call
from wflo_otel.errors import ConfigError, InfiniteLoopDetectedError
from wflo_otel.workflow import WfloWorkflow


@track_tool_call
def look(at):
    return f"nothing new at {at}"


@track_llm_call(model="gpt-4o")
def ask():
    record_usage(input_tokens=10, output_tokens=10)


@pytest.mark.parametrize("kind", KINDS)
def test_a_tool_that_brings_nothing_new_is_stopped(kind):
    watch()
    calls = count()

    def work():
        for _ in range(20):
            next(calls)
            look("the wall")

    with pytest.raises(InfiniteLoopDetectedError, match=r"function:\w+#\S+ is stopped") as caught:
        run(kind, detect_infinite_loop(made(kind, work)))

    assert caught.value.kind == "identical"
    assert next(calls) == 5


@pytest.mark.parametrize("kind", KINDS)
def test_the_invocation_after_it_begins_anew(kind):
    watch()
    looks = detect_infinite_loop(made(kind, lambda times: [look("it") for _ in range(times)]))
    times = 3 if kind in {"plain", "coroutine"} else 1
    for _ in range(5):
        run(kind, looks, times)


def test_an_agent_that_gets_on_is_left_alone():
    watch()

    @detect_infinite_loop(max_iterations=10)
    def work():
        return [look(number) for number in range(30)]

    assert len(work()) == 30


def test_a_step_is_called_so_often_in_a_run_and_no_more():
    seen = watch()

    @detect_infinite_loop(max_iterations=3)
    def step():
        ask()

    for _ in range(3):
        step()
    with pytest.raises(InfiniteLoopDetectedError, match="iteration_cap, 4 times") as caught:
        step()

    assert caught.value.scope == "function:step"
    assert len(seen.records) == 3
    with WfloWorkflow("another run"):
        step()


def test_a_step_beyond_is_only_told_of_in_shadow_mode():
    watch(policy=Policy(mode=Mode.SHADOW))

    @detect_infinite_loop(max_iterations=1)
    def step():
        return "done"

    assert [step() for _ in range(3)] == ["done"] * 3


def test_options_hold_and_the_function_keeps_its_name():
    watch()

    @detect_infinite_loop(repeats=2)
    def work():
        return [look("it") for _ in range(9)]

    assert work.__name__ == "work"
    with pytest.raises(InfiniteLoopDetectedError, match="3 times"):
        work()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"max_iterations": 0}, "max_iterations: '0' is not a positive whole number"),
        ({"similarity_threshold": 1.5}, "similarity_threshold: '1.5' is not a share"),
        ({"repeats": 1}, "repeats: '1' is not from 2 to 1_000"),
        ({"max_iteration": 3}, "max_iteration is no option .did you mean max_iterations"),
        ({"hint": "inject"}, "hint is no option"),
    ],
)
def test_options_out_of_range_are_refused_where_they_are_written(options, problem):
    with pytest.raises(ConfigError, match=f"detect_infinite_loop: {problem}"):
        detect_infinite_loop(**options)


def test_the_workflow_tells_what_its_agents_were_warned_of():
    watch(policy=Policy(loops=Loops()))
    with WfloWorkflow("w") as workflow:
        for _ in range(3):
            look("the wall")

        (hint,) = workflow.hints()

    assert hint.startswith("Note: you have made the same call 3 times")
    assert "the wall" not in hint


def test_an_error_is_an_answer_and_what_cannot_be_written_is_none():
    watch(policy=Policy(loops=Loops()))

    @track_tool_call
    def fails(at):
        raise ValueError("no such page")

    class Odd:
        def __repr__(self):
            raise RuntimeError

    @track_tool_call
    def odd():
        return Odd()

    for _ in range(9):
        odd()
    for _ in range(4):
        with pytest.raises(ValueError, match="no such page"):
            fails("x")
    with pytest.raises(InfiniteLoopDetectedError):
        fails("x")


def test_a_user_s_error_that_cannot_be_shown_is_known_by_its_class():
    watch(policy=Policy(loops=Loops()))

    class OddError(Exception):
        def __str__(self):
            raise RuntimeError

    @track_tool_call
    def fails():
        raise OddError

    for _ in range(4):
        with pytest.raises(OddError):
            fails()
    with pytest.raises(InfiniteLoopDetectedError):
        fails()


def test_a_huge_argument_is_compared_by_its_beginning_and_holds_nothing_up():
    watch(policy=Policy(loops=Loops()))
    huge = ["x" * 1_000] * 5_000
    for _ in range(4):
        look_at = track_tool_call(tool_name="read")(lambda what: "the same old answer")
        look_at(huge)
    with pytest.raises(InfiniteLoopDetectedError, match=r"read\(\d+ chars\)"):
        look_at(huge)
