"""What calls like this one have answered so far: a short memory for each model and agent.

The rule here: only answers that ended by themselves count, and nothing is said before there
are three of them.
"""

from __future__ import annotations

import threading
from collections import deque

from wflo_otel.metering.bounded import Recent

#: How many answers are remembered, and how many it takes to speak.
REMEMBERED = 32
ENOUGH = 3


class Outputs:
    """The sizes of whole answers, in tokens, by key. Safe from any thread."""

    def __init__(self, capacity: int) -> None:
        self._rings: Recent[tuple[str, str], deque[int]] = Recent(capacity)
        self._lock = threading.Lock()

    def add(self, key: tuple[str, str], tokens: int) -> None:
        """Remember one answer."""
        with self._lock:
            ring = self._rings.get(key)
            if ring is None:
                ring = deque(maxlen=REMEMBERED)
                self._rings.put(key, ring)
            ring.append(tokens)

    def least(self, key: tuple[str, str]) -> int | None:
        """Return the smallest answer."""
        known = self._known(key)
        return min(known) if known else None

    def most(self, key: tuple[str, str]) -> int | None:
        """Return the 99th percentile: of so few, the largest."""
        known = self._known(key)
        return max(known) if known else None

    def _known(self, key: tuple[str, str]) -> list[int] | None:
        with self._lock:
            ring = self._rings.get(key)
            return list(ring) if ring is not None and len(ring) >= ENOUGH else None
