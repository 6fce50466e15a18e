"""Agents that go in circles, and agents that seem to."""

from __future__ import annotations

import json
import sys
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loops_replay import similarity
from wflo_otel.core.finding import Finding, Kind, Rung
from wflo_otel.core.loop import AGENTS, LoopWatch
from wflo_otel.core.policy import Loops

Step = tuple[str, dict[str, object], str]


def watch(**options: int | float) -> LoopWatch:
    return LoopWatch(Loops(**options), similarity)  # type: ignore[arg-type]  # a test's shorthand


def replay(steps: list[Step], found: LoopWatch | None = None) -> list[Finding | None]:
    """One call a turn."""
    seen = found or watch()
    return [seen.did("a", [(name, json.dumps(given), said)]) for name, given, said in steps]


def stops(steps: list[Step]) -> Kind | None:
    found = [each for each in replay(steps) if each is not None and each.rung is Rung.STOP]
    return found[0].kind if found else None


def same(count: int, said: str = "a fact") -> list[Step]:
    return [("look", {"at": "x"}, said)] * count


def test_the_ladder_is_a_hint_and_then_a_stop() -> None:
    steps: list[Step] = [("get", {"id": 1}, "one"), ("get", {"id": 2}, "two")] * 3
    rungs = [each and each.rung for each in replay(steps)]

    assert rungs == [None, None, None, Rung.HINT, Rung.HINT, Rung.STOP]


def test_where_there_is_more_patience_a_warning_comes_first() -> None:
    rungs = [each and each.rung for each in replay(same(6, "pending"))]

    assert rungs == [None, None, Rung.WARN, Rung.WARN, Rung.HINT, Rung.STOP]


def test_a_finding_shows_the_round_without_its_content() -> None:
    finding = replay([("get", {"key": "secret"}, "one"), ("put", {}, "two")] * 3)[-1]

    assert finding == Finding(Kind.CYCLE, Rung.STOP, "a", 3, 2, ("get(17 chars)", "put(2 chars)"))


def test_the_same_call_with_the_same_answer_is_a_loop() -> None:
    assert stops(same(3)) is None
    assert stops(same(4)) is Kind.IDENTICAL


def test_a_round_of_calls_that_are_all_waited_for_may_come_more_often() -> None:
    steps: list[Step] = [("status", {"of": each}, f"fine so far: {each}") for each in "ab"]

    assert stops(steps * 4) is None
    assert stops(steps * 5) is Kind.CYCLE


def test_one_answer_of_several_tools_is_no_progress() -> None:
    steps: list[Step] = [
        (f"tool_{each % 2}", {"id": each}, "The archive is closed to the public today")
        for each in range(5)
    ]

    assert stops(steps) is Kind.NO_PROGRESS


@pytest.mark.parametrize("period", [2, 3, 5, 7])
def test_a_round_of_calls_is_a_loop_whatever_its_length(period: int) -> None:
    steps: list[Step] = [("get", {"id": each}, f"fact {each}") for each in range(period)]

    assert stops(steps * 2) is None
    assert stops(steps * 3) is Kind.CYCLE


def test_a_round_in_which_a_call_comes_twice_is_a_loop() -> None:
    one, other = ("get", {"id": 1}, "one"), ("get", {"id": 2}, "two")

    assert stops([one, one, other] * 3) is Kind.CYCLE


def test_wordings_of_one_question_are_a_loop() -> None:
    words = ["why is it slow", "Why is it slow?", "WHY IS IT SLOW", "why  is it slow"]

    assert stops([("ask", {"q": each}, "a fact") for each in words]) is Kind.NEAR_DUPLICATE


def test_one_answer_to_questions_that_share_words_is_no_progress() -> None:
    words = [
        "code calculating price of sale",
        "where sale price is computed",
        "source of the sale price",
        "which code computes a sale price",
        "sale price calculation code",
    ]

    assert stops([("ask", {"q": each}, "a fact") for each in words]) is Kind.NO_PROGRESS


def test_one_refusal_to_calls_that_differ_is_no_progress() -> None:
    steps: list[Step] = [("read", {"path": f"f{each}"}, "no such file") for each in range(5)]

    assert stops(steps[:4]) is None
    assert stops(steps) is Kind.NO_PROGRESS


def test_a_check_that_never_changes_between_edits_of_one_thing_is_no_progress() -> None:
    steps: list[Step] = []
    for number in range(5):
        text = f"a description of this thing in many words, number {number}"
        steps += [("edit", {"text": text}, "stored"), ("check", {}, "4 are left to do")]

    assert stops(steps) is Kind.NO_PROGRESS


def test_the_same_text_growing_with_each_different_call_is_context_growth() -> None:
    text, seen, found = "the same beginning of everything " * 10, watch(), []
    for turn in range(4):
        seen.turning("a", 100 * 2**turn)
        found.append(seen.did("a", [("last", f'{{"n": {turn}}}', text * (turn + 1))]))

    assert [each and (each.kind, each.rung) for each in found] == [
        None,
        None,
        None,
        (Kind.CONTEXT_GROWTH, Rung.STOP),
    ]


def test_a_context_that_grows_a_little_is_only_warned_of() -> None:
    text = "the same beginning of everything " * 10
    steps: list[Step] = [("last", {"n": each}, text + "." * each) for each in range(6)]

    assert {each.rung for each in replay(steps) if each is not None} == {Rung.WARN}


