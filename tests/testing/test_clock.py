"""The fake clock."""

from __future__ import annotations

import pytest

from wflo_otel.ports import Clock
from wflo_otel.testing import FakeClock


def test_time_stands_still_until_it_is_advanced() -> None:
    clock: Clock = FakeClock(start=100.0)

    assert (clock.time(), clock.time(), clock.monotonic()) == (100.0, 100.0, 0.0)


def test_both_times_advance_together() -> None:
    clock = FakeClock(start=100.0)

    clock.advance(1.5)
    clock.advance(2)

    assert (clock.time(), clock.monotonic()) == (103.5, 3.5)


def test_time_never_goes_back() -> None:
    with pytest.raises(ValueError, match=r"not even by 0\.5 s"):
        FakeClock().advance(-0.5)


def test_ids_are_new_and_the_same_in_every_test_run() -> None:
    clock = FakeClock()

    assert [clock.new_id(), clock.new_id()] == ["id-000001", "id-000002"]
