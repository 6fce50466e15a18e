"""The open spans that tell of model calls, for the seams that see those calls from nearer by.

The rule: a span is found by its context, never by its object; where it is not current (LangChain's
callbacks make none current), by the context that it was started in.
"""

from __future__ import annotations

import os
import weakref
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TypeAlias

from opentelemetry.trace import Span, SpanContext

from wflo_otel.core.call import Call
from wflo_otel.engine import Permit
from wflo_otel.seams.active import Active
from wflo_otel.telemetry.dialects import Says

Key: TypeAlias = tuple[int, int]


@dataclass(eq=False, slots=True)
class OpenCall:
    """A model call that another instrumentation's span tells of."""

    active: Active
    said: Says
    call: Call
    context: SpanContext
    span: weakref.ref[Span]
    #: ``None``: the guard decides and charges.
    permit: Permit | None = None
    #: A nearer seam tells of the call on this span.
    is_bound: bool = False
    around: OpenCall | None = None
    process: int = field(default_factory=os.getpid)

    @property
    def key(self) -> Key:
        """What names the span."""
        return self.context.trace_id, self.context.span_id

    @property
    def is_open(self) -> bool:
        """Whether the span has not ended yet."""
        return _open.get(self.key) is self


_open: dict[Key, OpenCall] = {}
_innermost: ContextVar[OpenCall | None] = ContextVar("wflo-span", default=None)


def key_of(span: Span) -> Key:
    """What names a span."""
    context = span.get_span_context()
    return context.trace_id, context.span_id


def add(opened: OpenCall) -> None:
    """Remember a call until its span ends."""
    opened.around = _first_open()
    _open[opened.key] = opened
    _innermost.set(opened)


def close(opened: OpenCall) -> bool:
    """Forget a call; False where that was done, or where it is another process's."""
    found = _open.pop(opened.key, None)
    return found is opened and opened.process == os.getpid()


def bind(span: Span) -> None:
    """Say that a nearer seam tells of its call on this span."""
    opened = _open.get(key_of(span)) if _open else None
    if opened is not None:
        opened.is_bound = True


def span_around(call: Call) -> Span | None:
    """The span, started in this context, of the call that is about to be sent.

    Only one that tells of no other call yet; a retry is told on the span of its first attempt.
    """
    opened = _first_open()
    while opened is not None:
        is_free = call.attempt > 0 or not opened.is_bound
        said = opened.said
        is_same = said.model in {None, call.ask.model} and said.provider in {"", call.ask.provider}
        if is_free and is_same:
            return opened.span()
        opened = opened.around
    return None


def _first_open() -> OpenCall | None:
    opened = _innermost.get()
    while opened is not None and not opened.is_open:
        opened = opened.around
    return opened
