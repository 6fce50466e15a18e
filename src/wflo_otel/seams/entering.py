"""Letting in a call that reserves nothing: a tool's, an agent's, or a decorated function's.

The rule: what keeps it out is shown on its span, and raised by whoever asks; what lets it in is
told how it ended, except where wflo itself ended it.
"""

from __future__ import annotations

from opentelemetry.trace import Span

from wflo_otel.core.breaker import Component
from wflo_otel.core.call import Ask, Call, Operation, Status
from wflo_otel.core.call import Outcome as Ended
from wflo_otel.engine import Permit, Refusal
from wflo_otel.errors import PolicyViolationError
from wflo_otel.seams.active import Active
from wflo_otel.seams.outcomes import Outcome, Raised, error_type_of, status_of

#: What a decorated function asks for: it costs nothing by itself.
FUNCTION = Ask(Operation.INVOKE_WORKFLOW, provider="", model=None)


def enter(now: Active, call: Call, span: Span, *around: Component) -> Permit | Refusal:
    """Decide about a call, and tell it on this span."""
    with now.telemetry.share(call, span):
        return now.engine.enter(call, *around)


def stopped(now: Active, call: Call, span: Span) -> Refusal | None:
    """Say whether the run of a call was stopped, for work whose circuits another seam enters."""
    with now.telemetry.share(call, span):
        return now.engine.stopped(call)


def leave(now: Active, permit: Permit, outcome: Outcome) -> None:
    """Tell the circuits that let a call in how it ended."""
    is_ours = isinstance(outcome, Raised) and isinstance(outcome.error, PolicyViolationError)
    status = Status.CANCELLED if is_ours else status_of(outcome)
    now.engine.leave(permit, Ended(status, error_type=error_type_of(outcome)))
