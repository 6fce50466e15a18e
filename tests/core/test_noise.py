"""Stamps are found where they are, whatever is around them."""

from __future__ import annotations

import re
from typing import SupportsIndex

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wflo_otel.core.noise import without_noise

#: The same stamps as one pattern, tried at every character.
EVERYWHERE = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?(?:Z|[+-]\d\d:?\d\d)?"
    r"|\b\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?\b"
    r"|\b(?:took|elapsed|duration|latency)\W{1,3}\d+(?:\.\d+)?"
    r"|\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"
    r"|\b(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-f]{8,64}\b"
    r"|\b(?:req|request|trace|span|corr|correlation|ref|nonce|etag)[-_ ]?(?:id)?[-_:= ]{1,2}"
    r"[0-9a-z]{4,}\b"
    r"|\b\d{10,19}\b",
    re.IGNORECASE,
)
STAMPS = (
    *("2026-03-02", "T10:00", " 10:00:01", ".5", "Z", "+01:00", "took ", "Elapsed: ", "12", "7.5"),
    *("0f8fad5b-d9cb-469f-a165-70867728950e", "9F86d081884c7d65", "request", " id", "-", "_", ":"),
    *("Trace", "ref", "=ab12", "abcd", "1767225600123", " ", "ü", "~", "price ", "\n"),
)


@example(["cef4e5d265 nonce=abcd"])  # a number that begins like a name
@given(st.lists(st.one_of(st.sampled_from(STAMPS), st.text("0123abf-T:. _", max_size=9))))
def test_it_is_what_one_pattern_finds_that_is_tried_at_every_character(parts: list[str]) -> None:
    text = "".join(parts)

    assert without_noise(text, "~") == EVERYWHERE.sub("~", text)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("at 2026-03-02T10:00:01Z it was", "at ~ it was"),
        ("v2026-03-02", "v~"),
        ("took 12 ms, price 12", "~ ms, price 12"),
        ("request id: ab12cd", "~"),
        ("nothing of the kind", "nothing of the kind"),
    ],
)
def test_a_stamp_is_replaced_and_nothing_else(text: str, left: str) -> None:
    assert without_noise(text, "~") == left


class Counted(str):
    """A text that counts how often one of its characters is looked at."""

    looks = 0

    def __getitem__(self, place: SupportsIndex | slice) -> str:
        Counted.looks += 1
        return super().__getitem__(place)


def test_a_word_without_end_is_looked_at_once() -> None:
    text = Counted("a1" * 2_000)

    assert without_noise(text, "~") == text
    assert Counted.looks <= 2 * len(text)
