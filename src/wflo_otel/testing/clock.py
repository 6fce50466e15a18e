"""A clock that moves only when a test, or a pause, moves it.

It fulfils :class:`wflo_otel.ports.Clock`; the ids it gives are the same in every test run.
"""

from __future__ import annotations

import asyncio
import threading

from wflo_otel.engine.tasks import running_trio


class FakeClock:
    """Time under a test's control, in seconds. Safe from any thread."""

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self._start = start
        self._elapsed = 0.0
        self._ids = 0
        #: The pauses that were made, in seconds.
        self.pauses: list[float] = []
        self._lock = threading.Lock()

    def time(self) -> float:
        """Return the start, in seconds since the epoch, plus what was advanced."""
        return self._start + self._elapsed

    def monotonic(self) -> float:
        """Return the seconds that were advanced."""
        return self._elapsed

    def pause(self, seconds: float) -> None:
        """Move the time forward instead of blocking."""
        self.advance(seconds)
        self.pauses.append(seconds)

    async def pause_async(self, seconds: float) -> None:
        """Move the time forward instead of waiting; others get their turn."""
        self.pause(seconds)
        trio = running_trio()
        await (asyncio if trio is None else trio).sleep(0)

    def new_id(self) -> str:
        """Return ``id-000001``, then ``id-000002``, and so on."""
        with self._lock:
            self._ids += 1
            return f"id-{self._ids:06d}"

    def advance(self, seconds: float) -> None:
        """Move the time forward.

        Raises:
            ValueError: ``seconds`` is negative; time never goes back.
        """
        if seconds < 0:
            raise ValueError(f"time never goes back, not even by {-seconds} s")
        with self._lock:
            self._elapsed += seconds
