"""Measuring two sides in one run, turn by turn, so that a busy machine slows both.

The rule: a number is a median of many short rounds, a ratio is the median of the rounds' own
ratios, and nothing here passes or fails: a row says what was aimed at and what came out. Time is
the processor time of the calling thread, so that what others do meanwhile is not counted, unless
a side waits for a disk. (What a span costs in its exporter's thread is not counted either.)
"""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from statistics import median
from time import thread_time_ns
from typing import Literal

from extent import IS_TINY, times

Work = Callable[[], object]
Clock = Callable[[], int]
Setting = Callable[[], AbstractContextManager[object]]


@dataclass(frozen=True, slots=True)
class Target:
    """What a row should hold: its ratio at most, or its own number at most or at least."""

    of: Literal["ratio", "most", "least"]
    number: float

    def __str__(self) -> str:
        sign = "≥" if self.of == "least" else "≤"
        return f"{sign} {self.number:g}{' x' if self.of == 'ratio' else ''}"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. Without a target it only informs."""

    what: str
    measured: float
    unit: str
    reference: float | None = None
    against: str = ""
    #: The median of the rounds' own ratios where there were rounds.
    ratio: float | None = None
    target: Target | None = None

    @property
    def is_ok(self) -> bool | None:
        """Whether the target holds; ``None`` without one."""
        if self.target is None:
            return None
        if self.target.of == "least":
            return self.measured >= self.target.number
        value = self.ratio if self.target.of == "ratio" else self.measured
        return value is not None and value <= self.target.number


@dataclass(frozen=True, slots=True)
class Side:
    """One of several things that are compared, and what must hold around its rounds."""

    work: Work
    #: How many operations one call of ``work`` is.
    operations: int = 1
    setting: Setting = field(default=nullcontext)


def beside(sides: dict[str, Side], against: str, reference: Side) -> list[Row]:
    """Time several sides in turn with one reference, a row each."""
    times = interleaved({**sides, against: reference})
    spans = times.pop(against)
    return [
        Row(what, median(each), "µs", median(spans), against, ratio=ratio(each, spans))
        for what, each in times.items()
    ]


def interleaved(
    sides: Mapping[str, Side],
    *,
    rounds: int = 41,
    seconds: float = 0.01,
    clock: Clock = thread_time_ns,
) -> dict[str, list[float]]:
    """Time all sides in turn, so many rounds.

    Args:
        sides: what to time, by name.
        rounds: how often each side is timed; the order turns around with each round.
        seconds: how long one timing lasts, about.
        clock: tells nanoseconds.

    Returns:
        By name, microseconds an operation in each round.
    """
    found = by_clocks(sides, (clock,), rounds=rounds, seconds=seconds)
    return {name: [first for first, *_ in each] for name, each in found.items()}


def by_clocks(
    sides: Mapping[str, Side], clocks: tuple[Clock, ...], *, rounds: int, seconds: float
) -> dict[str, list[tuple[float, ...]]]:
    """The same on several clocks at once: microseconds an operation on each, by round."""
    if IS_TINY:
        rounds, seconds = 2, 0.0
    loops = {name: _loops(side, seconds, clocks) for name, side in sides.items()}
    found: dict[str, list[tuple[float, ...]]] = {name: [] for name in sides}
    order = list(sides)
    for _ in range(rounds):
        for name in order:
            found[name].append(_timed(sides[name], loops[name], clocks))
        order.reverse()
    return found


def _loops(side: Side, seconds: float, clocks: tuple[Clock, ...]) -> int:
    _timed(side, times(3, 1), clocks)
    each = _timed(side, times(5, 1), clocks)[0] * side.operations
    return max(1, round(seconds * 1e6 / max(each, 0.05)))


def _timed(side: Side, loops: int, clocks: tuple[Clock, ...]) -> tuple[float, ...]:
    work = side.work
    with side.setting():
        began = [clock() for clock in clocks]
        for _ in range(loops):
            work()
        ended = [clock() for clock in clocks]
    return tuple(
        (end - begin) / loops / side.operations / 1_000
        for begin, end in zip(began, ended, strict=True)
    )


def ratio(ones: list[float], others: list[float]) -> float:
    """The median of the ratios of rounds that were timed one after the other."""
    return median(one / other for one, other in zip(ones, others, strict=True))


def compared(
    what: str,
    side: Side,
    against: str,
    reference: Side,
    *,
    target: Target | None,
    rounds: int = 41,
    clock: Clock = thread_time_ns,
) -> Row:
    """Time one side against a reference."""
    found = interleaved({"side": side, "reference": reference}, rounds=rounds, clock=clock)
    ones, others = found["side"], found["reference"]
    return Row(
        what, median(ones), "µs", median(others), against, ratio=ratio(ones, others), target=target
    )


def allocated(work: Work, operations: int = times(2_000, 5)) -> tuple[float, float]:
    """What an operation allocates: bytes that stay, and bytes at the peak of one operation."""
    for _ in range(min(100, operations)):
        work()
    gc.collect()
    tracemalloc.start()
    try:
        peaks = []
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(operations):
            tracemalloc.reset_peak()
            start = tracemalloc.get_traced_memory()[0]
            work()
            peaks.append(tracemalloc.get_traced_memory()[1] - start)
        gc.collect()
        kept = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    return kept / operations, median(peaks)
