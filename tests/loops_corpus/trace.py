"""A labelled trace as it stands in its file: a header and the actions, one trace a line.

The rule: reading is strict, so an unknown or a missing field is an error.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

DATA = Path(__file__).parent.parent / "data" / "loops"
SETS = ("tuning", "holdout")

LOOP_KINDS = (
    "identical",
    "cycle",
    "near_duplicate",
    "no_progress",
    "ping_pong",
    "context_growth",
    "repeated_chunks",
    "iteration_cap",
)
BENIGN_KINDS = (
    "polling",
    "paging",
    "retries",
    "batch",
    "narrowing_search",
    "code_and_test",
    "advancing_handoffs",
    "refinement",
    "long_answer",
)


@dataclass(frozen=True)
class LoopMark:
    """Where a careful human says stop."""

    #: Index of the action.
    step: int
    #: Rounds of how many turns, where the loop has rounds of one length.
    period: int | None = None
    #: Index within that turn's chunks, where the loop is inside one answer.
    chunk: int | None = None


@dataclass(frozen=True)
class Header:
    """What is known of a trace."""

    id: str
    label: Literal["loop", "benign"]
    kind: str
    domain: str
    framework: str
    #: The bound that the owner of this agent would set on its turns.
    max_iterations: int
    #: By an answer of the model, or by the framework's own limit.
    ended_by: Literal["answer", "limit"]
    loop: LoopMark | None


@dataclass(frozen=True)
class CallAction:
    """A tool call within a turn. Calls are numbered through a trace."""

    id: str
    tool: str
    #: JSON text as on the wire.
    arguments: str


@dataclass(frozen=True)
class PromptSize:
    """What a request brought: its entries, their characters, and fingerprints."""

    entries: int
    chars: int
    #: Of everything, and of what came since this agent's history was last seen.
    fingerprint: str
    new: str


@dataclass(frozen=True)
class Turn:
    """One answer of the model."""

    agent: str
    model: str
    prompt: PromptSize
    text: str
    calls: tuple[CallAction, ...]
    input_tokens: int
    output_tokens: int
    #: The pieces of the text, where it was streamed.
    chunks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Result:
    """What a tool answered; long text is cut, and its length and digest are of the whole."""

    call: str
    tool: str
    text: str
    chars: int
    digest: str


@dataclass(frozen=True)
class UserInput:
    """What a user said, as the next request brought it."""

    text: str


@dataclass(frozen=True)
class HandOff:
    """Another agent than before asks the model."""

    source: str
    target: str


@dataclass(frozen=True)
class Failure:
    """The provider answered with an error."""

    agent: str
    status: int


Action = Turn | Result | UserInput | HandOff | Failure
_ACTIONS: dict[str, type[Action]] = {
    "turn": Turn,
    "result": Result,
    "input": UserInput,
    "handoff": HandOff,
    "failure": Failure,
}
_NAMES = {kind: name for name, kind in _ACTIONS.items()}


@dataclass(frozen=True)
class Trace:
    """One run, with its label."""

    header: Header
    actions: tuple[Action, ...]

    @property
    def digest(self) -> str:
        """Of the actions alone."""
        return digest_of(json.dumps([_plain(each) for each in self.actions]))

    def as_line(self) -> str:
        """The trace as one line of JSON."""
        data = {**asdict(self.header), "actions": [_plain(each) for each in self.actions]}
        return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def digest_of(text: str) -> str:
    """A short digest."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def read_set(name: str) -> Iterator[Trace]:
    """The traces of a set.

    Raises:
        TypeError: a field is missing or unknown.
    """
    for path in sorted((DATA / name).glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            yield _trace(json.loads(line))


def _plain(action: Action) -> dict[str, Any]:
    plain = asdict(action)
    if not plain.get("chunks", True):
        del plain["chunks"]
    return {"do": _NAMES[type(action)], **plain}


def _trace(data: dict[str, Any]) -> Trace:
    actions = tuple(_action(each) for each in data.pop("actions"))
    mark = data.pop("loop")
    return Trace(Header(**data, loop=LoopMark(**mark) if mark else None), actions)


def _action(data: dict[str, Any]) -> Action:
    kind = _ACTIONS[data.pop("do")]
    if kind is Turn:
        calls = tuple(CallAction(**each) for each in data.pop("calls"))
        prompt = PromptSize(**data.pop("prompt"))
        return Turn(calls=calls, prompt=prompt, chunks=tuple(data.pop("chunks", ())), **data)
    return kind(**data)
