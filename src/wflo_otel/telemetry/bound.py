"""The span that a call is written on: one of its own, or the one that is there already.

The rule: a model call has one span. Where another instrumentation's span for it is current, or
one that an outer seam of ours started, that span is completed and none is added; then the
charges of all its attempts are summed up on it.
"""

from __future__ import annotations

import threading
import weakref
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from opentelemetry.trace import Span, format_span_id, format_trace_id, use_span

from wflo_otel.core.call import Call, CallRecord
from wflo_otel.telemetry.outcomes import enrich, finish
from wflo_otel.telemetry.safely import safely
from wflo_otel.telemetry.tally import Tally


class BoundSpans:
    """Which span each open call is written on. Safe from any thread."""

    def __init__(self) -> None:
        self._by_call: dict[str, BoundSpan] = {}
        self._tallies: weakref.WeakKeyDictionary[Span, Tally] = weakref.WeakKeyDictionary()
        self._lock = threading.Lock()

    def of(self, call_id: str) -> BoundSpan | None:
        """The span that this call is written on."""
        return self._by_call.get(call_id)

    def own(self, call: Call, span: Span) -> OwnSpan:
        """Bind a span that was started for this call."""
        bound = OwnSpan(span, call, self._tally(span), self)
        self._by_call[call.call_id] = bound
        return bound

    def share(self, call: Call, span: Span) -> SharedSpan:
        """Bind a span that somebody else started for the same model call."""
        bound = SharedSpan(span, call, self._tally(span), self)
        self._by_call[call.call_id] = bound
        return bound

    def forget(self, call_id: str) -> None:
        """The call is over."""
        self._by_call.pop(call_id, None)

    def _tally(self, span: Span) -> Tally:
        with self._lock:
            return self._tallies.setdefault(span, Tally())


@dataclass(frozen=True, slots=True)
class BoundSpan(ABC):
    """A span, and the call that is written on it."""

    span: Span
    call: Call
    tally: Tally = field(repr=False)
    book: BoundSpans = field(repr=False)

    @abstractmethod
    def settle(self, record: CallRecord, catalogue: str) -> None:
        """Write what the call used."""

    def end(self) -> None:
        """Let go of the span: nothing more comes of the call."""
        self.book.forget(self.call.call_id)

    def as_current(self) -> AbstractContextManager[Span]:
        """Make the span current in a block; an exception in it does not touch the span."""
        return use_span(self.span, record_exception=False, set_status_on_exception=False)

    @property
    def ids(self) -> tuple[str, str]:
        """Trace id and span id in hex; empty where nothing is traced."""
        found = self.span.get_span_context()
        if not found.is_valid:
            return "", ""
        return format_trace_id(found.trace_id), format_span_id(found.span_id)


class OwnSpan(BoundSpan):
    """A span that was started for this call, and ends with it."""

    __slots__ = ()

    def settle(self, record: CallRecord, catalogue: str) -> None:
        """Write what the call used, and how it ended."""
        finish(self.span, record, self.tally, catalogue=catalogue)

    def end(self) -> None:
        """End the span, once what came of the call is written."""
        BoundSpan.end(self)
        with safely("end of a span"):
            self.span.end()


class SharedSpan(BoundSpan):
    """Somebody else's span: it is completed, and ending it is left to them."""

    __slots__ = ()

    def settle(self, record: CallRecord, catalogue: str) -> None:
        """Write what the span lacks, on top of what other attempts have used."""
        enrich(self.span, record, self.tally, catalogue=catalogue)
