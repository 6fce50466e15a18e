"""A provider of spans with our processor on it, and both sides of the bill."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from wflo_otel.bootstrap import configure, shutdown
from wflo_otel.bootstrap.processor import PolicySpanProcessor
from wflo_otel.core.money import to_nano_usd
from wflo_otel.core.policy import Budget, Budgets, Mode, Policy
from wflo_otel.seams.spans.sampler import PolicySampler
from wflo_otel.testing import Reply, ScriptedProvider
from wiring import Rig


@dataclass
class Spans(Rig):
    """What a test looks at: the bill, the ledger, and the spans that were exported."""

    exporter: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)
    traces: TracerProvider = field(default_factory=TracerProvider)

    def tracer(self, scope="opentelemetry.instrumentation.test"):
        """A foreign instrumentation's tracer."""
        return self.traces.get_tracer(scope)

    @property
    def finished(self):
        """Every span that ended, in that order."""
        return self.exporter.get_finished_spans()

    def named(self, name):
        """The only span of this name."""
        (span,) = (each for each in self.finished if each.name == name)
        return span

    @property
    def priced(self):
        """The spans that show a cost."""
        return [each for each in self.finished if "wflo.cost.usd" in each.attributes]


def policy(usd="100", mode=Mode.ENFORCE, notify=None, breakers=None, loops=None, **budget):
    """A policy with a budget for the run."""
    limit = Budget(usd=None if usd is None else to_nano_usd(usd), **budget)
    return Policy(
        mode=mode,
        budgets=Budgets(run=limit),
        notify=notify,
        breakers=breakers or {},
        loops=loops,
    )


@contextmanager
def processing(*replies: Reply, guard=False, sampler=None, clock=None, **budget):
    """Decide by spans alone, or with the guard beside, before a scripted provider."""
    exporter = InMemorySpanExporter()
    traces = TracerProvider(sampler=sampler and PolicySampler(sampler), shutdown_on_exit=False)
    with ScriptedProvider(*replies) as provider:
        made = configure(
            policy(**budget), state="memory://", guard=guard, providers=False, clock=clock
        )
        traces.add_span_processor(PolicySpanProcessor())
        traces.add_span_processor(SimpleSpanProcessor(exporter))
        try:
            yield Spans(provider, made, exporter, traces)
        finally:
            shutdown()
            traces.shutdown()


def span_id(span):
    """A span's id, as records have it."""
    return trace.format_span_id(span.get_span_context().span_id)
