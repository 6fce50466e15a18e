"""The span processor: OpenTelemetry tells it of every span, and it decides about those of calls.

The rules: a refusal is the only exception that leaves ``on_start``, and none leaves ``on_end``.
Spans of wflo's own are decided about by the seams that start them.
"""

from __future__ import annotations

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from wflo_otel.context import context_frame, span_frames
from wflo_otel.seams.active import Active, active
from wflo_otel.seams.spans import model_calls, probe, work
from wflo_otel.seams.traces import requests
from wflo_otel.telemetry.dialects import Says, says, scope_of
from wflo_otel.telemetry.safely import safely
from wflo_otel.telemetry.scope import SCOPE_NAME


class DecidingSpanProcessor(SpanProcessor):
    """Decides, by the configuration in force, about the calls that foreign spans tell of."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Decide about the call that this span begins to tell of, where it tells of one.

        Raises:
            PolicyViolationError: it may not run; the span has ended and says why.
        """
        if span.context is None:
            return
        requests.begin(span)
        now = active()
        if now is None:
            return
        span_frames.inherit(span.parent, span.context)
        if scope_of(span) == SCOPE_NAME:
            if span.name == probe.NAME:
                probe.arrived(span.context.span_id)
            return
        said = _read(span)
        _begin(now, span, said)

    def on_end(self, span: ReadableSpan) -> None:
        """Forget the span."""
        if span.context is not None:
            span_frames.leave(span.context)
            requests.end(span.context)

    def shutdown(self) -> None:
        """Settle what was left for later."""
        self.force_flush()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Settle what was left for later."""
        now = active()
        if now is not None:
            with safely("flushing the policy"):
                now.engine.tend()
        return True


def _read(span: Span) -> Says | None:
    with safely("reading a span"):
        return says(span)
    return None


def _begin(now: Active, span: Span, said: Says | None) -> None:
    carried = context_frame()
    if carried is None:
        return
    around = span_frames.inside(span.parent, carried)
    if said is None:
        work.begin_unknown(now, span, around)
        return
    inside = work.frame_within(around, said)
    if inside is not around:
        span_frames.enter(span.get_span_context(), carried, inside)
    if said.is_model_call:
        model_calls.begin(now, span, said, inside.caller)
    else:
        work.begin(now, span, said, around, inside)
