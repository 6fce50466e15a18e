"""What is found where an agent goes in circles.

The rule: it names tools, sizes and numbers; arguments and answers are content, and never in it.
"""

from __future__ import annotations

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
