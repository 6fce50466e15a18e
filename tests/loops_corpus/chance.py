"""Seeded chance, with a clock that only goes forward."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta


class Chance(random.Random):
    """Chance for one scenario: the same seed gives the same script."""

    def __init__(self, seed: str) -> None:
        super().__init__(seed)
        self._now = datetime(2026, 3, self.randint(1, 28), self.randint(0, 23), tzinfo=UTC)

    def stamp(self) -> str:
        """The time as tools write it, some seconds after the one before."""
        self._now += timedelta(seconds=self.randint(2, 140))
        return self._now.strftime("%Y-%m-%dT%H:%M:%SZ")
