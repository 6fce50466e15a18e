"""The span that shows a call: another instrumentation's, where one is current, or our own.

The rule: one span per logical call. A span that somebody else started is completed and never
ended here; several attempts on one span are added up.
"""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from contextlib import AbstractContextManager, nullcontext

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import Span

from wflo_otel.core.call import Answer, Call, CallRecord
from wflo_otel.engine import Permit
from wflo_otel.seams.active import Active
from wflo_otel.seams.attempt_spans import span_around_attempt
from wflo_otel.seams.spans import open_spans
from wflo_otel.telemetry.dialects import is_genai_span
from wflo_otel.telemetry.outcomes import accumulate, clamp, enrich, fail
from wflo_otel.telemetry.spans import start_llm_span
from wflo_otel.telemetry.tally import Tally
from wflo_otel.telemetry.values import error_type

#: So many foreign spans are remembered, for attempts that come later.
_REMEMBERED = 4096


class Tallies:
    """What was charged on spans of others, by span. Bounded: the oldest are forgotten."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[int, int], Tally] = OrderedDict()

    def of(self, span: Span) -> Tally:
        """The tally of a span, found by its context: a wrapper of it is the same span."""
        key = _key(span)
        with self._lock:
            tally = self._known.get(key)
            if tally is None:
                tally = self._known[key] = Tally()
                if len(self._known) > _REMEMBERED:
                    self._known.popitem(last=False)
        return tally


_tallies = Tallies()


def tally_of(span: Span) -> Tally:
    """What was charged on a span of somebody else's so far."""
    return _tallies.of(span)


class CallSpan:
    """A span, for as long as somebody holds it. Ours ends when the last one lets go."""

    def __init__(self, span: Span, tally: Tally, *, is_ours: bool) -> None:
        self.span = span
        self.is_ours = is_ours
        self._tally = tally
        self._lock = threading.Lock()
        self._holders = 1
        self._failure: str | None = None

    def hold(self) -> bool:
        """Keep it open; False where it has ended already."""
        with self._lock:
            if self._holders == 0:
                return False
            self._holders += 1
            return True

    def release(self) -> None:
        """Let go."""
        with self._lock:
            self._holders -= 1
            is_last = self._holders == 0
        if not is_last or not self.is_ours:
            return
        if self._failure is not None:
            fail(self.span, self._failure)
        self.span.end()

    def identify(self, permit: Permit) -> None:
        """Tell a permit which span shows it."""
        context = self.span.get_span_context()
        if context.is_valid:
            permit.trace_id = trace.format_trace_id(context.trace_id)
            permit.span_id = trace.format_span_id(context.span_id)

    def clamped(self, cap: int) -> None:
        """Show the output cap that was written into the request."""
        clamp(self.span, cap)

    def current(self) -> AbstractContextManager[None]:
        """Be the current span inside the block, so that what happens there is told on it."""
        if not self.is_ours and trace.get_current_span() is self.span:
            return _NOTHING_TO_DO
        return _Current(self.span)

    @property
    def charges(self) -> int:
        """How many attempts were charged on it so far."""
        return self._tally.charges

    def charged(self, record: CallRecord, answer: Answer, catalogue: str) -> None:
        """Show what an attempt used, cost and said."""
        if not self.is_ours:
            enrich(self.span, record, self._tally, catalogue=catalogue)
            return
        reasons = answer.finish_reasons
        accumulate(self.span, record, self._tally, catalogue=catalogue, reasons=reasons)
        self._failure = error_type(record)

    def failed(self, kind: str) -> None:
        """Show that an attempt never reached the provider."""
        self._failure = kind


_NOTHING_TO_DO = nullcontext()


class _Current(AbstractContextManager[None]):
    """Makes a span current inside its block: three times for each call, so not a generator."""

    __slots__ = ("_span", "_token")

    def __init__(self, span: Span) -> None:
        self._span = span

    def __enter__(self) -> None:
        self._token = otel_context.attach(trace.set_span_in_context(self._span))

    def __exit__(self, *raised: object) -> None:
        otel_context.detach(self._token)


#: Spans of ours that are open, so that a seam inside another holds the same one.
_open: weakref.WeakValueDictionary[tuple[int, int], CallSpan] = weakref.WeakValueDictionary()


def span_for(
    active: Active, call: Call, address: str | None = None, port: int | None = None
) -> CallSpan:
    """Take the span that tells of this call, if there is one, else start one.

    That is the current span, or else one that was started in this context. A span that a seam
    of ours started around this one is held too: it ends with the last.
    """
    around = _span_around(call)
    if around is not None:
        open_spans.bind(around)
        ours = _open.get(_key(around))
        if ours is not None and ours.hold():
            return ours
        return CallSpan(around, _tallies.of(around), is_ours=False)
    started = start_llm_span(call, tracer=active.tracer, address=address, port=port)
    made = _open[_key(started)] = CallSpan(started, Tally(), is_ours=True)
    return made


def _span_around(call: Call) -> Span | None:
    current = trace.get_current_span()
    if is_genai_span(current):
        return current
    outer = span_around_attempt(current)
    if outer is not None and is_genai_span(outer):
        return outer
    found = open_spans.span_around(call)
    return found if found is not None and is_genai_span(found) else None


def _key(span: Span) -> tuple[int, int]:
    context = span.get_span_context()
    return context.trace_id, context.span_id
