"""A cache that stays small, whatever names a program or a provider comes up with.

The rule here: a hit takes no lock. Entries live in two generations; when the young one is full
it becomes the old one, and what was not asked for since is dropped with the next turn.
"""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """The values used of late, at most ``capacity`` of them. Safe from any thread."""

    def __init__(self, capacity: int) -> None:
        self._half = max(1, capacity // 2)
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def get(self, key: K) -> V | None:
        """Return the value, and keep it for longer; ``None`` where there is none."""
        value = self._young.get(key)
        if value is not None:
            return value
        value = self._old.get(key)
        if value is not None:
            self.put(key, value)
        return value

    def put(self, key: K, value: V) -> None:
        """Keep a value."""
        with self._lock:
            if key not in self._young and len(self._young) >= self._half:
                self._old, self._young = self._young, {}
            self._young[key] = value
