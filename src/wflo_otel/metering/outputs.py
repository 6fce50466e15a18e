"""What calls like this one have answered so far: a short memory for each model and agent.

The rule here: only answers that ended by themselves count, and nothing is said before there
are three of them.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field

from wflo_otel.metering.bounded import Recent

#: How many answers are remembered, and how many it takes to speak.
REMEMBERED = 32
ENOUGH = 3


@dataclass(slots=True)
class _Seen:
    """The answers of one key, and the smallest of them, which each call asks for."""

    sizes: deque[int] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    #: ``None`` before there are enough.
    least: int | None = None

    def add(self, tokens: int) -> None:
        self.sizes.append(tokens)
        if len(self.sizes) >= ENOUGH:
            self.least = min(self.sizes)


class Outputs:
    """The sizes of whole answers, in tokens, by key. Safe from any thread."""

    def __init__(self, capacity: int) -> None:
        self._seen: Recent[tuple[str, str], _Seen] = Recent(capacity)
        self._lock = threading.Lock()

    def add(self, key: tuple[str, str], tokens: int) -> None:
        """Remember one answer."""
        with self._lock:
            seen = self._seen.get(key)
            if seen is None:
                seen = _Seen()
                self._seen.put(key, seen)
            seen.add(tokens)

    def least(self, key: tuple[str, str]) -> int | None:
        """Return the smallest answer."""
        seen = self._seen.get(key)
        return None if seen is None else seen.least

    def most(self, key: tuple[str, str]) -> int | None:
        """Return the 99th percentile: of so few, the largest."""
        with self._lock:
            seen = self._seen.get(key)
            return None if seen is None or seen.least is None else max(seen.sizes)
