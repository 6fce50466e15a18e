"""What tools have answered, met again by a run that goes back or is taken up again.

The rules: only plain data that comes back as it was is kept, of a tool that returned, and found
again by the tool's name and arguments; whatever else a tool is given or answers, it works anew.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from wflo_otel.core import codec
from wflo_otel.core.results import digest_of
from wflo_otel.core.scope import Caller
from wflo_otel.errors import CheckpointCodecError
from wflo_otel.seams.active import Active
from wflo_otel.seams.functions import Invocation, is_generator
from wflo_otel.seams.kinds import Kind, kind_of
from wflo_otel.seams.known_types import loaded_types
from wflo_otel.seams.outcomes import Outcome, Returned

_Tool = Callable[..., Any]


class ToolResult:
    """What one invocation of a tool answers: met again, or kept.

    Args:
        active: the configuration in force.
        caller: who calls, with the tool's name.
        invocation: the function, and what it is called with.
    """

    def __init__(self, active: Active, caller: Caller, invocation: Invocation) -> None:
        self._results = active.results
        self._caller = caller
        self._fn = invocation.fn
        self._key = _key(caller, invocation) if self._results.are_kept else None

    def instead(self) -> _Tool | None:
        """What is called in the tool's place; ``None``: the run has no answer of it yet."""
        found = None if self._key is None else self._results.tool(self._caller, self._key)
        if found is None:
            return None
        self._key = None  # it is kept already
        return _returning(codec.decode(found.body, loaded_types()), self._fn)

    def end(self, outcome: Outcome) -> None:
        """Keep what the tool has returned."""
        if self._key is None or not isinstance(outcome, Returned):
            return
        encoded = _encoded(outcome.value)
        if encoded is not None and _comes_back(encoded, outcome.value):
            self._results.keep(self._caller, self._key, encoded)


def _key(caller: Caller, invocation: Invocation) -> str | None:
    """Name what a tool is asked; ``None``: it cannot be, or nothing could be kept of it."""
    if is_generator(invocation.fn):
        return None
    args = invocation.own_args
    asked = _encoded([caller.tool, list(args), dict(invocation.kwargs)])
    return None if asked is None else digest_of(asked)


def _encoded(value: object) -> bytes | None:
    try:
        return codec.encode(value)
    except CheckpointCodecError:
        return None


def _comes_back(encoded: bytes, value: object) -> bool:
    """Whether what would be met again is what was returned, and no mapping that stands for it."""
    again = codec.decode(encoded, loaded_types())
    try:
        return type(again) is type(value) and bool(again == value)
    except Exception:  # noqa: BLE001  # a user's class, or an array, that is not to be compared
        return False


def _returning(value: object, fn: object) -> _Tool:
    """A function of the same kind that returns a value, whatever it is called with."""
    inner = inspect.unwrap(fn) if callable(fn) else fn  # a plain wrapper may await it

    def plain(*_: object, **__: object) -> object:
        return value

    async def awaited(*_: object, **__: object) -> object:
        return value

    return awaited if kind_of(inner) is Kind.COROUTINE else plain
