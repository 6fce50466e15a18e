"""Metrics of calls, decisions and the state, made from the tables in ``semconv``.

The rule: they are recorded whatever the sampler says, and no attribute names a run or a call.
"""

from __future__ import annotations

from collections.abc import Mapping

from opentelemetry.context import Context
from opentelemetry.metrics import Counter, Histogram, Meter

from wflo_otel.core.call import MODEL_CALLS, Ask, CallRecord, Operation
from wflo_otel.core.decision import Transition
from wflo_otel.core.finding import Finding
from wflo_otel.core.money import NANO_PER_USD
from wflo_otel.core.scope import Caller
from wflo_otel.ports import Observation, Refused
from wflo_otel.telemetry.semconv import attributes as a
from wflo_otel.telemetry.semconv import instruments as i
from wflo_otel.telemetry.tally import ESTIMATES, total_of
from wflo_otel.telemetry.tokens import TokenCounters, TokenHistogram, TokenMetrics
from wflo_otel.telemetry.values import (
    decision_of,
    error_type,
    provider_name,
    text,
)


class Metrics:
    """Every synchronous instrument of one meter."""

    def __init__(self, meter: Meter, profile: i.Profile) -> None:
        shared = i.versioned(profile)
        self._duration = histogram(meter, shared.pop("duration"))
        self._tokens = _token_metrics(meter, shared)
        self._cost = counter(meter, i.COST)
        self._decisions = counter(meter, i.DECISIONS)
        self._unpriced = counter(meter, i.UNPRICED)
        self._unrecognised = counter(meter, i.UNRECOGNISED)
        self._tool_calls = counter(meter, i.TOOL_CALLS)
        self._tool_duration = histogram(meter, i.TOOL_DURATION)
        self._wait = histogram(meter, i.WAIT)
        self._drift = histogram(meter, i.DRIFT)
        self._transitions = counter(meter, i.TRANSITIONS)
        self._loops = counter(meter, i.LOOPS)
        self._retries = counter(meter, i.RETRIES)
        self._dead_letters = counter(meter, i.DEAD_LETTERS)
        self._state_duration = histogram(meter, i.STATE_DURATION)
        self._state_errors = counter(meter, i.STATE_ERRORS)

    def settled(
        self,
        record: CallRecord,
        observed: Observation,
        context: Context | None = None,
    ) -> None:
        """Record a call that ran. ``context`` holds its span, for exemplars."""
        if record.operation in MODEL_CALLS:
            self._model_call(record, observed, context)
        elif record.operation is Operation.EXECUTE_TOOL:
            self._tool_call(record, context)

    def refused(self, refused: Refused) -> None:
        """Record a refusal."""
        ask = refused.call.ask
        what = _asked(ask)
        self._decisions.add(
            1,
            {
                **what,
                **_who(refused.call.caller),
                a.DECISION: "refuse",
                a.REFUSAL_POLICY: refused.policy,
                a.SHADOW: refused.shadow,
            },
        )
        if refused.policy == "unpriced":
            self._unpriced.add(1, {**what, a.DECISION: "refuse"})

    def unrecognised(self, host: str, decision: str) -> None:
        """Record a request to an API that nobody knows."""
        self._unrecognised.add(1, {a.DECISION: decision, a.SERVER_ADDRESS: text(host)})

    def moved(self, transition: Transition) -> None:
        """Record that a circuit breaker moved."""
        self._transitions.add(
            1,
            {
                a.BREAKER_COMPONENT: text(transition.key),
                a.BREAKER_PHASE: transition.after.value,
                a.BREAKER_REASON: transition.reason,
            },
        )

    def looped(self, caller: Caller, finding: Finding) -> None:
        """Record that an agent goes in circles, or is about to."""
        self._loops.add(
            1,
            {
                **_who(caller),
                a.LOOP_KIND: finding.kind.value,
                a.LOOP_RUNG: finding.rung.name.lower(),
            },
        )

    def retried(self, component: str, outcome: str) -> None:
        """Record what came of a failed attempt, or of a call that had some."""
        self._retries.add(1, {a.RETRY_COMPONENT: text(component), a.RETRY_OUTCOME: outcome})

    def buried(self, component: str) -> None:
        """Record that a call was kept as a dead letter."""
        self._dead_letters.add(1, {a.RETRY_COMPONENT: text(component)})

    def state_latency(self, operation: str, seconds: float) -> None:
        """Record how long the state took."""
        self._state_duration.record(seconds, {a.STATE_OPERATION: operation})

    def state_failed(self, operation: str, kind: str, decision: str) -> None:
        """Record that the state could not answer, and what was decided without it."""
        attributes = {a.STATE_OPERATION: operation, a.ERROR_TYPE: kind, a.DECISION: decision}
        self._state_errors.add(1, attributes)

    def _model_call(
        self, record: CallRecord, observed: Observation, context: Context | None
    ) -> None:
        asked = text(observed.asked_model or record.model)
        call = _named(record.operation, record.provider, asked, record.model)
        who = _who(record.caller)
        model = {key: call[key] for key in (a.PROVIDER, a.REQUEST_MODEL) if key in call}
        self._duration.record(_seconds(record), _with_error(call, record), context)
        self._tokens.record(total_of(record).usage, call, context)
        decided = {a.DECISION: decision_of(record)}
        self._decisions.add(1, {**model, **who, **decided}, context)
        if record.cost_source:
            source = {a.COST_SOURCE: record.cost_source}
            self._cost.add(record.cost / NANO_PER_USD, {**call, **who, **source}, context)
        if record.cost_source == "fallback":
            self._unpriced.add(1, {**model, **decided}, context)
        if observed.waited_s > 0:
            self._wait.record(observed.waited_s, who, context)
        if observed.estimated_input > 0 and record.cost_source not in ESTIMATES:
            ratio = record.usage.input_tokens / observed.estimated_input
            self._drift.record(ratio, model, context)

    def _tool_call(self, record: CallRecord, context: Context | None) -> None:
        named = {a.TOOL_NAME: text(record.caller.tool)} if record.caller.tool else {}
        attributes = _with_error({**named, **_who(record.caller)}, record)
        self._tool_calls.add(1, attributes, context)
        self._tool_duration.record(_seconds(record), attributes, context)


