"""A run for each request: for a trace whose first span in this process serves one.

The rules: a span that serves a request or takes a message is known by its kind (SERVER,
CONSUMER) and by having no parent in this process; whatever is not known to belong to one is
the process's own. A tool that an agent calls over MCP in its own process is no request: its
parent comes as from afar, and is here. Nothing of a request but its trace id and its span's
name is kept.
"""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from opentelemetry.trace import (
    Span,
    SpanContext,
    SpanKind,
    format_trace_id,
    get_current_span,
)

from wflo_otel.context import ActiveRun, runs
from wflo_otel.errors import StoreError
from wflo_otel.ports import Clock, RunInfo, Runs

T = TypeVar("T")

log = logging.getLogger("wflo_otel")

_SERVING = (SpanKind.SERVER, SpanKind.CONSUMER)
#: So many requests are remembered while they are served, and as many once they are over.
_REQUESTS = 8192
_LONGEST_NAME = 200


@dataclass(eq=False, slots=True)
class Request:
    """A trace that is served here, and the spans that say so."""

    name: str
    span: weakref.ref[Span] | None = None
    open_spans: set[int] = field(default_factory=set)

    @property
    def title(self) -> str:
        """What reports call it: its span's name by now, and the route where the name lacks it."""
        span = None if self.span is None else self.span()
        name = str(getattr(span, "name", None) or self.name)
        route = (getattr(span, "attributes", None) or {}).get("http.route")
        if isinstance(route, str) and route not in name:
            name = f"{name} {route}"
        # Some instrumentations name a span after the whole target; a query may hold content.
        shown = "".join(each for each in name.partition("?")[0] if each.isprintable())
        return shown.strip()[:_LONGEST_NAME]


class Requests:
    """The requests that this process serves, by trace. Bounded; safe from any thread."""

    def __init__(self, limit: int = _REQUESTS) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._open: dict[int, Request] = {}
        self._over: dict[int, Request] = {}
        #: The open spans of MCP clients, by id.
        self._asking: dict[int, None] = {}

    def begin(self, span: Span) -> None:
        """A span has started, which may be one that serves a request."""
        context = span.get_span_context()
        if _asks_by_mcp(span):
            with self._lock:
                _put(self._asking, context.span_id, None, self._limit)
        if not self._serves(span):
            return
        with self._lock:
            known = self._open.get(context.trace_id) or self._over.pop(context.trace_id, None)
            if known is None:
                known = Request(str(getattr(span, "name", "")), weakref.ref(span))
            known.open_spans.add(context.span_id)
            _put(self._open, context.trace_id, known, self._limit)

    def end(self, context: SpanContext) -> None:
        """A span has ended. What its trace still does belongs to the same request."""
        if context.span_id in self._asking:
            with self._lock:
                self._asking.pop(context.span_id, None)
        known = self._open.get(context.trace_id)
        if known is None or context.span_id not in known.open_spans:
            return
        with self._lock:
            known.open_spans.discard(context.span_id)
            if not known.open_spans and self._open.pop(context.trace_id, None) is not None:
                _put(self._over, context.trace_id, known, self._limit)

    def hint(self, trace_id: int, name: str, span: Span | None = None) -> Request:
        """A trace serves a request whose end nobody will tell of."""
        with self._lock:
            known = self._open.get(trace_id) or self._over.get(trace_id)
            if known is None:
                known = Request(name, None if span is None else weakref.ref(span))
                _put(self._over, trace_id, known, self._limit)
            return known

    def around(self, span: Span) -> Request | None:
        """The request that a span belongs to; ``None`` where it is not known to serve one."""
        context = span.get_span_context()
        known = self._open.get(context.trace_id) or self._over.get(context.trace_id)
        if known is not None:
            return known
        is_foreign = context.is_remote and context.trace_id != runs.continued_trace
        if is_foreign or self._serves(span):  # nobody has told us of its start
            return self.hint(context.trace_id, str(getattr(span, "name", "")), span)
        return None

    def is_open(self, trace_id: int) -> bool:
        """Whether a request is known to be served still."""
        return trace_id in self._open

    def _serves(self, span: Span) -> bool:
        if getattr(span, "kind", None) not in _SERVING:
            return False
        parent: SpanContext | None = getattr(span, "parent", None)
        return parent is None or (parent.is_remote and parent.span_id not in self._asking)


def _put(kept: dict[int, T], key: int, value: T, limit: int) -> None:
    while key not in kept and len(kept) >= limit:
        del kept[next(iter(kept))]
    kept[key] = value


def _asks_by_mcp(span: Span) -> bool:
    if getattr(span, "kind", None) is not SpanKind.CLIENT:
        return False
    return "mcp.method.name" in (getattr(span, "attributes", None) or ())


requests = Requests()


class TraceRuns:
    """The runs of the requests that call a model, under one configuration.

    Args:
        process: the process's own run; each request inherits its workflow and agent.
        history: where runs are kept.
        clock: tells the time.
        is_on: whether a request has a run of its own, by the policy in force.
    """

    def __init__(
        self, process: ActiveRun, history: Runs, clock: Clock, is_on: Callable[[], bool]
    ) -> None:
        self._process = process
        self._history = history
        self._clock = clock
        self._is_on = is_on
        self._runs: dict[int, ActiveRun] = {}

    def current(self) -> ActiveRun | None:
        """The run of the request that is served here, begun if it has none yet."""
        if not self._is_on():
            return None
        span = get_current_span()
        context = span.get_span_context()
        if not context.is_valid:
            return None
        request = requests.around(span)
        if request is None:
            return None
        found = self._runs.get(context.trace_id)
        return found or self._begin(context.trace_id, request.title)

    def _begin(self, trace_id: int, name: str) -> ActiveRun:
        run_id = format_trace_id(trace_id)
        base = replace(self._process.base, run_id=run_id)
        implicit = self._process.implicit_agent
        run = ActiveRun(run_id, name, base, implicit_agent=implicit, is_request=True)
        began = RunInfo(run_id, name, self._clock.time(), parent=self._process.run_id)
        try:
            self._history.open_run(began)
        except StoreError as error:  # the call itself is decided about by `on_state_error`
            log.warning("wflo: the run of a request is not in the reports: %s", error)
        return self._runs.setdefault(trace_id, run)

    def tend(self) -> None:
        """Close the runs of requests that are over; a late call opens its run again."""
        for trace_id in [each for each in list(self._runs) if not requests.is_open(each)]:
            self._close(trace_id)

    def close(self) -> None:
        """Close every run."""
        for trace_id in list(self._runs):
            self._close(trace_id)

    def _close(self, trace_id: int) -> None:
        run = self._runs.pop(trace_id, None)
        if run is None:
            return
        try:
            self._history.close_run(run.run_id, self._clock.time())
        except StoreError as error:
            log.warning("wflo: the run of a request stays open in the reports: %s", error)
