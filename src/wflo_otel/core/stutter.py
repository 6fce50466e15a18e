"""Whether a streamed text repeats one phrase on and on.

The rule: tables, lists and refrains repeat a little and are no stutter; only the same words in
the same order, many times without anything between, are. Words without a letter, such as a row of
zeros, are data. Pieces may be cut anywhere.
"""

from __future__ import annotations

import re

from wflo_otel.core.periods import Periods

#: The longest phrase that is looked for, in words.
LONGEST = 64
#: How often a phrase is repeated, and how many repeated words there are, in a stutter.
ROUNDS, WORDS = 4, 20
#: A word without end is compared in pieces of so many characters.
_LONG_WORD = 32

_ENUMERATOR = re.compile(r"\W*\d{1,4}[.):]\W*")


class Stutter:
    """Watches one streamed text."""

    def __init__(self) -> None:
        self._periods = Periods(LONGEST * ROUNDS)
        self._rest = ""
        #: How many words ago one had a letter.
        self._since_letter = 0

    def add(self, piece: str) -> bool:
        """Add a piece of the text; whether it has become a stutter."""
        text = self._rest + piece
        words = text.split()
        self._rest = "" if not words or text[-1].isspace() else words.pop()
        while len(self._rest) > _LONG_WORD:
            words.append(self._rest[:_LONG_WORD])
            self._rest = self._rest[_LONG_WORD:]
        return any(self._is_stutter(word) for word in words)

    def _is_stutter(self, word: str) -> bool:
        plain = word if word.isalpha() or not _ENUMERATOR.fullmatch(word) else "#"
        self._since_letter = 0 if any(map(str.isalpha, word)) else self._since_letter + 1
        return any(
            self._since_letter < each.period <= LONGEST
            and each.length >= max(WORDS, (ROUNDS - 1) * each.period)
            for each in self._periods.add(plain)
        )
