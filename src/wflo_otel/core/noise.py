"""Stamps (times, identifiers of a request) taken out of a text: what differs each time by itself.

The rule: a pattern is tried only where it can begin, at a word that has a digit or that is said
before a stamp. To try it at every character costs thirty times as much.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from operator import itemgetter

_NUMBERS = re.compile(
    r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?(?:[Zz]|[+-]\d\d:?\d\d)?"
    r"|\b(?:\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?\b"
    r"|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"
    r"|(?=[0-9a-fA-F]*[0-9])(?=[0-9a-fA-F]*[a-fA-F])[0-9a-fA-F]{8,64}\b"
    r"|\d{10,19}\b)"
)
_NAMED = re.compile(
    r"\b(?:(?:took|elapsed|duration|latency)\W{1,3}\d+(?:\.\d+)?"
    r"|(?:req|request|trace|span|corr|correlation|ref|nonce|etag)[-_ ]?(?:id)?[-_:= ]{1,2}"
    r"[0-9a-z]{4,}\b)",
    re.IGNORECASE,
)
#: A text without any of these, folded, has none of the latter.
_HINTS = (
    *("took", "elapsed", "duration", "latency"),
    *("req", "trace", "span", "corr", "ref", "nonce", "etag"),
)
#: Where the words of the latter begin.
_NAMES = re.compile(
    r"[TtEeDdLlRrSsCcNn](?<=\b.)(?i:ook|lapsed|uration|atency|eq|race|pan|orr|ef|once|tag)"
)
_DIGITS = re.compile(r"[0-9]+")
#: The digits of a year.
_YEAR = 4


def without_noise(text: str, instead: str) -> str:
    """Put something else where the stamps of a text are."""
    kept: list[str] = []
    end = 0
    for place, pattern in _places(text):
        if place >= end and (stamp := pattern.match(text, place)):
            kept += (text[end:place], instead)
            end = stamp.end()
    return "".join((*kept, text[end:])) if kept else text


def _places(text: str) -> list[tuple[int, re.Pattern[str]]]:
    """Where a stamp can begin, in order, and of which kind it would be."""
    places = [(start, _NUMBERS) for start in _numbers(text)]
    if any(map(text.casefold().__contains__, _HINTS)):
        places += [(each.start(), _NAMED) for each in _NAMES.finditer(text)]
    return sorted(places, key=itemgetter(0))


def _numbers(text: str) -> Iterator[int]:
    """Where a word begins that has a digit, and where its digits may be a year."""
    before = 0
    for digits in _DIGITS.finditer(text):
        start, end = digits.span()
        if end - start >= _YEAR:
            yield end - _YEAR
        # The digits before may be of the same word, whose beginning is known then.
        while start > before and (text[start - 1].isalnum() or text[start - 1] == "_"):
            start -= 1
        yield start
        before = end
