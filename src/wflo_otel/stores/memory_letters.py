"""Dead letters in memory: gone with the process, and bounded.

The rule that holds here: as for all state in memory, a child of a fork has none of it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace

from wflo_otel.core.dead_letter import KEPT_S, DeadLetter, LetterState, as_of
from wflo_otel.errors import DeadLetterError, StoreError
from wflo_otel.ports import Clock

#: So many letters are kept; beyond it the oldest go, done ones first.
MAX_LETTERS = 1_000


class MemoryLetters:
    """:class:`~wflo_otel.ports.DeadLetters` in a dictionary."""

    def __init__(self, clock: Clock, max_letters: int = MAX_LETTERS) -> None:
        self._clock = clock
        self._max_letters = max_letters
        self._letters: dict[str, DeadLetter] = {}
        self._lock = threading.Lock()
        self._pid = os.getpid()

    def bury(self, letter: DeadLetter) -> None:
        """Keep a letter; one that is here already stays as it is."""
        with self._locked() as now:
            self._drop(lambda each: each.changed_at < now - KEPT_S)
            self._letters.setdefault(letter.letter_id, letter)
            if len(self._letters) > self._max_letters:
                del self._letters[self._least()]

    def letters(self, states: Collection[LetterState] = (), limit: int = 100) -> list[DeadLetter]:
        """List letters, newest first, without payloads."""
        with self._locked() as now:
            found = [as_of(each, now) for each in reversed(self._letters.values())]
        found.sort(key=lambda each: -each.created_at)
        asked = [each for each in found if not states or each.state in states]
        return [replace(each, payload=None) for each in asked[:limit]]

    def letter(self, letter_id: str) -> DeadLetter:
        """Return a letter with its payload.

        Raises:
            DeadLetterError: there is none with that id.
        """
        with self._locked() as now:
            return as_of(self._known(letter_id), now)

    def change(
        self, letter_id: str, become: Callable[[DeadLetter, float], DeadLetter]
    ) -> DeadLetter:
        """Replace a letter by what ``become`` makes of it.

        Raises:
            DeadLetterError: there is none with that id, or ``become`` says so.
        """
        with self._locked() as now:
            changed = become(as_of(self._known(letter_id), now), now)
            self._letters[letter_id] = changed
        return changed

    def purge(self, states: Collection[LetterState], before: float) -> int:
        """Drop the letters in these states that last changed before; say how many."""
        with self._locked() as now:
            return self._drop(
                lambda each: as_of(each, now).state in states and each.changed_at < before
            )

    @contextmanager
    def _locked(self) -> Iterator[float]:
        if os.getpid() != self._pid:
            raise StoreError(
                "memory:// is not shared with child processes; use sqlite:///.wflo/state.db"
            )
        with self._lock:
            yield self._clock.time()

    def _known(self, letter_id: str) -> DeadLetter:
        found = self._letters.get(letter_id)
        if found is None:
            raise DeadLetterError(f"no dead letter {letter_id!r}; list them with `wflo dlq list`")
        return found

    def _drop(self, is_over: Callable[[DeadLetter], bool]) -> int:
        gone = [letter_id for letter_id, each in self._letters.items() if is_over(each)]
        for letter_id in gone:
            del self._letters[letter_id]
        return len(gone)

    def _least(self) -> str:
        """The letter that is missed least: the oldest of those that are done, else the oldest."""
        done = (key for key, each in self._letters.items() if each.state is LetterState.DONE)
        return next(done, next(iter(self._letters)))
