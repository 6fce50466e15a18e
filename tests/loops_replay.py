"""Replays labelled traces through the loop watch: what it would have stopped, and where.

The rule: the watch is given what a seam sees, and never a label.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rapidfuzz import fuzz

from loops_corpus.trace import Result, Trace, Turn, UserInput
from wflo_otel.core.loop import Deed, Finding, Kind, LoopWatch, Rung
from wflo_otel.core.policy import Loops
from wflo_otel.core.stutter import Stutter


@dataclass(frozen=True)
class Stop:
    """What stopped a trace: the kind of loop, at which action."""

    kind: Kind
    step: int


def similarity(one: str, other: str) -> float:
    """How alike two texts are, from 0 to 1."""
    return fuzz.ratio(one, other) / 100


def stop_of(trace: Trace) -> Stop | None:
    """Where the watch stops this run; ``None`` where it lets it end."""
    watch = LoopWatch(Loops(max_iterations=trace.header.max_iterations), similarity)
    for step, finding in _findings(trace, watch):
        if finding is not None and finding.rung is Rung.STOP:
            return Stop(finding.kind, step)
    return None


def _findings(trace: Trace, watch: LoopWatch) -> Iterator[tuple[int, Finding | None]]:
    agent, begins, asked = "", True, dict[str, str]()
    answers: list[Deed] = []
    for step, action in enumerate(trace.actions):
        if answers and not isinstance(action, Result):
            yield step, watch.did(agent, answers)
            answers = []
        match action:
            case UserInput():
                begins = True
            case Turn():
                agent = action.agent
                asked |= {each.id: each.arguments for each in action.calls}
                yield step, _stutter(action)
                yield step, watch.turning(agent, action.input_tokens, begins=begins)
                watch.turned(action.agent, asks_for_tools=bool(action.calls))
                begins = False
            case Result():
                # Cut in the corpus; its size and digest are of the whole.
                text = action.text if action.chars == len(action.text) else _whole(action)
                answers.append((action.tool, asked.get(action.call), text))
    if answers:
        yield len(trace.actions) - 1, watch.did(agent, answers)


def _whole(result: Result) -> str:
    text = f"{result.text}{result.digest}"
    return text.ljust(result.chars, ".")


def _stutter(turn: Turn) -> Finding | None:
    stutter = Stutter()
    if any(stutter.add(piece) for piece in turn.chunks):
        return Finding(Kind.REPEATED_CHUNKS, Rung.STOP, turn.agent, 1, 1, ())
    return None
