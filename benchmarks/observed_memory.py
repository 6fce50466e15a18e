"""What an observer holds: resident memory, bytes of an open call or stream, bytes that stay.

The rule: the raw SDK is measured first in the same process, and what an open call or stream holds
is the difference. Python's own allocations are counted (``tracemalloc``), others only by what
is resident.
"""

from __future__ import annotations

import asyncio
import gc
import resource
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from answering import STREAMED, Calls, Clients, SdkCalls, asked, clients
from extent import times
from observers import OBSERVERS
from spans import exported

#: How many calls, and how many streams, are held open at once.
_OPEN, _STREAMS = times(256, 4), times(64, 2)
#: Calls before anything is counted, and then twice so many.
_FIRST, _CALLS = times(500, 5), times(5_000, 10)
_BYTES = 1 if sys.platform == "darwin" else 1_024


def measured(name: str) -> dict[str, float]:
    """Bytes, by what holds them."""
    with clients() as of:
        raw = SdkCalls(of)
        _repeat(raw, _FIRST)
        before = _resident()
        calls_held, streams_held = _calls_held(of, raw), _streams_held(raw)
        observed = OBSERVERS[name].make(of)
        with observed.on():
            _repeat(observed.calls, _FIRST)
            found = {
                "resident": _resident() - before,
                "open call": _calls_held(of, observed.calls) - calls_held,
                "open stream": _streams_held(observed.calls) - streams_held,
            }
            first, second = _kept(observed.calls)
    return {**found, "calls": _CALLS, "kept by each": first, "by each of as many more": second}


def _repeat(calls: Calls, count: int) -> None:
    ask = asked(1_000)
    for _ in range(count):
        calls.call(**ask)


def _resident() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _BYTES


@contextmanager
def _counting() -> Iterator[Callable[[], int]]:
    """Count what is allocated and not freed."""

    def count() -> int:
        exported()  # or spans that wait for their exporter would count
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        yield count
    finally:
        tracemalloc.stop()


def _calls_held(of: Clients, calls: Calls) -> float:
    """Bytes of a call whose answer has not come."""
    ask = asked(1_000)

    async def hold(many: int) -> float:
        of.gate.shut()
        with _counting() as count:
            before = count()
            held = [asyncio.ensure_future(calls.acall(**ask)) for _ in range(many)]
            while of.gate.waiting < many:  # noqa: ASYNC110  # every turn brings them nearer
                await asyncio.sleep(0)
            found = count() - before
        of.gate.open()
        await asyncio.gather(*held)
        return found / many

    of.loop.run_until_complete(hold(_STREAMS))
    return of.loop.run_until_complete(hold(_OPEN))


def _streams_held(calls: Calls) -> float:
    """Bytes of a stream of which one chunk was read."""
    ask = asked(1_000, **STREAMED)

    def opened() -> Iterator[object]:
        stream = iter(calls.call(**ask))
        next(stream)
        return stream

    _read_out(opened())
    with _counting() as count:
        before = count()
        held = [opened() for _ in range(_STREAMS)]
        found = count() - before
    for each in held:
        _read_out(each)
    return found / _STREAMS


def _read_out(stream: Iterator[object]) -> None:
    for _ in stream:
        pass


def _kept(calls: Calls) -> tuple[float, float]:
    """Bytes that each call leaves behind, in a first and in a second half."""
    with _counting() as count:
        found = [count()]
        for _ in range(2):
            _repeat(calls, _CALLS)
            found.append(count())
    first, middle, last = found
    return (middle - first) / _CALLS, (last - middle) / _CALLS
