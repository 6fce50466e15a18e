"""What one decision costs: admit and settle through the engine, with three nested budgets."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter_ns

from extent import times
from measure import Row, Side, Target, allocated, compared, interleaved, ratio
from spans import bare_span

from wflo_otel.clock import SystemClock
from wflo_otel.core.call import Answer, Ask, Call, CallRecord, Operation, Outcome, Status
from wflo_otel.core.decision import Circling, Transition
from wflo_otel.core.policy import Budget, Budgets, Policy
from wflo_otel.core.scope import Caller
from wflo_otel.core.usage import Usage
from wflo_otel.engine import Engine, Permit
from wflo_otel.errors import StoreError
from wflo_otel.metering.prices import CataloguePrices
from wflo_otel.metering.similarity import similarity
from wflo_otel.metering.tokens import LearningEstimator
from wflo_otel.ports import Adapters, Estimate, Observation, Refused, TokenEstimator, Warned
from wflo_otel.stores import Store, open_store

_PLENTY = Budget(usd=10**15, tokens=10**15)
_POLICY = Policy(
    budgets=Budgets(run=_PLENTY, agents={"*": _PLENTY}, tenants={"acme": _PLENTY}),
)
_CALLER = Caller("run-1", agents=("writer",), tenant="acme")
_ASK = Ask(
    Operation.CHAT,
    "openai",
    "gpt-4o",
    output_cap=200,
    messages=2,
    text_chars=49,
    texts=("You are a helpful writer.", "Say hello to the world!!"),
)
_SIZE = Estimate(24, 60)
_OUTCOME = Outcome(
    Status.OK,
    Answer(
        usage=Usage(input_tokens=24, output_tokens=9, cache_read_tokens=4),
        model="gpt-4o",
        finish_reasons=("stop",),
        complete=True,
    ),
    http_status=200,
)


class Silence:
    """Telemetry that tells nobody: what telling costs is another row."""

    def refused(self, refused: Refused) -> None:
        """Tell nobody."""

    def settled(self, record: CallRecord, observed: Observation) -> None:
        """Tell nobody."""

    def warned(self, call_id: str, warning: Warned) -> None:
        """Tell nobody."""

    def unrecognised(self, host: str, *, refused: bool) -> None:
        """Tell nobody."""

    def looped(self, call: Call, circling: Circling) -> None:
        """Say nothing."""

    def moved(self, transition: Transition) -> None:
        """Tell nobody."""

    def state_failed(self, operation: str, error: StoreError, *, allowed: bool) -> None:
        """Tell nobody."""

    def state_latency(self, operation: str, seconds: float) -> None:
        """Tell nobody."""


class KnownSizes(LearningEstimator):
    """Estimates that cost nothing: what estimating costs is the difference."""

    def input_tokens(self, ask: Ask) -> Estimate:
        """Say what is known."""
        return _SIZE

    def needed_output(self, ask: Ask, agent: str | None) -> int | None:
        """Nothing is known."""
        return None

    def learn(
        self,
        ask: Ask,
        agent: str | None,
        usage: Usage,
        *,
        whole: bool,
        estimate: Estimate | None = None,
    ) -> None:
        """Learn nothing."""


class Decisions:
    """An engine over a store, with the real price book and, by default, the real estimates."""

    def __init__(self, store: Store, tokens: TokenEstimator | None = None) -> None:
        clock = SystemClock()
        tokens = tokens or LearningEstimator()
        adapters = Adapters(
            store, store, store, CataloguePrices(), tokens, Silence(), clock, similarity
        )
        self.engine = Engine(lambda: _POLICY, adapters)
        self._ids = map(str, count())

    def admit(self) -> Permit:
        """Admit one call."""
        permit = self.engine.admit(Call(next(self._ids), _ASK, _CALLER))
        assert isinstance(permit, Permit)
        return permit

    def once(self) -> None:
        """Admit one call and settle it."""
        self.engine.settle(self.admit(), _OUTCOME)

    def after(self, calls: int) -> Side:
        """The same, when so many were settled before."""
        for _ in range(calls):
            self.once()
        return Side(self.once)

    def beside(self, calls: int) -> Side:
        """The same, while so many others are open."""
        for _ in range(calls):
            self.admit()
        return Side(self.once)


def in_memory(tokens: TokenEstimator | None = None) -> Decisions:
    """Decide over a store in memory."""
    return Decisions(open_store("memory://", SystemClock()), tokens)


@contextmanager
def on_disk() -> Iterator[Decisions]:
    """Decide over a new state file."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{Path(folder) / 'state.db'}", SystemClock())
        try:
            yield Decisions(store)
        finally:
            store.close()


def rows() -> list[Row]:
    """Time, memory and growth of one decision."""
    against, what = "bare span", "admit + settle, 3 nested budgets"
    found = [
        compared(
            f"{what}, in memory",
            Side(in_memory().once),
            against,
            Side(bare_span()),
            target=Target("ratio", 0.3),
            rounds=101,
        ),
        compared(
            "… without estimating and learning tokens",
            Side(in_memory(KnownSizes()).once),
            against,
            Side(bare_span()),
            target=None,
        ),
    ]
    with on_disk() as decisions:
        side, span = Side(decisions.once), Side(bare_span())
        on_file = compared(
            f"{what}, SQLite", side, against, span, target=None, clock=perf_counter_ns
        )
        found.append(on_file)
    kept, peak = allocated(in_memory().once)
    found.append(Row("… memory kept by a settled call", kept, "B"))
    found.append(Row("… memory in use while it is decided", peak, "B"))
    return found + _growth()


def _growth() -> list[Row]:
    sides = {n: in_memory().after(n) for n in (10, 1_000, times(150_000, 1_100))}
    sides_open = {n: in_memory().beside(n) for n in (1, times(1_000, 10))}
    many_calls = times(2_000, 20)
    with on_disk() as few, on_disk() as many:
        on_files = {10: few.after(10), many_calls: many.after(many_calls)}
        return [
            *_grown("… after {} calls", sides, 1.25),
            *_grown("… beside {} open calls", sides_open, 1.25),
            *_grown("… SQLite, after {} calls", on_files, 1.25),
        ]


def _grown(what: str, sides: dict[int, Side], most: float) -> list[Row]:
    found = interleaved({str(n): side for n, side in sides.items()})
    first, *more = found
    return [
        Row(
            what.format(f"{int(name):,}"),
            median(found[name]),
            "µs",
            median(found[first]),
            f"after {first}" if "after" in what else f"beside {first}",
            ratio(found[name], found[first]),
            Target("ratio", most),
        )
        for name in more
    ]
