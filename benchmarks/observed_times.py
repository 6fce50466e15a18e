"""What an observer adds to a call of the SDK, and what one bare span adds there, turn by turn.

The rule: raw, span and observer are timed within one process and one client, each round one after
the other, so that a busy machine slows all three. Processor time is that of the whole process:
what an observer does in threads of its own is its cost too.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from statistics import median, quantiles
from time import perf_counter_ns, process_time_ns

from answering import DATAS, STREAMED, Calls, Clients, SdkCalls, asked, clients
from measure import Side, by_clocks
from observers import OBSERVERS, Observed
from spans import BareSpan, bare_span, exported

#: How many calls are open at once where several are.
_AT_ONCE = 64
#: The way whose operations are chunks.
STREAM = "stream chunk"
_CLOCKS = {"cpu": process_time_ns, "wall": perf_counter_ns}
Rounds = dict[str, list[tuple[float, ...]]]


@dataclass(frozen=True, slots=True)
class Times:
    """What came out, in microseconds: of a call, or of a stream's chunk."""

    #: By way of calling and prompt, by side, by clock: the quartiles. Of the raw SDK, of itself;
    #: of the other sides, of what they add to it.
    ways: dict[str, dict[str, dict[str, list[float]]]]
    #: Parsing one chunk of the stream once.
    parse_chunk: float


def measured(name: str) -> Times:
    """Time every way of calling."""
    with clients() as of:
        observed = OBSERVERS[name].make(of)
        _see_that_it_is_on_and_off(name, SdkCalls(of), observed)
        ways = {way.name: _summary(_rounds(way, of, observed)) for way in _WAYS}
    return Times(ways, _parsing())


def _rounds(way: _Way, of: Clients, observed: Observed) -> Rounds:
    raw = SdkCalls(of)
    sides = {
        "raw": way.side(of, raw),
        "span": way.side(of, _Spanned(raw, bare_span())),
        "observed": replace(way.side(of, observed.calls), setting=observed.on),
    }
    return by_clocks(sides, tuple(_CLOCKS.values()), rounds=21, seconds=0.02)


def _see_that_it_is_on_and_off(name: str, raw: Calls, observed: Observed) -> None:
    def spans(calls: Calls) -> int:
        before = exported()
        calls.call(**asked(1_000))
        return exported() - before

    with observed.on():
        on = spans(observed.calls)
    off = spans(raw)
    if off or bool(on) is not OBSERVERS[name].has_spans:
        raise RuntimeError(f"{name}: a call has {on} spans with it and {off} without")


class _Spanned:
    """The same calls, each with a bare span before it."""

    def __init__(self, calls: Calls, span: BareSpan) -> None:
        self._calls, self._span = calls, span

    def call(self, **asked: object) -> object:
        self._span()
        return self._calls.call(**asked)

    async def acall(self, **asked: object) -> object:
        self._span()
        return await self._calls.acall(**asked)


def _one(of: Clients, calls: Calls, size: int) -> Callable[[], object]:
    return partial(calls.call, **asked(size))


def _many(of: Clients, calls: Calls, size: int) -> Callable[[], object]:
    ask = asked(size)

    async def all_at_once() -> None:
        await asyncio.gather(*[calls.acall(**ask) for _ in range(_AT_ONCE)])

    return lambda: of.loop.run_until_complete(all_at_once())


def _stream(of: Clients, calls: Calls, size: int) -> Callable[[], object]:
    ask = asked(size, **STREAMED)

    def read() -> None:
        for _ in calls.call(**ask):
            pass

    return read


@dataclass(frozen=True, slots=True)
class _Way:
    """A way of calling: what one turn does, and how many operations that is."""

    name: str
    work: Callable[[Clients, Calls, int], Callable[[], object]]
    size: int
    operations: int = 1

    def side(self, of: Clients, calls: Calls) -> Side:
        return Side(self.work(of, calls, self.size), self.operations)


#: What a prompt costs a stream is spread over its chunks, so that one size will do.
_WAYS = (
    _Way("call, 1 kB", _one, 1_000),
    _Way("call, 10 kB", _one, 10_000),
    _Way(f"{_AT_ONCE} async calls at once, 1 kB", _many, 1_000, _AT_ONCE),
    _Way(f"{_AT_ONCE} async calls at once, 10 kB", _many, 10_000, _AT_ONCE),
    _Way(STREAM, _stream, 1_000, len(DATAS)),
)


def _summary(rounds: Rounds) -> dict[str, dict[str, list[float]]]:
    """Quartiles: of the raw call itself, and of what each other side adds, round by round."""
    raw = rounds.pop("raw")
    added = {
        name: [
            tuple(one - bare for one, bare in zip(each, base, strict=True))
            for each, base in zip(found, raw, strict=True)
        ]
        for name, found in rounds.items()
    }
    return {
        name: {
            clock: quantiles(column, method="inclusive")
            for clock, column in zip(_CLOCKS, zip(*found, strict=True), strict=True)
        }
        for name, found in {"raw": raw, **added}.items()
    }


def _parsing() -> float:
    def parse() -> None:
        for data in DATAS:
            json.loads(data)

    side = Side(parse, len(DATAS))
    rounds = by_clocks({"parse": side}, (process_time_ns,), rounds=41, seconds=0.01)
    return median(each for (each,) in rounds["parse"])
