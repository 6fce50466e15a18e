"""The labelled corpus of loops: it is whole, it is what its README says, and it is unchanged."""

import hashlib
import json
from collections import Counter
from itertools import pairwise

import pytest

from loops_corpus.domain import load
from loops_corpus.frameworks import FRAMEWORKS, is_installed
from loops_corpus.plan import COUNTS, scenarios
from loops_corpus.produce import GROWTH, GROWTH_TURNS, produce
from loops_corpus.trace import (
    BENIGN_KINDS,
    DATA,
    LOOP_KINDS,
    SETS,
    HandOff,
    Result,
    Turn,
    UserInput,
    read_set,
)

TRACES = {name: list(read_set(name)) for name in SETS}
ALL = [trace for name in SETS for trace in TRACES[name]]
LOOPS = [trace for trace in ALL if trace.header.label == "loop"]
BENIGN = [trace for trace in ALL if trace.header.label == "benign"]

#: SHA-256 of the sets as they were committed, before there was a detector.
FROZEN = {
    "tuning": "1816989e3dee8619e073282d9a4c1a66045de83359fe233f1c3561200ab1b174",
    "holdout": "b754f1fdf4ae04d7827337cf6c954a8ec2c6281c1689515a6fa867caeae8f4df",
}


def turns_of(trace):
    return [action for action in trace.actions if isinstance(action, Turn)]


def answers_of(trace):
    """Each result with the call that it answers."""
    calls = {call.id: call for turn in turns_of(trace) for call in turn.calls}
    results = [action for action in trace.actions if isinstance(action, Result)]
    return [(calls[each.call].tool, calls[each.call].arguments, each.digest) for each in results]


def until(trace):
    """The actions up to the one at which a human says stop."""
    return trace.actions[: trace.header.loop.step + 1]


def of_kind(kind):
    return [trace for trace in ALL if trace.header.kind == kind]


@pytest.mark.parametrize("name", SETS)
def test_the_sets_are_the_ones_that_were_committed_before_the_detector(name):
    digest = hashlib.sha256()
    for path in sorted((DATA / name).glob("*.jsonl")):
        digest.update(path.read_bytes())

    assert digest.hexdigest() == FROZEN[name]


@pytest.mark.parametrize("name", SETS)
def test_each_kind_has_as_many_traces_as_planned(name):
    assert Counter(trace.header.kind for trace in TRACES[name]) == COUNTS[name]


@pytest.mark.parametrize(("name", "least"), [("tuning", 80), ("holdout", 200)])
def test_a_set_is_large_and_half_of_it_is_benign(name, least):
    labels = Counter(trace.header.label for trace in TRACES[name])

    assert labels["loop"] == labels["benign"]
    assert labels.total() >= least


def test_a_kind_is_of_one_label():
    assert {trace.header.kind for trace in LOOPS} == set(LOOP_KINDS)
    assert {trace.header.kind for trace in BENIGN} == set(BENIGN_KINDS)


def test_every_framework_has_loops_and_benign_runs_in_each_set():
    for name in SETS:
        seen = {(trace.header.framework, trace.header.label) for trace in TRACES[name]}
        assert seen == {(each, label) for each in FRAMEWORKS for label in ("loop", "benign")}


def test_no_trace_is_there_twice():
    assert len({trace.digest for trace in ALL}) == len(ALL)
    assert len({trace.header.id for trace in ALL}) == len(ALL)


def test_the_sets_share_no_tool_no_agent_and_no_text():
    def words(name):
        for trace in TRACES[name]:
            for action in trace.actions:
                if isinstance(action, Turn):
                    yield from (action.agent, *(call.tool for call in action.calls))
                    yield action.text
                if isinstance(action, Result | UserInput):
                    yield action.text

    assert set(words("tuning")) & set(words("holdout")) <= {""}


def test_domains_share_no_sentence():
    domains = [*load("tuning"), *load("holdout")]
    sentences = Counter(
        sentence
        for domain in domains
        for sentence in {*domain.facts, *domain.thoughts, *domain.reasons, *domain.notes}
    )

    assert sentences.most_common(1)[0][1] == 1


def test_all_of_it_is_small():
    assert sum(path.stat().st_size for path in DATA.rglob("*.jsonl")) < 3_000_000


@pytest.mark.parametrize("kind", [*LOOP_KINDS, *BENIGN_KINDS])
def test_a_trace_is_in_order(kind):
    for trace in of_kind(kind):
        calls = [call for turn in turns_of(trace) for call in turn.calls]
        asked = set()
        speaker = turns_of(trace)[0].agent
        for action in trace.actions:
            if isinstance(action, Turn):
                assert action.agent == speaker
                asked |= {call.id for call in action.calls}
            if isinstance(action, HandOff):
                assert action.source == speaker != action.target
                speaker = action.target
            if isinstance(action, Result):
                assert action.call in asked
        assert isinstance(trace.actions[0], UserInput)
        assert [call.id for call in calls] == [f"c{number}" for number in range(1, len(calls) + 1)]
        assert all(isinstance(json.loads(call.arguments), dict) for call in calls)


