"""Every event wflo writes, on spans and as log records, with the attributes it carries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from wflo_otel.telemetry.semconv import attributes as a


@dataclass(frozen=True, slots=True)
class Event:
    """One event's name, its severity as a log record, when it is written, and its attributes."""

    name: str
    severity: Literal["INFO", "WARN"]
    description: str
    attributes: tuple[str, ...]


_LOOP = (a.LOOP_KIND, a.LOOP_COUNT, a.LOOP_PERIOD, a.LOOP_CYCLE)
_REFUSAL = (
    a.REFUSAL_POLICY,
    a.REFUSAL_SCOPE,
    a.REFUSAL_UNIT,
    a.REFUSAL_LIMIT,
    a.REFUSAL_SETTLED,
    a.REFUSAL_PENDING,
    a.REFUSAL_NEEDED,
    a.REFUSAL_RETRY_AFTER,
    a.BREAKER_REASON,
    *_LOOP,
)

DECISION = Event(
    "wflo.policy.decision",
    "WARN",
    "A call was refused, or would have been in shadow mode.",
    (a.DECISION, a.SHADOW, a.RUN_ID, a.CALL_ID, a.AGENT_NAME, a.TENANT, *_REFUSAL),
)
WARNING = Event(
    "wflo.budget.warning",
    "WARN",
    "A budget has just passed its `warn_at`.",
    (a.BUDGET_SCOPE, a.BUDGET_UNIT, a.BUDGET_LIMIT, a.BUDGET_SETTLED, a.CALL_ID),
)
RAISED = Event(
    "wflo.budget.raised",
    "INFO",
    "A budget was raised by hand, and goes on if it was stopped; the limit is the new one.",
    (a.BUDGET_SCOPE, a.BUDGET_UNIT, a.BUDGET_LIMIT, a.BUDGET_SETTLED),
)
TRANSITION = Event(
    "wflo.breaker.transition",
    "WARN",
    "A circuit breaker opened, half-opened or closed.",
    (a.BREAKER_COMPONENT, a.BREAKER_BEFORE, a.BREAKER_PHASE, a.BREAKER_REASON),
)
LOOP = Event(
    "wflo.loop.detected",
    "WARN",
    "An agent goes in circles, or is about to.",
    (a.LOOP_RUNG, *_LOOP, a.REFUSAL_SCOPE, a.CALL_ID, a.RUN_ID, a.AGENT_NAME),
)
ATTEMPT = Event(
    "wflo.attempt",
    "INFO",
    "An attempt was charged that failed, or that followed one which did. Their sum is on the span.",
    (
        a.ATTEMPT,
        a.CALL_ID,
        a.HTTP_STATUS,
        a.ERROR_TYPE,
        a.INPUT_TOKENS,
        a.OUTPUT_TOKENS,
        a.COST_USD,
    ),
)
RETRY = Event(
    "wflo.retry.attempt",
    "WARN",
    "An attempt failed of a function under `with_retry`, or of a call that is tried again on the "
    "wire. On the span around the attempts.",
    (a.RETRY_COMPONENT, a.RETRY_ATTEMPT, a.RETRY_OUTCOME, a.RETRY_DELAY, a.ERROR_TYPE, a.RUN_ID),
)
CHECKPOINT = Event(
    "wflo.checkpoint",
    "INFO",
    "A state was saved, or a tool or agent of another instrumentation is done (without an id).",
    (a.CHECKPOINT_ID, a.CHECKPOINT_NAME, a.CHECKPOINT_SIZE, a.RUN_ID, a.STEP, a.AGENT_NAME),
)

#: Every event, in the order of the reference page.
EVENTS: Final = (DECISION, WARNING, RAISED, TRANSITION, LOOP, ATTEMPT, RETRY, CHECKPOINT)
