"""A result that was paid for: what a model or a tool answered, kept so that it is not paid again.

The rules: a result is found again by a digest of what was asked, in which there is no credential,
and belongs to the checkpoint that it follows. Whoever goes on from a checkpoint meets the results
that came after it, in their order, and each of them once.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from wflo_otel.core.checkpoint import SEALED, Checkpoint
from wflo_otel.errors import CheckpointCodecError

#: Written beside every result; another number means other rules.
RESULT_CODEC = "result/1"

_DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class Result:
    """What was answered. ``body`` and ``headers`` are content: never shown."""

    #: Who had asked: the agents, outermost first.
    line: str
    #: A digest of what was asked.
    key: str
    body: bytes = field(repr=False)
    #: Of a model's answer; a tool's has none.
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class KeptResult:
    """A result as it is stored: bytes that only :func:`read` knows to read."""

    run_id: str
    #: The checkpoint that it follows; empty before the run's first.
    after: str
    #: In seconds since the epoch.
    created_at: float
    payload: bytes = field(repr=False)
    codec: str = RESULT_CODEC


def request_key(method: str, host: str, path: str, body: bytes) -> str | None:
    """Name a request; its headers and its query, where credentials are, are no part of it.

    The body's keys may stand in any order. ``None``: it is no JSON.
    """
    try:
        plain = json.dumps(json.loads(body), sort_keys=True, ensure_ascii=True)
    except (ValueError, RecursionError):
        return None
    return digest_of("\n".join((method, host, path, plain)).encode())


def digest_of(asked: bytes) -> str:
    """Name what was asked: BLAKE2b-128, in hex."""
    return hashlib.blake2b(asked, digest_size=_DIGEST_BYTES).hexdigest()


def written(result: Result) -> bytes:
    """A result as bytes: a line of JSON, and the body as it is."""
    head = {
        "line": result.line,
        "key": result.key,
        "status": result.status,
        "headers": dict(result.headers),
    }
    return json.dumps(head).encode("ascii") + b"\n" + result.body


def read(kept: KeptResult) -> Result:
    """A result as it was.

    Raises:
        CheckpointCodecError: it is encrypted, damaged, or of another version.
    """
    if kept.codec.endswith(SEALED):
        raise CheckpointCodecError(
            "results of the run are encrypted; set WFLO_CHECKPOINT_KEY to the key they were "
            "saved with"
        )
    head, found, body = kept.payload.partition(b"\n")
    try:
        plain = json.loads(head)
        if kept.codec == RESULT_CODEC and found:
            return Result(plain["line"], plain["key"], body, plain["status"], plain["headers"])
    except (ValueError, TypeError, KeyError):
        pass  # said below
    raise CheckpointCodecError("a kept result is damaged, or of another version")


def since(
    kept: Iterable[KeptResult], saved: Sequence[Checkpoint], checkpoint_id: str | None
) -> list[KeptResult]:
    """The results that came after a checkpoint; without one, all of the run.

    A branch stands where the checkpoint stands whose state it holds.

    Args:
        kept: the run's results, oldest first.
        saved: the run's checkpoints, oldest first.
        checkpoint_id: where the run goes on.
    """
    order = {each.checkpoint_id: at for at, each in enumerate(saved, 1)}
    begin = 0 if checkpoint_id is None else order.get(_source(saved, checkpoint_id), 0)
    return [each for each in kept if order.get(each.after, 0) >= begin]


def _source(saved: Sequence[Checkpoint], checkpoint_id: str) -> str:
    """The checkpoint whose state a branch holds, through branches of branches."""
    known = {each.checkpoint_id: each for each in saved}
    found = known.get(checkpoint_id)
    while found is not None:
        around = None if found.parent is None else known.get(found.parent)
        if around is None or _state(found) != _state(around):
            return found.checkpoint_id
        found = around
    return checkpoint_id


def _state(checkpoint: Checkpoint) -> tuple[object, ...]:
    return checkpoint.name, checkpoint.step, checkpoint.agent, checkpoint.digest


class Replay:
    """The results that a run meets again. Not locked.

    Each agent has its own: it ends with the first request of that agent that is not among them.
    """

    def __init__(self, results: Iterable[Result]) -> None:
        self._lines: dict[str, dict[str, deque[Result]]] = {}
        for result in results:
            of_line = self._lines.setdefault(result.line, {})
            of_line.setdefault(result.key, deque()).append(result)

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to be met again."""
        return not self._lines

    def model(self, line: str, key: str) -> Result | None:
        """The answer to a model call, once; ``None`` ends the replay for this agent."""
        found = self._next(line, key)
        if found is None:
            self._lines.pop(line, None)
        return found

    def tool(self, line: str, key: str) -> Result | None:
        """The answer of a tool, once; a tool that failed has none, so it ends nothing."""
        return self._next(line, key)

    def _next(self, line: str, key: str) -> Result | None:
        of_line = self._lines.get(line, {})
        queue = of_line.get(key)
        if queue is None:
            return None
        found = queue.popleft()
        if not queue:
            del of_line[key]
        if not of_line:
            del self._lines[line]
        return found
