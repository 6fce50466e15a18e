"""The system's clock: its pauses end when they should."""

from __future__ import annotations

import asyncio

import pytest

from wflo_otel.clock import SystemClock
from wflo_otel.ports import Clock
from wflo_otel.testing import FakeClock

CLOCKS = [SystemClock(), FakeClock()]


@pytest.mark.parametrize("clock", CLOCKS, ids=["system", "fake"])
def test_a_pause_takes_as_long_as_it_should(clock: Clock) -> None:
    began = clock.monotonic()

    clock.pause(0.01)
    asyncio.run(clock.pause_async(0.01))

    assert clock.monotonic() - began >= 0.02


@pytest.mark.newest
@pytest.mark.parametrize("clock", CLOCKS, ids=["system", "fake"])
def test_a_pause_works_on_trio_and_can_be_cancelled_there(clock: Clock) -> None:
    trio = pytest.importorskip("trio")

    async def cancelled() -> bool:
        await clock.pause_async(0.0)
        with trio.CancelScope() as scope:
            scope.cancel()
            await clock.pause_async(60)
        return bool(scope.cancelled_caught)

    assert trio.run(cancelled)


@pytest.mark.parametrize("clock", CLOCKS, ids=["system", "fake"])
def test_others_work_while_somebody_pauses(clock: Clock) -> None:
    async def both() -> list[str]:
        done: list[str] = []

        async def other() -> None:
            done.append("other")

        async def pausing() -> None:
            await clock.pause_async(0.01)
            done.append("paused")

        await asyncio.gather(pausing(), other())
        return done

    assert asyncio.run(both()) == ["other", "paused"]


def test_a_fake_clock_lists_its_pauses() -> None:
    clock = FakeClock()

    clock.pause(1)
    asyncio.run(clock.pause_async(2.5))

    assert clock.pauses == [1, 2.5]
