"""What decorators are tested with: a configuration in memory, its spans, its ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider

from wflo_otel.bootstrap import Configuration, configure
from wflo_otel.core.call import CallRecord
from wflo_otel.core.money import to_nano_usd, to_usd
from wflo_otel.core.policy import Budget, Budgets, Policy
from wflo_otel.core.scope import run_key
from wflo_otel.ports import LedgerView
from wflo_otel.testing import FakeClock


class Kept(SpanProcessor):
    """Keeps every span that ends."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.spans.append(span)


_kept = Kept()


@contextmanager
def kept_spans() -> Iterator[Callable[[], list[ReadableSpan]]]:
    """Keep the spans that end in the block, under the global provider."""
    if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        trace.set_tracer_provider(TracerProvider(shutdown_on_exit=False))
    provider = trace.get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    if not getattr(_kept, "added", False):
        provider.add_span_processor(_kept)
        _kept.added = True  # type: ignore[attr-defined]  # once per process
    _kept.spans.clear()
    yield lambda: list(_kept.spans)


class Watch:
    """A configuration, and what is seen of it from outside."""

    def __init__(self, policy: Policy | None = None, clock: FakeClock | None = None) -> None:
        self.clock = clock
        self.configuration: Configuration = configure(policy, state="memory://", clock=clock)
        with kept_spans():
            pass

    @property
    def run_id(self) -> str:
        return self.configuration.run.run_id

    @property
    def records(self) -> list[CallRecord]:
        self.configuration.engine.tend()
        return self.configuration.store.records(self.run_id)

    @property
    def record(self) -> CallRecord:
        (only,) = self.records
        return only

    @property
    def spans(self) -> list[ReadableSpan]:
        self.configuration.engine.tend()
        return _kept.spans

    def span(self, name: str) -> ReadableSpan:
        (only,) = [span for span in self.spans if span.name == name]
        return only

    def ledger(self, key: str | None = None) -> LedgerView:
        self.configuration.engine.tend()
        key = key or run_key(self.run_id)
        return next(view for view in self.configuration.store.ledgers(key) if view.key == key)

    @property
    def ledger_keys(self) -> list[str]:
        return [view.key for view in self.configuration.store.ledgers()]

    @property
    def cost_usd(self) -> Decimal:
        return to_usd(sum(record.cost for record in self.records))


def watch(
    *,
    usd: str | None = None,
    budgets: Budgets | None = None,
    policy: Policy | None = None,
    clock: FakeClock | None = None,
    **options: object,
) -> Watch:
    """Configure with a budget for the process's run, in US dollars."""
    if usd is not None:
        budgets = Budgets(run=Budget(usd=to_nano_usd(usd), **options))  # type: ignore[arg-type]
    return Watch(policy or Policy(budgets=budgets or Budgets()), clock)
