"""The real clock."""

from __future__ import annotations

import time
from uuid import uuid4


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
        return uuid4().hex
