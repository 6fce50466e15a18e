"""Clocks for tests of stores: one that is told the time, and the real one for processes."""

from __future__ import annotations

import itertools
import time
import uuid


class FakeClock:
    """Time stands still until it is advanced."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now = now
        self._ids = itertools.count(1)

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def new_id(self) -> str:
        return f"id-{next(self._ids)}"

    def advance(self, seconds: float) -> None:
        self.now += seconds


class RealClock:
    """The machine's time."""

    def time(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def new_id(self) -> str:
        return uuid.uuid4().hex
