"""What a scripted model says and what its tools answer, before any framework runs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

#: Where in the named turn the loop is seen: the turn itself, the answers of its tools, a chunk
#: of its stream, or the first later turn whose prompt has grown enough.
Sight = Literal["turn", "result", "chunk", "growth"]


@dataclass(frozen=True)
class Planned:
    """A tool call that the model asks for, and what the tool answers."""

    tool: str
    arguments: Mapping[str, Any]
    result: str


@dataclass(frozen=True)
class ModelTurn:
    """One answer of the model. Failures are statuses that the provider answers before it."""

    text: str = ""
    calls: tuple[Planned, ...] = ()
    agent: int = 0
    failures: tuple[int, ...] = ()


@dataclass(frozen=True)
class Mark:
    """Where a careful human says stop, as a position in the script."""

    turn: int
    seen_on: Sight = "turn"
    period: int | None = None
    chunk: int | None = None


@dataclass(frozen=True)
class Draft:
    """A script with its label; ``mark`` is ``None`` for work that comes to an end."""

    turns: tuple[ModelTurn, ...]
    #: The bound that the owner of this agent would set on its turns.
    max_iterations: int
    mark: Mark | None = None
    streamed: bool = False
    several_agents: bool = False
