"""Whether a sequence has begun to repeat itself, with any period.

The rule: what one more element costs does not depend on how long the sequence is. A period is
followed from the moment an element comes back; only so many are followed at once.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Hashable, Iterator
from typing import NamedTuple

#: How many earlier places of an element begin a period, and how many periods are followed.
PLACES, FOLLOWED = 8, 16


class Repetition(NamedTuple):
    """The last ``length`` elements equal those ``period`` before them."""

    period: int
    length: int

    @property
    def rounds(self) -> int:
        """How often the round has been gone through, the first time included."""
        return 1 + self.length // self.period


class Periods:
    """The periods that the end of a sequence has. ``window`` bounds what is remembered."""

    def __init__(self, window: int) -> None:
        self._last: deque[Hashable] = deque(maxlen=window)
        self._places: OrderedDict[Hashable, deque[int]] = OrderedDict()
        self._lengths: dict[int, int] = {}
        self._count = 0

    def __len__(self) -> int:
        return len(self._last)

    def add(self, element: Hashable) -> Iterator[Repetition]:
        """Add an element; the repetitions that the sequence now ends with."""
        if self._lengths:
            self._follow(element)
        places = self._places.get(element)
        if places is None:
            places = self._places[element] = deque(maxlen=PLACES)
        for place in reversed(places):
            period = self._count - place
            if period > len(self._last) or len(self._lengths) >= FOLLOWED:
                break
            self._lengths.setdefault(period, 1)
        places.append(self._count)
        self._places.move_to_end(element)
        if len(self._places) > (self._last.maxlen or 0):
            self._places.popitem(last=False)
        self._last.append(element)
        self._count += 1
        return (Repetition(*each) for each in self._lengths.items())

    def _follow(self, element: Hashable) -> None:
        size = len(self._last)
        self._lengths = {
            period: length + 1
            for period, length in self._lengths.items()
            if period <= size and self._last[-period] == element
        }
