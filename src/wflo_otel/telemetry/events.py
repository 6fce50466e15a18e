"""Events: on the call's span, and as log records for those who keep no traces.

The logs API is still private to OpenTelemetry (an underscore module): it is imported when the
first event is written, and without it events are on spans only.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from opentelemetry.trace import Span, set_span_in_context

from wflo_otel.core.call import Call, CallRecord
from wflo_otel.core.checkpoint import Checkpoint
from wflo_otel.core.decision import Circling, Transition
from wflo_otel.core.retry import FailedAttempt
from wflo_otel.core.scope import Caller
from wflo_otel.ports import LedgerView, Refused, Warned
from wflo_otel.telemetry.refusals import loop_attributes, refusal_attributes
from wflo_otel.telemetry.safely import safely
from wflo_otel.telemetry.scope import SCHEMA_URL, SCOPE_NAME, version
from wflo_otel.telemetry.semconv import attributes as a
from wflo_otel.telemetry.semconv import events
from wflo_otel.telemetry.tally import total_of
from wflo_otel.telemetry.values import Value, error_type, in_unit, text

if TYPE_CHECKING:
    from opentelemetry._logs import Logger, LoggerProvider


class Events:
    """Writes events. Without a provider the global one is used, also one that is set later."""

    def __init__(self, logger_provider: LoggerProvider | None = None) -> None:
        self._provider = logger_provider
        self._logger: Logger | None = None

    def decided(self, refused: Refused, span: Span) -> None:
        """A call was refused, or would have been in shadow mode."""
        caller = refused.call.caller
        who = ((a.RUN_ID, caller.run_id), (a.AGENT_NAME, caller.agent), (a.TENANT, caller.tenant))
        self._write(
            events.DECISION,
            {
                a.DECISION: "refuse",
                a.SHADOW: refused.shadow,
                a.CALL_ID: text(refused.call.call_id),
                **{key: text(value) for key, value in who if value},
                **refusal_attributes(refused),
            },
            span,
        )

    def warned(self, call_id: str, warning: Warned, span: Span) -> None:
        """A budget passed its ``warn_at``."""
        self._write(
            events.WARNING,
            {
                a.BUDGET_SCOPE: text(warning.key),
                a.BUDGET_UNIT: warning.unit,
                a.BUDGET_LIMIT: in_unit(warning.limit, warning.unit),
                a.BUDGET_SETTLED: in_unit(warning.settled, warning.unit),
                a.CALL_ID: text(call_id),
            },
            span,
        )

    def raised(self, ledger: LedgerView, span: Span) -> None:
        """A budget in US dollars was raised by hand."""
        facts: dict[str, Value] = {
            a.BUDGET_SCOPE: text(ledger.key),
            a.BUDGET_UNIT: "usd",
            a.BUDGET_SETTLED: in_unit(ledger.settled.usd, "usd"),
        }
        if "usd" in ledger.limits:
            facts[a.BUDGET_LIMIT] = in_unit(ledger.limits["usd"], "usd")
        self._write(events.RAISED, facts, span)

    def moved(self, transition: Transition, span: Span) -> None:
        """A circuit breaker opened, half-opened or closed."""
        self._write(
            events.TRANSITION,
            {
                a.BREAKER_COMPONENT: text(transition.key),
                a.BREAKER_BEFORE: transition.before.value,
                a.BREAKER_PHASE: transition.after.value,
                a.BREAKER_REASON: transition.reason,
            },
            span,
        )

    def looped(self, call: Call, circling: Circling, span: Span) -> None:
        """An agent goes in circles, or is about to."""
        caller, finding = call.caller, circling.finding
        who = ((a.RUN_ID, caller.run_id), (a.AGENT_NAME, caller.agent))
        self._write(
            events.LOOP,
            {
                a.LOOP_RUNG: finding.rung.name.lower(),
                a.REFUSAL_SCOPE: text(circling.key),
                a.CALL_ID: text(call.call_id),
                **{key: text(value) for key, value in who if value},
                **loop_attributes(finding),
            },
            span,
        )

    def attempted(self, record: CallRecord, number: int, span: Span) -> None:
        """One of several attempts of a call was charged; ``number`` counts from 1."""
        total = total_of(record)
        facts: dict[str, Value] = {
            a.ATTEMPT: number,
            a.CALL_ID: text(record.call_id),
            a.INPUT_TOKENS: total.usage.input_tokens,
            a.OUTPUT_TOKENS: total.usage.output_tokens,
            a.COST_USD: in_unit(record.cost, "usd"),
        }
        if record.http_status is not None:
            facts[a.HTTP_STATUS] = record.http_status
        if (kind := error_type(record)) is not None:
            facts[a.ERROR_TYPE] = kind
        self._write(events.ATTEMPT, facts, span)

    def retried(self, failed: FailedAttempt, caller: Caller, span: Span) -> None:
        """An attempt of what is tried again has failed."""
        facts: dict[str, Value] = {
            a.RETRY_COMPONENT: text(failed.component),
            a.RETRY_ATTEMPT: failed.number,
            a.RETRY_OUTCOME: failed.outcome,
            a.ERROR_TYPE: text(failed.error_type),
            a.RUN_ID: text(caller.run_id),
        }
        if failed.delay_s is not None:
            facts[a.RETRY_DELAY] = failed.delay_s
        self._write(events.RETRY, facts, span)

    def checkpointed(self, checkpoint: Checkpoint, span: Span) -> None:
        """A state was saved."""
        where = ((a.STEP, checkpoint.step), (a.AGENT_NAME, checkpoint.agent))
        self._write(
            events.CHECKPOINT,
            {
                a.CHECKPOINT_ID: text(checkpoint.checkpoint_id),
                a.CHECKPOINT_NAME: text(checkpoint.name),
                a.CHECKPOINT_SIZE: checkpoint.size,
                a.RUN_ID: text(checkpoint.run_id),
                **{key: text(value) for key, value in where if value},
            },
            span,
        )

    def passed(self, name: str, caller: Caller, span: Span) -> None:
        """Work has come to a point that could be gone back to; no state was saved there."""
        where = ((a.RUN_ID, caller.run_id), (a.STEP, caller.step), (a.AGENT_NAME, caller.agent))
        self._write(
            events.CHECKPOINT,
            {
                a.CHECKPOINT_NAME: text(name),
                **{key: text(value) for key, value in where if value},
            },
            span,
        )

    def _write(self, event: events.Event, attributes: Mapping[str, Value], span: Span) -> None:
        now = time.time_ns()
        with safely(f"event {event.name} on a span"):
            span.add_event(event.name, attributes, now)
        with safely(f"event {event.name} as a log record"):
            self._log(event, attributes, span, now)

    def _log(
        self, event: events.Event, attributes: Mapping[str, Value], span: Span, now: int
    ) -> None:
        try:
            from opentelemetry import _logs as logs
        except ImportError:
            return
        if self._logger is None:
            self._logger = logs.get_logger(
                SCOPE_NAME, version(), self._provider, schema_url=SCHEMA_URL
            )
        self._logger.emit(
            logs.LogRecord(
                timestamp=now,
                context=set_span_in_context(span),
                severity_text=event.severity,
                severity_number=logs.SeverityNumber[event.severity],
                attributes=attributes,
                event_name=event.name,
            )
        )