@pytest.mark.parametrize("kind", LOOP_KINDS)
def test_a_loop_goes_on_after_the_step_at_which_it_is_named(kind):
    for trace in of_kind(kind):
        header = trace.header
        assert 0 < header.loop.step < len(trace.actions)
        assert (header.loop.chunk is not None) == (kind == "repeated_chunks")
        if kind == "repeated_chunks":
            assert header.loop.chunk < len(trace.actions[header.loop.step].chunks) - 5
        else:
            assert header.ended_by == "limit"
            after = trace.actions[header.loop.step + 1 :]
            assert sum(isinstance(each, Turn) for each in after) >= 2


@pytest.mark.parametrize("kind", LOOP_KINDS)
def test_only_an_iteration_cap_is_reached_before_a_human_says_stop(kind):
    for trace in of_kind(kind):
        turns = sum(isinstance(action, Turn) for action in until(trace))

        assert (turns > trace.header.max_iterations) == (kind == "iteration_cap")


@pytest.mark.parametrize("kind", BENIGN_KINDS)
def test_a_benign_run_ends_with_an_answer_within_its_bound(kind):
    for trace in of_kind(kind):
        assert trace.header.ended_by == "answer"
        assert trace.header.loop is None
        assert len(turns_of(trace)) <= trace.header.max_iterations
        assert not turns_of(trace)[-1].calls


@pytest.mark.parametrize("kind", BENIGN_KINDS)
def test_a_benign_run_never_hears_the_same_more_often_than_the_rule_allows(kind):
    for trace in of_kind(kind):
        longest = run = 1
        for before, after in pairwise(answers_of(trace)):
            run = run + 1 if before == after else 1
            longest = max(longest, run)

        assert longest <= (3 if kind == "retries" else 2)


@pytest.mark.parametrize("kind", ["cycle", "ping_pong"])
def test_a_round_is_named_when_it_has_been_made_three_times(kind):
    for trace in of_kind(kind):
        period = trace.header.loop.period
        turns = [action for action in until(trace) if isinstance(action, Turn)]
        tools = [[(turn.agent, *(call.tool for call in turn.calls))] for turn in turns]

        assert tools[-period:] == tools[-2 * period : -period] == tools[-3 * period : -2 * period]


def test_growth_is_named_when_the_prompt_is_four_times_what_it_was():
    for trace in of_kind("context_growth"):
        sizes = [action.input_tokens for action in until(trace) if isinstance(action, Turn)]

        assert sizes[-1] >= GROWTH * min(sizes[:-GROWTH_TURNS])


def test_a_repetition_is_named_when_the_phrase_stands_there_three_times():
    for trace in of_kind("repeated_chunks"):
        mark = trace.header.loop
        chunks = [each.strip() for each in trace.actions[mark.step].chunks[: mark.chunk + 1]]
        words = [each for each in chunks if not each.rstrip(".").isdigit()]

        assert len(chunks) >= 12
        assert any(
            words[-n:] == words[-2 * n : -n] == words[-3 * n : -2 * n]
            for n in range(1, len(words) // 3 + 1)
        )


def test_an_identical_call_is_named_at_the_third_or_the_sixth_time():
    for trace in of_kind("identical"):
        turns = [action for action in until(trace) if isinstance(action, Turn)]
        asked = [(call.tool, json.loads(call.arguments)) for turn in turns for call in turn.calls]
        patient = isinstance(until(trace)[-1], Result)

        assert asked.count(asked[-1]) == (6 if patient else 3)


@pytest.mark.parametrize(("kind", "patience"), [("near_duplicate", 4), ("no_progress", 5)])
def test_calls_that_bring_nothing_are_named_by_the_fourth_or_fifth_same_answer(kind, patience):
    for trace in of_kind(kind):
        digests = [action.digest for action in until(trace) if isinstance(action, Result)]

        assert digests.count(digests[-1]) == patience


def _one_of_each_kind():
    """Of the first kind the first trace, of the second the second: all frameworks take part."""
    here = [each for each in scenarios("holdout") if is_installed(each.framework)]
    for number, kind in enumerate((*LOOP_KINDS, *BENIGN_KINDS)):
        of_it = [each for each in here if each.kind == kind]
        chosen = of_it[number % len(of_it)]
        yield pytest.param(chosen, id=f"{chosen.id}-{chosen.framework}")


@pytest.mark.filterwarnings("ignore")  # of the frameworks' own making
@pytest.mark.parametrize("scenario", list(_one_of_each_kind()))
def test_a_trace_is_produced_again_to_the_byte(scenario):
    (committed,) = [trace for trace in ALL if trace.header.id == scenario.id]

    assert produce(scenario).as_line() == committed.as_line()
