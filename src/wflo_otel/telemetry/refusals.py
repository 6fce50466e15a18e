"""What a refusal says about itself, on a span and in an event."""

from __future__ import annotations

from collections.abc import Mapping

from opentelemetry.trace import Span, Status, StatusCode

from wflo_otel.core.decision import Circling, CircuitOpen, Exceeded, Queued
from wflo_otel.core.finding import Finding
from wflo_otel.errors import (
    BudgetExceededError,
    CircuitOpenError,
    InfiniteLoopDetectedError,
    StateUnavailableError,
    UnpricedModelError,
    UnrecognisedCallError,
)
from wflo_otel.ports import Refused
from wflo_otel.telemetry.safely import safely
from wflo_otel.telemetry.semconv import attributes as a
from wflo_otel.telemetry.values import Value, in_unit, text

_ERRORS: Mapping[str, str] = {
    "budget": BudgetExceededError.__name__,
    "breaker": CircuitOpenError.__name__,
    "loop": InfiniteLoopDetectedError.__name__,
    "unpriced": UnpricedModelError.__name__,
    "unrecognised": UnrecognisedCallError.__name__,
    "state": StateUnavailableError.__name__,
}


def refuse(span: Span, refused: Refused) -> None:
    """Write a refusal onto a span; in shadow mode the span does not fail, for the call runs."""
    with safely("refusal on a span"):
        span.set_attributes(refusal_attributes(refused))
        if refused.shadow:
            span.set_attribute(a.SHADOW, True)
            return
        span.set_attributes({a.DECISION: "refuse", a.ERROR_TYPE: refusal_error(refused)})
        span.set_status(Status(StatusCode.ERROR, text(refused.message)))


def refusal_error(refused: Refused) -> str:
    """The class of the error that this refusal is raised as."""
    return _ERRORS.get(refused.policy, "PolicyViolationError")


def refusal_attributes(refused: Refused) -> dict[str, Value]:
    """Say what refused, where, and by which numbers (in the unit named there)."""
    attributes: dict[str, Value] = {a.REFUSAL_POLICY: refused.policy}
    decision = refused.decision
    exceeded = decision.otherwise if isinstance(decision, Queued) else decision
    if isinstance(exceeded, Exceeded):
        attributes |= {
            a.REFUSAL_UNIT: exceeded.unit,
            a.REFUSAL_LIMIT: in_unit(exceeded.limit, exceeded.unit),
            a.REFUSAL_SETTLED: in_unit(exceeded.settled, exceeded.unit),
            a.REFUSAL_PENDING: in_unit(exceeded.pending, exceeded.unit),
            a.REFUSAL_NEEDED: in_unit(exceeded.needed, exceeded.unit),
        }
    if isinstance(exceeded, CircuitOpen):
        attributes[a.BREAKER_REASON] = exceeded.reason
        if exceeded.retry_after_s is not None:
            attributes[a.REFUSAL_RETRY_AFTER] = exceeded.retry_after_s
    if isinstance(exceeded, Circling):
        attributes |= loop_attributes(exceeded.finding)
    if exceeded is not None:
        attributes[a.REFUSAL_SCOPE] = text(exceeded.key)
    return attributes


def loop_attributes(finding: Finding) -> dict[str, Value]:
    """Show a circle: what kind, how often, and a round of it."""
    return {
        a.LOOP_KIND: finding.kind.value,
        a.LOOP_COUNT: finding.count,
        a.LOOP_PERIOD: finding.period,
        a.LOOP_CYCLE: tuple(text(step) for step in finding.cycle),
    }
