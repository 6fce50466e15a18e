"""Streamed texts that repeat one phrase."""

from __future__ import annotations

import pytest

from wflo_otel.core.stutter import Stutter


def stutters(pieces: list[str]) -> bool:
    stutter = Stutter()
    return any(stutter.add(piece) for piece in pieces)


@pytest.mark.parametrize(
    "phrase", ["Oil ", "let me look at the hook. ", "12. ask again ", "x" * 40, "word " * 60]
)
def test_a_phrase_on_and_on_is_a_stutter(phrase: str) -> None:
    assert stutters(["It", " says: ", *[phrase] * 100])


def test_it_is_a_stutter_however_its_pieces_are_cut() -> None:
    text = "grid curtailment held " * 30

    assert stutters([text[at : at + 5] for at in range(0, len(text), 5)])


@pytest.mark.parametrize(
    "text",
    [
        "la la la la la la la la, sang the crowd, and then went home",
        "".join(f"| HD-{number} | open |\n" for number in range(100)),
        "".join(f"src/rule-{number}.ts File saved.\n" for number in range(100)),
        "we will rock you. " * 4,
        "[" + "0, " * 200 + "0]",
        "| 1.0 | 0.0 " * 60,
    ],
)
def test_refrains_tables_and_lists_are_none(text: str) -> None:
    assert not stutters([f"{word} " for word in text.split(" ")])


def test_a_long_phrase_is_a_stutter_only_after_several_rounds() -> None:
    phrase = " ".join(f"w{number}" for number in range(30)) + " "

    assert not stutters([phrase] * 3)
    assert stutters([phrase] * 5)
