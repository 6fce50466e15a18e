"""Measurements that are taken on the call path and recorded when somebody looks.

Recording one call costs the SDK more than admitting it costs us, so a call only leaves its
numbers here. The rule: they are recorded before each collection, so none is missed or late, and
by the housekeeper, so that few wait; beyond a bound the oldest is recorded for each that comes,
so memory stays bounded too.
"""

from __future__ import annotations

import os
import weakref
from collections import deque
from collections.abc import Callable
from typing import Final

from wflo_otel.telemetry.safely import safely

#: So many measurements wait for a collection.
BOUND: Final = 8192


class Pending:
    """A queue of measurements. Safe from any thread."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()
        _queues.add(self)

    def add(self, measure: Callable[[], None]) -> None:
        """Keep a measurement until the next collection."""
        self._waiting.append(measure)
        if len(self._waiting) > BOUND:
            self._record_one()

    def record_all(self) -> None:
        """Record what waits now."""
        for _ in range(len(self._waiting)):
            self._record_one()

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not self._waiting

    def clear(self) -> None:
        """Forget what waits."""
        self._waiting.clear()

    def _record_one(self) -> None:
        with safely("metrics"):
            try:
                measure = self._waiting.popleft()
            except IndexError:  # another thread was faster
                return
            measure()


_queues: weakref.WeakSet[Pending] = weakref.WeakSet()


def _after_fork() -> None:
    """What waited belongs to the parent, which records it."""
    for queue in _queues:
        queue.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
