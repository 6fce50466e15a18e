"""Repetitions at the end of a sequence."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wflo_otel.core.periods import FOLLOWED, PLACES, Periods, Repetition

WINDOW = 40


def ends(sequence: list[int], window: int = WINDOW) -> list[Repetition]:
    periods, last = Periods(window), iter(())
    for each in sequence:
        last = periods.add(each)
    return list(last)


@given(
    prefix=st.lists(st.integers(100, 200), max_size=60, unique=True),
    round_of=st.lists(st.integers(0, 3), min_size=1, max_size=6),
    rounds=st.integers(2, 5),
)
def test_a_round_of_any_length_is_found_after_anything(
    prefix: list[int], round_of: list[int], rounds: int
) -> None:
    found = ends([*prefix, *round_of * rounds])

    assert any(len(round_of) % each.period == 0 and each.rounds >= rounds for each in found)


@given(st.lists(st.integers(0, 2), max_size=200))
def test_what_is_found_is_true(sequence: list[int]) -> None:
    for period, length in ends(sequence):
        tail = sequence[-(length + period) :]
        assert tail[period:] == tail[:-period]


@given(st.lists(st.integers(0, 3), max_size=400))
def test_memory_is_bounded_however_long_the_sequence(sequence: list[int]) -> None:
    periods = Periods(WINDOW)
    for each in sequence:
        found = list(periods.add(each))
        assert len(found) <= FOLLOWED

    assert len(periods) <= WINDOW
    assert all(len(places) <= PLACES for places in periods._places.values())


def test_elements_that_left_the_window_are_forgotten() -> None:
    periods = Periods(10)
    for each in [*range(500), 0]:
        found = list(periods.add(each))

    assert found == []
    assert len(periods._places) <= 10


def test_an_element_that_is_still_known_but_far_back_begins_no_period() -> None:
    periods = Periods(4)
    for each in [7, 1, 1, 1, 1, 7]:
        found = list(periods.add(each))

    assert found == []
