"""The spans of attempts, and what is shown around them.

The rule: a call that is tried again is still one call. What an attempt's model call is charged
is added up on the model call's own span around the attempts, where there is one.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

from opentelemetry import trace
from opentelemetry.trace import Span

from wflo_otel.core.scope import Caller
from wflo_otel.seams.active import Active

_around: WeakKeyDictionary[Span, Span] = WeakKeyDictionary()


def start_attempt(active: Active, component: str, number: int, caller: Caller) -> Span:
    """Start the span of an attempt inside the current one."""
    current = trace.get_current_span()
    outer = _around.get(current, current)
    span = active.telemetry.attempt_span(component, number, caller)
    if outer.is_recording():
        _around[span] = outer
    return span


def span_around_attempt(span: Span) -> Span | None:
    """The span around all attempts, where this one is an attempt's."""
    return _around.get(span) if _around else None
