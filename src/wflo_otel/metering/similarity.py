"""How alike two texts are."""

from __future__ import annotations


def similarity(one: str, other: str) -> float:
    """How alike two texts are, from 0 to 1: rapidfuzz's ratio, an edit distance by length."""
    from rapidfuzz import fuzz  # only who watches for loops pays for it

    return fuzz.ratio(one, other) / 100
