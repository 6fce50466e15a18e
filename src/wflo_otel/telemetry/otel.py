"""The telemetry port on OpenTelemetry: spans, events and metrics of one engine.

The rule: nothing here raises or waits. Without providers of its own it uses the global ones,
also those that are set later.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from opentelemetry import metrics, trace
from opentelemetry.context import Context
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import Span, SpanContext, Tracer, TracerProvider

from wflo_otel.core.call import Call, CallRecord
from wflo_otel.core.checkpoint import Checkpoint
from wflo_otel.core.decision import Circling, Transition
from wflo_otel.core.retry import FailedAttempt
from wflo_otel.core.scope import Caller
from wflo_otel.errors import StoreError
from wflo_otel.ports import LedgerView, Observation, Refused, Warned
from wflo_otel.telemetry import spans
from wflo_otel.telemetry.bound import BoundSpan, BoundSpans
from wflo_otel.telemetry.dialects import is_genai_span
from wflo_otel.telemetry.events import Events
from wflo_otel.telemetry.gauges import BreakerGauge, BudgetGauges, Circuits, Ledgers
from wflo_otel.telemetry.late import LateTracer
from wflo_otel.telemetry.metrics import Metrics
from wflo_otel.telemetry.pending import Pending
from wflo_otel.telemetry.refusals import refuse
from wflo_otel.telemetry.safely import safely
from wflo_otel.telemetry.scope import SCHEMA_URL, SCOPE_NAME, version
from wflo_otel.telemetry.semconv.instruments import Profile, profile_of

if TYPE_CHECKING:
    from opentelemetry._logs import LoggerProvider


class OTelTelemetry:
    """Tells OpenTelemetry what the engine and the seams do.

    Args:
        tracer_provider, meter_provider, logger_provider: where to; the global ones by default.
        profile: which GenAI conventions name the metrics; the environment says by default.
        before_first_span: called once, where the global provider is used and not set.
    """

    def __init__(
        self,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        logger_provider: LoggerProvider | None = None,
        *,
        profile: Profile | None = None,
        before_first_span: Callable[[], object] | None = None,
    ) -> None:
        self.tracer: Tracer = (
            LateTracer(before_first_span or _nothing)
            if tracer_provider is None
            else tracer_provider.get_tracer(SCOPE_NAME, version(), schema_url=SCHEMA_URL)
        )
        meter = metrics.get_meter(SCOPE_NAME, version(), meter_provider, schema_url=SCHEMA_URL)
        self._metrics = Metrics(meter, profile or profile_of(os.environ))
        self._pending = Pending()
        self._gauges = BudgetGauges(meter, self._pending.record_all)
        self._breakers = BreakerGauge(meter)
        self._events = Events(logger_provider)
        self._bound = BoundSpans()

    # --- for the seams -----------------------------------------------------------------------

    def share(self, call: Call, span: Span) -> BoundSpan:
        """Tell what comes of a call on a span; whoever shares it calls ``end()`` on the answer.

        Calls that are not bound are told on the current span.
        """
        return self._bound.bind(call, span)

    def tool_span(self, name: str, caller: Caller, *, tool_call_id: str | None = None) -> Span:
        """Start the span of a tool call."""
        return spans.start_tool_span(name, caller, tracer=self.tracer, tool_call_id=tool_call_id)

    def agent_span(self, name: str, caller: Caller) -> Span:
        """Start the span of an agent's invocation."""
        return spans.start_agent_span(name, caller, tracer=self.tracer)

    def workflow_span(self, name: str, caller: Caller) -> Span:
        """Start the span of a workflow's run."""
        return spans.start_workflow_span(name, caller, tracer=self.tracer)

    def attempt_span(self, component: str, number: int, caller: Caller) -> Span:
        """Start the span of one attempt of what is tried again; ``number`` counts from 1."""
        return spans.start_attempt_span(component, number, caller, tracer=self.tracer)

    def retried(self, failed: FailedAttempt, caller: Caller) -> None:
        """An attempt has failed: an event on the current span, a log record, a metric."""
        self._events.retried(failed, caller, trace.get_current_span())
        self._pending.add(partial(self._metrics.retried, failed.component, failed.outcome))

    def recovered(self, component: str) -> None:
        """A call has succeeded after failed attempts: a metric."""
        self._pending.add(partial(self._metrics.retried, component, "recovered"))

    def buried(self, component: str) -> None:
        """A call was kept as a dead letter: a metric."""
        self._pending.add(partial(self._metrics.buried, component))

    def attempted(self, record: CallRecord, number: int, span: Span) -> None:
        """One of several attempts of a call was charged: an event on their span, a log record."""
        self._events.attempted(record, number, span)

    def checkpointed(self, checkpoint: Checkpoint) -> None:
        """A state was saved: an event on the current span, and a log record."""
        self._events.checkpointed(checkpoint, trace.get_current_span())

    def raised(self, ledger: LedgerView) -> None:
        """A budget was raised by hand: an event on the current span, and a log record."""
        self._events.raised(ledger, trace.get_current_span())

    def passed(self, name: str, caller: Caller, span: Span) -> None:
        """A tool or an agent has done its work: an event on its span, and a log record."""
        self._events.passed(name, caller, span)

    def watch_budgets(self, ledgers: Ledgers) -> None:
        """Show these ledgers as gauges: the callback returns open runs and current windows."""
        self._gauges.watch(ledgers)

    def watch_breakers(self, circuits: Circuits) -> None:
        """Show these circuits as a gauge."""
        self._breakers.watch(circuits)

    # --- the port ----------------------------------------------------------------------------

    def refused(self, refused: Refused) -> None:
        """A call was refused: attributes and an event on its span, a log record, a metric."""
        bound = self._bound.of(refused.call.call_id)
        span = trace.get_current_span() if bound is None else bound.span
        if bound is not None or _tells_of_model_call(span):
            refuse(span, refused)
        self._events.decided(refused, span)
        self._pending.add(partial(self._metrics.refused, refused))

    def settled(self, record: CallRecord, observed: Observation) -> None:
        """A call was charged: metrics. What it used is written by the seam that has its span."""
        found = self._span_of(record.call_id).get_span_context()
        self._pending.add(partial(self._settled, record, observed, found))

    def warned(self, call_id: str, warning: Warned) -> None:
        """A budget passed its ``warn_at``: an event on the call's span, and a log record."""
        self._events.warned(call_id, warning, self._span_of(call_id))

    def unrecognised(self, host: str, *, refused: bool) -> None:
        """A request looked like a call to a model in an API that nobody knows: a metric."""
        decision = "refuse" if refused else "admit"
        self._pending.add(partial(self._metrics.unrecognised, host, decision))

    def moved(self, transition: Transition) -> None:
        """A circuit breaker moved: an event on the current span, a log record, a metric."""
        self._events.moved(transition, trace.get_current_span())
        self._pending.add(partial(self._metrics.moved, transition))

    def looped(self, call: Call, circling: Circling) -> None:
        """An agent goes in circles: an event on the call's span, a log record, a metric."""
        self._events.looped(call, circling, self._span_of(call.call_id))
        self._pending.add(partial(self._metrics.looped, call.caller, circling.finding))

    def state_failed(self, operation: str, error: StoreError, *, allowed: bool) -> None:
        """The state could not answer; of the error only its type is kept."""
        kind = type(error.__cause__ or error).__name__
        decision = "admit" if allowed else "refuse"
        self._pending.add(partial(self._metrics.state_failed, operation, kind, decision))

    def state_latency(self, operation: str, seconds: float) -> None:
        """How long the state took."""
        self._pending.add(partial(self._metrics.state_latency, operation, seconds))

    def tend(self) -> None:
        """Record what was measured since the last time; called by the housekeeper."""
        self._pending.record_all()

    def _settled(self, record: CallRecord, observed: Observation, span: SpanContext) -> None:
        self._metrics.settled(record, observed, _traced(span))

    def _span_of(self, call_id: str) -> Span:
        bound = self._bound.of(call_id)
        return trace.get_current_span() if bound is None else bound.span


def _nothing() -> None:
    """There is nothing to set up."""


def _traced(span: SpanContext) -> Context | None:
    """What an exemplar needs of a span, without keeping the span itself alive."""
    if not span.trace_flags.sampled:
        return None
    return trace.set_span_in_context(trace.NonRecordingSpan(span), Context())


def _tells_of_model_call(span: Span) -> bool:
    with safely("look at a span"):
        return is_genai_span(span)
    return False