def counter(meter: Meter, shape: i.Instrument) -> Counter:
    """Make a counter from its row in the table."""
    return meter.create_counter(shape.name, shape.unit, shape.description)


def histogram(meter: Meter, shape: i.Instrument) -> Histogram:
    """Make a histogram from its row in the table."""
    return meter.create_histogram(
        shape.name,
        shape.unit,
        shape.description,
        explicit_bucket_boundaries_advisory=shape.buckets,
    )


def _token_metrics(meter: Meter, shapes: Mapping[str, i.Instrument]) -> TokenMetrics:
    if "tokens" in shapes:
        return TokenHistogram(histogram(meter, shapes["tokens"]))
    return TokenCounters({what: counter(meter, shape) for what, shape in shapes.items()})


def _asked(ask: Ask) -> dict[str, str]:
    found = ((a.PROVIDER, provider_name(ask.provider)), (a.REQUEST_MODEL, text(ask.model or "")))
    return {key: value for key, value in found if value}


def _named(operation: Operation, provider: str, asked: str, answered: str) -> dict[str, str]:
    found = (
        (a.OPERATION, operation.value),
        (a.PROVIDER, provider_name(provider)),
        (a.REQUEST_MODEL, asked),
        (a.RESPONSE_MODEL, text(answered)),
    )
    return {key: value for key, value in found if value}


def _who(caller: Caller) -> dict[str, str]:
    found = ((a.AGENT_NAME, caller.agent), (a.WORKFLOW, caller.workflow))
    return {key: text(value) for key, value in found if value}


def _with_error(attributes: Mapping[str, str], record: CallRecord) -> dict[str, str]:
    kind = error_type(record)
    return dict(attributes) if kind is None else {**attributes, a.ERROR_TYPE: kind}


def _seconds(record: CallRecord) -> float:
    return max(0.0, record.ended_at - record.started_at)
