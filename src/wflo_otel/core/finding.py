"""What is found where an agent goes in circles.

The rule: it names tools, sizes and numbers; arguments and answers are content, and never in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Kind(StrEnum):
    """What kind of circle it is."""

    IDENTICAL = "identical"
    CYCLE = "cycle"
    NEAR_DUPLICATE = "near_duplicate"
    NO_PROGRESS = "no_progress"
    PING_PONG = "ping_pong"
    CONTEXT_GROWTH = "context_growth"
    REPEATED_CHUNKS = "repeated_chunks"
    ITERATION_CAP = "iteration_cap"


class Rung(IntEnum):
    """How far up the ladder it is."""

    WARN = 1
    HINT = 2
    STOP = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """An agent that goes in circles, or is about to."""

    kind: Kind
    rung: Rung
    #: Who: an agent, ``None`` where no agent is known.
    agent: str | None
    #: How often: rounds, answers, hand-offs or turns.
    count: int
    #: How many steps a round has.
    period: int
    #: A round, step by step: a tool and the size of its arguments, or an agent.
    cycle: tuple[str, ...]


def rung_of(count: int, limit: int) -> Rung | None:
    """Warn from half of the limit on, hint one before it."""
    if count >= limit:
        return Rung.STOP
    if count == limit - 1 and count > 1:
        return Rung.HINT
    return Rung.WARN if count > 1 and 2 * count >= limit else None


#: How a circle is written down, so that another process can read it.
_TOLD = re.compile(r"loop: ([a-z_]+), (\d+) times(?:: (.+))?", re.DOTALL)
_ARROW = " → "


def reason_of(finding: Finding) -> str:
    """Say why a scope is stopped, such as ``loop: cycle, 3 times: get(2 chars)``."""
    steps = f": {_ARROW.join(finding.cycle)}" if finding.cycle else ""
    return f"loop: {finding.kind.value}, {finding.count} times{steps}"


def finding_of(reason: str, agent: str | None) -> Finding | None:
    """Read a reason again; ``None`` where a scope was stopped for another one."""
    told = _TOLD.fullmatch(reason)
    if told is None or told[1] not in set(Kind):
        return None
    cycle = tuple(told[3].split(_ARROW)) if told[3] else ()
    return Finding(Kind(told[1]), Rung.STOP, agent, int(told[2]), max(len(cycle), 1), cycle)


_SEEN: Mapping[Kind, str] = {
    Kind.IDENTICAL: "you have made the same call {count} times, and it brought the same answer",
    Kind.CYCLE: "you have gone through the same {period} calls {count} times",
    Kind.NEAR_DUPLICATE: "you have made almost the same call {count} times",
    Kind.NO_PROGRESS: "your last {count} calls have all brought the same answer",
    Kind.PING_PONG: "the work has been handed round {count} times without getting on",
    Kind.CONTEXT_GROWTH: "what you read grows and brings nothing new",
    Kind.REPEATED_CHUNKS: "you repeat yourself",
    Kind.ITERATION_CAP: "you have taken {count} turns",
}


def hint_of(finding: Finding) -> str:
    """Say to a model that it goes in circles, and what to do."""
    seen = _SEEN[finding.kind].format(count=finding.count, period=finding.period)
    steps = f" ({_ARROW.join(finding.cycle)})" if finding.cycle else ""
    return (
        f"Note: {seen}{steps}. Do something else, or answer with what you have; "
        f"the next repetition ends this run."
    )
