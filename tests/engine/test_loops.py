"""Agents that go in circles are warned of, hinted at and stopped, by what the wire shows."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_fakes import Bench, answered
from wflo_otel.core.call import (
    Answer,
    Call,
    Heard,
    Operation,
    Outcome,
    Status,
    ToolCall,
    ToolResult,
)
from wflo_otel.core.decision import Circling
from wflo_otel.core.finding import Finding, Kind, Rung, finding_of, hint_of, reason_of
from wflo_otel.core.policy import Budget, Budgets, Hint, Loops, Mode, Policy
from wflo_otel.core.scope import Caller
from wflo_otel.engine import Permit, Refusal
from wflo_otel.engine.loops import KNOWN, RUNS, LoopWatches
from wflo_otel.errors import InfiniteLoopDetectedError

AGENT = Caller("r", agents=("scout",))
LOOPS = Policy(loops=Loops())


class Agent:
    """A bare tool loop, as the wire shows it: each request brings the answers to the last one."""

    def __init__(self, bench, caller=AGENT):
        self.bench, self.caller, self.turns, self.said = bench, caller, 0, Heard(begins=True)

    def ask(self, heard=None, call_id=None, **more):
        self.turns += 1
        call = self.bench.call(call_id or f"{id(self)}-{self.turns}", caller=self.caller)
        heard = self.said if heard is None else heard
        self.asked = Call(call.call_id, call.ask, call.caller, heard=heard, **more)
        return self.bench.engine.admit(self.asked)

    def turn(self, *calls):
        """One turn: the model asks for tools, and each answers. ``(name, arguments, result)``."""
        permit = self.ask()
        if isinstance(permit, Refusal):
            return permit
        wanted = [
            ToolCall(f"{self.turns}/{n}", name, given) for n, (name, given, _) in enumerate(calls)
        ]
        self.bench.engine.settle(permit, answered(tool_calls=tuple(wanted)))
        self.said = Heard(
            tuple(
                ToolResult(each.call_id, "", text)
                for each, (_, _, text) in zip(wanted, calls, strict=True)
            )
        )
        return permit

    def until_stopped(self, *calls, most=20):
        for turn in range(most):
            answer = self.turn(*calls)
            if isinstance(answer, Refusal):
                return turn, answer
        return None


SEARCH = ("search", '{"query": "tides"}', "the moon")
OPEN = ("open", '{"page": 3}', "a picture")


def test_a_repeated_call_is_refused_before_the_next_turn_is_paid_for():
    bench = Bench(LOOPS)
    turn, refusal = Agent(bench).until_stopped(SEARCH)

    assert turn == 4
    assert len(bench.told.records) == 4
    error = refusal.error()
    assert isinstance(error, InfiniteLoopDetectedError)
    assert (error.scope, error.kind, error.count) == ("run:r/agent:scout", "identical", 4)
    assert error.cycle == ("search(18 chars)",)
    assert str(error) == (
        "run:r/agent:scout is stopped (loop: identical, 4 times: search(18 chars)); "
        "refused a chat call to gpt-4o of agent scout"
    )
    assert "tides" not in str(error)
    again = pickle.loads(pickle.dumps(error))
    assert (again.kind, again.cycle) == (error.kind, error.cycle)


def test_a_cycle_is_shown_step_by_step():
    bench = Bench(LOOPS)
    agent = Agent(bench)
    steps = [SEARCH, OPEN] * 6
    answers = [agent.turn(step) for step in steps]

    refusal = next(each for each in answers if isinstance(each, Refusal))
    assert refusal.facts["cycle"] == ("search(18 chars)", "open(11 chars)")
    assert refusal.facts["period"] == 2


def test_an_agent_whose_work_brings_something_new_goes_on():
    bench = Bench(LOOPS)
    agent = Agent(bench)
    answers = [agent.turn(("read", f'{{"page": {n}}}', f"page {n} says {n}")) for n in range(60)]

    assert all(isinstance(each, Permit) for each in answers)


def test_a_stopped_agent_stays_stopped_and_others_go_on():
    bench = Bench(LOOPS)
    agent = Agent(bench)
    agent.until_stopped(SEARCH)

    again = Agent(bench).ask()
    assert isinstance(again, Refusal)
    assert isinstance(again.decision, Circling)
    assert again.error().cycle == ("search(18 chars)",)
    tool = bench.engine.enter(bench.call("t", caller=AGENT))
    assert isinstance(tool, Refusal)
    assert isinstance(tool.error(), InfiniteLoopDetectedError)
    assert isinstance(Agent(bench, Caller("r", agents=("writer",))).ask(), Permit)


def test_another_process_meets_the_stop_by_the_state():
    bench = Bench(LOOPS)
    Agent(bench).until_stopped(SEARCH)
    other = Bench(LOOPS, bench.clock)
    other.store.stop("run:r/agent:scout", bench.ledger("run:r/agent:scout").stopped)

    assert Agent(other).ask().policy == "loop"


def test_without_an_agent_the_run_is_stopped():
    bench = Bench(LOOPS)
    Agent(bench, Caller("r")).until_stopped(SEARCH)

    assert bench.ledger("run:r").stopped.startswith("loop: identical")


def test_shadow_mode_tells_of_the_loop_and_stops_nothing():
    bench = Bench(Policy(mode=Mode.SHADOW, loops=Loops()))

    assert Agent(bench).until_stopped(SEARCH) is None
    assert bench.told.refusals[0].policy == "loop"
    assert bench.told.refusals[0].shadow
    assert bench.ledger("run:r/agent:scout").stopped is None


def test_without_loops_in_the_policy_nobody_looks():
    bench = Bench()

    assert Agent(bench).until_stopped(SEARCH) is None
    assert bench.told.circling == []


def test_the_ladder_is_told_each_rung_once():
    bench = Bench(LOOPS)
    Agent(bench).until_stopped(SEARCH)

    assert [each.finding.rung for each in bench.told.circling] == [Rung.WARN, Rung.HINT, Rung.STOP]
    hints = bench.engine.loops.hints("r")
    assert len(hints) == 1
    assert "the same call 3 times" in hints[0]


def test_a_hint_is_written_into_the_request_only_where_the_policy_says_so():
    for hint, is_written in ((Hint.EVENT, False), (Hint.INJECT, True)):
        bench = Bench(Policy(loops=Loops(hint=hint)))
        agent = Agent(bench)
        permits = [agent.turn(SEARCH) for _ in range(4)]

        assert [bool(each.hint) for each in permits] == [False, False, False, is_written]


def test_turns_beyond_the_cap_are_not_sent():
    bench = Bench(Policy(loops=Loops(max_iterations=3)))
    agent = Agent(bench)
    answers = [agent.turn(("read", str(n), f"page {n}")) for n in range(4)]

    assert [isinstance(each, Permit) for each in answers] == [True, True, True, False]
    assert answers[3].error().kind == "iteration_cap"
    assert answers[3].error().count == 4


def test_a_new_question_begins_anew():
    bench = Bench(Policy(loops=Loops(max_iterations=2)))
    for _ in range(5):
        agent = Agent(bench)
        assert isinstance(agent.turn(SEARCH), Permit)
        assert isinstance(agent.turn(SEARCH), Permit)


def test_an_attempt_again_is_no_turn_and_brings_nothing_twice():
    bench = Bench(Policy(loops=Loops(max_iterations=3)))
    agent = Agent(bench)
    for _ in range(3):
        agent.turn(SEARCH)
    for attempt in range(1, 9):
        bench.engine.void(agent.ask(attempt=attempt))

    assert [each.finding.rung for each in bench.told.circling] == [Rung.WARN, Rung.HINT]


def test_a_call_that_an_outer_seam_has_asked_for_is_one_turn():
    bench = Bench(Policy(loops=Loops(max_iterations=2)))
    wanted = answered(tool_calls=(ToolCall("1", "look", "{}"),))
    for turn in range(2):
        outer = bench.engine.admit(bench.call(f"o{turn}", caller=AGENT))
        inner = Call("x", outer.call.ask, AGENT, heard=Heard())
        bench.engine.settle(bench.engine.admit(inner, adopting=outer), wanted)

    assert isinstance(bench.engine.admit(bench.call("o2", caller=AGENT)), Refusal)


@pytest.mark.parametrize("heard", [None, Heard(begins=True)])
def test_after_an_answer_something_new_is_asked_whoever_sees_it(heard):
    bench = Bench(Policy(loops=Loops(max_iterations=1)))
    for turn in range(4):
        outer = bench.engine.admit(bench.call(f"o{turn}", caller=AGENT))
        inner = Call("x", outer.call.ask, AGENT, heard=heard)
        bench.engine.settle(bench.engine.admit(inner, adopting=outer), answered())

    assert bench.told.circling == []


def test_a_beginning_that_only_the_inner_seam_sees_begins_anew():
    bench = Bench(Policy(loops=Loops(max_iterations=2)))
    wanted = answered(tool_calls=(ToolCall("1", "look", "{}"),))
    for turn in range(4):
        outer = bench.engine.admit(bench.call(f"o{turn}", caller=AGENT))
        inner = Call("x", outer.call.ask, AGENT, heard=Heard(begins=True))
        bench.engine.settle(bench.engine.admit(inner, adopting=outer), wanted)

    assert bench.told.circling == []


def test_a_call_that_nobody_can_stop_latches_all_the_same():
    bench = Bench(Policy(loops=Loops(max_iterations=1)))
    wanted = (ToolCall("1", "look", "{}"),)
    for n in range(2):
        permit = bench.engine.observe(bench.call(f"{n}", caller=AGENT))
        bench.engine.settle(permit, answered(tool_calls=wanted))

    assert isinstance(bench.engine.admit(bench.call("2", caller=AGENT)), Refusal)
    assert len(bench.told.records) == 2


def test_tools_that_their_own_seam_sees_are_counted_where_the_wire_does_not_show_them():
    bench = Bench(LOOPS)
    call = bench.call("t", caller=AGENT)
    for _ in range(4):
        assert bench.engine.stopped(call) is None
        bench.engine.did(call, SEARCH)

    assert bench.engine.stopped(call).error().kind == "identical"


def test_of_two_who_tell_of_one_tool_in_a_turn_one_is_heard():
    bench = Bench(LOOPS)
    call = bench.call("t", caller=AGENT)
    for _ in range(3):
        bench.engine.admit(bench.call(f"turn {bench.clock.new_id()}", caller=AGENT))
        bench.engine.did(call, SEARCH, "one")
        bench.engine.did(call, ("search", "in other words", "the moon"), "another")

    assert bench.engine.stopped(call) is None
    assert [each.finding.kind for each in bench.told.circling] == ["identical"] * 2


def test_tools_that_the_wire_shows_count_once():
    bench = Bench(LOOPS)
    agent = Agent(bench)
    for _ in range(3):
        agent.turn(SEARCH)
        bench.engine.did(bench.call("t", caller=AGENT), SEARCH)

    assert [each.finding.count for each in bench.told.circling] == [2]


def test_a_call_without_an_id_is_known_by_its_name():
    bench = Bench(LOOPS)
    agent = Agent(bench)
    for _ in range(4):
        permit = agent.ask()
        bench.engine.settle(permit, answered(tool_calls=(ToolCall("", "look", "{}"),)))
        agent.said = Heard((ToolResult("", "look", "a wall"),))

    assert agent.ask().error().cycle == ("look(2 chars)",)


def test_what_nobody_asked_for_is_not_counted():
    bench = Bench(LOOPS)
    agent = Agent(bench)
    agent.said = Heard((ToolResult("1", "look", "a wall"),))
    for _ in range(9):
        assert isinstance(agent.ask(), Permit)


def test_embeddings_are_no_turns():
    bench = Bench(Policy(loops=Loops(max_iterations=1)))
    call = bench.call(caller=AGENT)
    ask = type(call.ask)(Operation.EMBEDDINGS, "openai", "gpt-4o")
    for n in range(3):
        permit = bench.engine.admit(Call(str(n), ask, AGENT))
        assert isinstance(permit, Permit)
        bench.engine.settle(permit, answered())


def test_a_state_that_cannot_be_told_of_the_stop_is_told_of_and_the_call_is_refused():
    bench = Bench(LOOPS)
    agent = Agent(bench)
    for _ in range(4):
        agent.turn(SEARCH)
    bench.store.broken = True

    assert agent.ask().policy == "loop"
    assert ("stop", True) in bench.told.failures


def test_a_function_s_own_watch_stops_that_invocation_only():
    first = Caller("r", loops=(("function:f#1", Loops(max_iterations=1)),))
    bench = Bench()
    agent = Agent(bench, first)
    agent.turn(SEARCH)

    assert agent.turn(SEARCH).facts["scope"] == "function:f#1"
    assert isinstance(agent.ask(), Refusal)
    assert len(bench.told.circling) == 1
    assert isinstance(bench.engine.enter(bench.call("t", caller=first)), Refusal)
    other = Caller("r", loops=(("function:f#2", Loops(max_iterations=1)),))
    assert isinstance(Agent(bench, other).turn(SEARCH), Permit)
    assert bench.ledger().stopped is None


def test_runs_and_what_is_known_of_them_are_bounded():
    watches = LoopWatches(lambda: LOOPS, lambda one, other: 0.0)
    bench = Bench()
    for n in range(RUNS + 9):
        watches.turning(bench.call(caller=Caller(f"r{n}")))
    assert len(watches._watched) == RUNS

    answer = Answer(tool_calls=tuple(ToolCall(f"{n}", "t", "x" * 9_000) for n in range(KNOWN + 9)))
    for n in range(KNOWN + 9):
        call = bench.call(f"c{n}", caller=Caller("one"))
        watches.turning(call)
        watches.turned(call, answer)
    watched = watches._watched["run:one"]
    assert len(watched._turns) == KNOWN
    assert watched._chars <= 1 << 21
    assert watched._names["t"] == len(watched._asked) < KNOWN


def test_a_forked_child_begins_with_watches_of_its_own():
    bench = Bench(LOOPS)
    agent = Agent(bench)
    for _ in range(4):
        agent.turn(SEARCH)
    with bench.engine.loops._watches._lock:  # another thread of the parent holds it
        bench.engine.after_fork()

        assert bench.engine.loops.hints("r") == ()
        assert isinstance(agent.turn(SEARCH), Permit)


@given(
    st.sampled_from(Kind),
    st.integers(0, 10**6),
    st.lists(st.text(min_size=1).filter(lambda each: " → " not in each), max_size=3),
)
def test_a_reason_can_be_read_again(kind, count, cycle):
    finding = Finding(kind, Rung.STOP, "a", count, max(len(cycle), 1), tuple(cycle))

    assert finding_of(reason_of(finding), "a") == finding
    assert str(count) in hint_of(finding) or kind in {Kind.CONTEXT_GROWTH, Kind.REPEATED_CHUNKS}


@pytest.mark.parametrize("reason", ["usd budget exceeded", "loop: of another kind, 2 times", ""])
def test_another_reason_is_no_loop(reason):
    assert finding_of(reason, None) is None


def test_a_failed_call_brings_no_news():
    bench = Bench(Policy(loops=Loops(), budgets=Budgets(run=Budget(calls=100))))
    permit = Agent(bench).ask()
    bench.engine.settle(permit, Outcome(Status.ERROR, http_status=500))

    assert bench.told.circling == []
