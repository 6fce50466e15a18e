"""Time, pauses, and ids that are new."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Time, pauses, and ids that are new."""

    def time(self) -> float:
        """Seconds since the epoch."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...

    def pause(self, seconds: float) -> None:
        """Block this thread for so long; an interrupt ends it."""
        ...

    async def pause_async(self, seconds: float) -> None:
        """Let others work for so long; whoever cancels the task ends it."""
        ...

    def new_id(self) -> str:
        """An id nobody has used."""
        ...
