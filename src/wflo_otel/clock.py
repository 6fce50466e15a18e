"""The real clock."""

from __future__ import annotations

import os
import random
import time

from wflo_otel.engine.tasks import running_trio

#: A generator of our own: a program may seed the shared one, and would then repeat our ids. A
#: child of a fork must not repeat its parent's.
_ids = random.Random()  # noqa: S311  # ids need not be secret
os.register_at_fork(after_in_child=_ids.seed)


class SystemClock:
    """Time from the system, ids from chance."""

    def time(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def pause(self, seconds: float) -> None:
        """Block this thread for so long."""
        time.sleep(seconds)

    async def pause_async(self, seconds: float) -> None:
        """Let others work for so long, on asyncio or trio."""
        trio = running_trio()
        if trio is None:
            import asyncio  # 10 ms, which a program without a loop need not pay

            await asyncio.sleep(seconds)
        else:
            await trio.sleep(seconds)

    def new_id(self) -> str:
        """An id nobody has used."""
        return f"{_ids.getrandbits(128):032x}"
