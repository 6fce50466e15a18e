"""The real clock."""

from __future__ import annotations

import os
import time


class SystemClock:
    """Time from the system, ids from chance."""

    def time(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def new_id(self) -> str:
        """An id nobody has used."""
        return os.urandom(16).hex()