def hops(seen: LoopWatch, rounds: int, said: list[str]) -> list[Finding | None]:
    found = []
    for turn in range(2 * rounds):
        agent, other = ("a", "b") if turn % 2 == 0 else ("b", "a")
        found.append(seen.turning(agent, 10))
        seen.did(agent, [("work", "{}", said[turn % len(said)])])
        seen.did(agent, [(f"transfer_to_{other}", "{}", f"{other} takes over")])
    return found


def test_agents_who_hand_on_and_do_nothing_play_ping_pong() -> None:
    finding = hops(watch(), 5, ["nothing to say"])[-1]

    assert finding is not None
    assert (finding.kind, finding.rung, finding.period) == (Kind.PING_PONG, Rung.STOP, 2)
    assert finding.cycle == ("b", "a")


def test_agents_who_hand_on_and_get_on_do_not() -> None:
    found = hops(watch(), 20, [f"new fact {each}" for each in range(40)])

    assert not [each for each in found if each and each.rung is Rung.STOP]


def test_a_turn_without_a_tool_call_is_an_answer_and_so_is_news() -> None:
    seen = watch()
    found = []
    for turn in range(20):
        agent = "ab"[turn % 2]
        found.append(seen.turning(agent, 10))
        seen.turned(agent, asks_for_tools=False)

    assert found == [None] * 20
    assert seen.is_done("a")


def test_turns_beyond_the_cap_are_stopped() -> None:
    seen = watch(max_iterations=3)
    found = [seen.turning("a", 10) for _ in range(4)]

    assert found[:3] == [None] * 3
    assert found[3] == Finding(Kind.ITERATION_CAP, Rung.STOP, "a", 4, 1, ())


def test_what_is_asked_anew_begins_anew() -> None:
    seen = watch(max_iterations=2)
    for _ in range(10):
        assert seen.turning("a", 10, begins=True) is None
        assert seen.did("a", [("policy", "{}", "the rules")]) is None


def benign() -> dict[str, list[Step]]:
    polling: list[Step] = [("job", {"id": 1}, f"at {each // 3} percent") for each in range(60)]
    return {
        "polling": polling,
        "polling a word that moved before": [
            ("job", {"id": 1}, each) for each in ["built", *["tested"] * 5, "shipped"]
        ],
        "paging": [("page", {"cursor": each}, f"rows of {each}") for each in range(40)],
        "paging with one header": [
            ("page", {"cursor": each}, "id;name;price;" * 20 + f"{each:03}") for each in range(40)
        ],
        "retries": [*same(3, "internal error"), *same(1, "done")],
        "a batch": [("store", {"id": f"item {each}"}, "stored") for each in range(40)],
        "a batch of files": [
            ("edit", {"path": f"src/parts/{each}.tsx"}, "saved") for each in "abcdefghijkl"
        ],
        "a batch with a check": [
            step
            for each in "abcdefghijkl"
            for step in (("edit", {"file": each}, "saved"), ("lint", {}, "no issues"))
        ],
        "labels of many texts": [
            ("classify", {"text": each}, "positive")
            for each in ("I love it", "what a fine day", "best soup ever", "kind staff", "so good")
        ],
    }


@pytest.mark.parametrize("name", benign())
def test_work_that_gets_on_is_no_loop(name: str) -> None:
    assert stops(benign()[name]) is None


def test_who_asks_twice_in_one_turn_has_not_seen_the_first_answer() -> None:
    assert watch().did("a", [("look", "{}", "a fact")] * 9) is None


def test_many_misses_in_one_turn_are_one() -> None:
    deeds = [("read", f'{{"path": "f{each}"}}', "no such file") for each in range(9)]

    assert watch().did("a", deeds) is None


def test_a_call_whose_result_is_unknown_tells_nothing() -> None:
    seen = watch()

    assert [seen.did("a", [("look", "{}", None)]) for _ in range(9)] == [None] * 9


def test_calls_that_each_bring_the_same_do_not_pile_up() -> None:
    seen = watch(window=5)
    for number in range(40):
        text = f"a description of this thing in many words, number {number}"
        seen.did("a", [("edit", f'{{"text": "{text}"}}', "stored")])

    assert len(seen._agents["a"]._stale) <= 5


def test_agents_side_by_side_do_not_hide_the_loop_of_one() -> None:
    seen, found = watch(), []
    for number in range(4):
        found.append(seen.did("a", [("look", "{}", "a fact")]))
        seen.did("b", [("read", "{}", f"page {number}")])

    assert found[-1] is not None
    assert found[-1].kind is Kind.IDENTICAL


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"),
            st.sampled_from(["get", "transfer_to_b", "status"]),
            st.text(max_size=20) | st.none(),
            st.text(max_size=200),
        ),
        max_size=120,
    )
)
def test_memory_is_bounded_and_nothing_is_raised(
    steps: list[tuple[str, str, str | None, str]],
) -> None:
    seen = watch(window=5)
    for agent, name, arguments, said in steps:
        seen.turning(agent, len(said))
        seen.did(agent, [(name, arguments, said)])

    assert len(seen._heard._met) <= 50
    for window in seen._agents.values():
        assert len(window._stale) <= 5
        assert len(window._things._met) <= 20
        assert isinstance(window._steps, deque)
        assert len(window._steps) <= 5


def test_only_so_many_agents_are_remembered() -> None:
    seen = watch()
    for number in range(3 * AGENTS):
        seen.turning(f"agent {number}", 1)

    assert len(seen._agents) == AGENTS
    assert sys.getsizeof(seen._agents) < 100_000
