"""A model call that another instrumentation's span tells of, from its start to its end.

The rules: where the guard sees what is sent, nothing is decided here. Else the span's start is
the last moment to refuse; where what is raised there is swallowed, the call is only counted,
and its span never says that it was refused.
"""

from __future__ import annotations

import weakref
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import partial

from opentelemetry.sdk.trace import Span
from opentelemetry.trace import format_span_id, format_trace_id

from wflo_otel.core.call import Call
from wflo_otel.core.scope import Caller
from wflo_otel.engine import Permit, Refusal
from wflo_otel.engine.tasks import on_event_loop
from wflo_otel.errors import PolicyViolationError
from wflo_otel.ports import Refused
from wflo_otel.seams.active import Active
from wflo_otel.seams.open_call import offer_on, outer_permit
from wflo_otel.seams.refusal import dress
from wflo_otel.seams.spans import open_spans
from wflo_otel.seams.spans.instrumentations import is_on_the_wire, lets_out, maker_of
from wflo_otel.seams.spans.open_spans import OpenCall
from wflo_otel.seams.spans.settling import ask_of, dropped, ended
from wflo_otel.seams.spans.watching import watch_end
from wflo_otel.telemetry.dialects import Says, scope_of

#: So long a refusal that somebody swallows is remembered, in seconds.
_SWALLOWED_S = 1.0


@dataclass(frozen=True, slots=True)
class _Refused:
    """A refusal that was raised here; whoever swallows it meets it again."""

    refusal: Refusal
    #: The span that was refused, and the one around it.
    places: tuple[open_spans.Key | None, ...]
    until: float


_refused: ContextVar[_Refused | None] = ContextVar("wflo-refused", default=None)


def begin(now: Active, span: Span, said: Says, caller: Caller) -> None:
    """Decide about the call that this span begins to tell of.

    Raises:
        PolicyViolationError: it may not run; its span has ended and says why.
    """
    ask = ask_of(said)
    if not ask.provider:
        ask = replace(ask, provider=maker_of(said.scope))
    call = now.call(ask, caller, least_cap=said.output_cap or 1)
    opened = OpenCall(now, said, call, span.get_span_context(), weakref.ref(span))
    if not _is_guarded(now, said, span.name):
        opened.permit = _permit(now, span, call, refuses=lets_out(said.scope, span.name))
        opened.call = opened.permit.call
        offer_on(opened.context, opened.permit, said.scope)
    open_spans.add(opened)
    finalizer = weakref.finalize(span, dropped, opened)
    watch_end(span, partial(ended, opened, finalizer))


def _is_guarded(now: Active, said: Says, name: str) -> bool:
    """Whether the guard decides: where it sees the call, and where nobody else can refuse."""
    return now.guards and (is_on_the_wire(said) or not lets_out(said.scope, name))


def _permit(now: Active, span: Span, call: Call, *, refuses: bool) -> Permit:
    adopting = outer_permit(span.parent, scope_of(span), call.ask)
    if adopting is not None:
        call = replace(call, call_id=adopting.call.call_id)
    with now.telemetry.share(call, span):
        if refuses:
            answer = _swallowed(now, span, call, adopting) or _admitted(now, call, adopting)
        else:
            answer = now.engine.observe(call, adopting=adopting)
    if isinstance(answer, Refusal):
        raise _refusing(now, span, answer)
    context = span.get_span_context()
    answer.trace_id = format_trace_id(context.trace_id)
    answer.span_id = format_span_id(context.span_id)
    return answer


def _admitted(now: Active, call: Call, adopting: Permit | None) -> Permit | Refusal:
    return now.engine.admit(call, adopting=adopting, may_wait=not on_event_loop())


def _refusing(now: Active, span: Span, refusal: Refusal) -> PolicyViolationError:
    places = (open_spans.key_of(span), _key_of_parent(span))
    _refused.set(_Refused(refusal, places, now.clock.monotonic() + _SWALLOWED_S))
    span.end()
    return dress(refusal.error())


def _swallowed(now: Active, span: Span, call: Call, adopting: Permit | None) -> Refusal | None:
    """The refusal of the same call further out, where somebody has swallowed that."""
    before = _refused.get()
    _refused.set(None)
    if before is None or not _is_same(before, call, span) or now.clock.monotonic() > before.until:
        return None
    if adopting is not None:
        now.engine.void(adopting)
    again = replace(before.refusal, call=call)
    now.telemetry.refused(
        Refused(call, again.policy, again.message, shadow=False, decision=again.decision)
    )
    return again


def _is_same(before: _Refused, call: Call, span: Span) -> bool:
    asked = before.refusal.call
    is_here = _key_of_parent(span) in before.places
    return is_here and (asked.ask.model, asked.caller) == (call.ask.model, call.caller)


def _key_of_parent(span: Span) -> open_spans.Key | None:
    parent = span.parent
    return None if parent is None else (parent.trace_id, parent.span_id)
