"""Every metric wflo records, as data: name, kind, unit, attributes, buckets.

The rule: attributes are bounded (models, agents, tools, workflows, never a run or a call).
The names of the GenAI client metrics differ between the released conventions, which every
instrumentation emits today, and the latest ones; ``OTEL_SEMCONV_STABILITY_OPT_IN`` chooses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, Literal, TypeAlias

from wflo_otel.telemetry.semconv import attributes as a

Kind: TypeAlias = Literal["counter", "histogram", "gauge"]


@dataclass(frozen=True, slots=True)
class Instrument:
    """One metric. ``buckets`` are upper bounds in ``unit``, for histograms."""

    name: str
    kind: Kind
    unit: str
    description: str
    attributes: tuple[str, ...] = ()
    buckets: tuple[float, ...] = field(default=(), repr=False)


class Profile(StrEnum):
    """Which version of the GenAI conventions names what both have."""

    RELEASED = "released"
    LATEST = "latest"


def profile_of(environ: Mapping[str, str]) -> Profile:
    """Read ``OTEL_SEMCONV_STABILITY_OPT_IN``: ``gen_ai_latest_experimental`` is the latest."""
    opted_in = environ.get("OTEL_SEMCONV_STABILITY_OPT_IN", "").split(",")
    latest = "gen_ai_latest_experimental" in (each.strip() for each in opted_in)
    return Profile.LATEST if latest else Profile.RELEASED


#: As the GenAI conventions advise: 10 ms doubled up to 82 s, and 4^n tokens.
SECONDS: Final = tuple(round(0.01 * 2**n, 2) for n in range(14))
TOKENS: Final = tuple(float(4**n) for n in range(14))
#: Of a local store, 20 µs doubled up to 10 s.
STATE_SECONDS: Final = tuple(round(0.000_02 * 2**n, 5) for n in range(20))
RATIOS: Final = (0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 1.0, 1.05, 1.1, 1.25, 1.5, 2.0, 4.0)

_CALL = (a.OPERATION, a.PROVIDER, a.REQUEST_MODEL, a.RESPONSE_MODEL)
_WHO = (a.AGENT_NAME, a.WORKFLOW)
_BUDGET = (a.BUDGET_SCOPE, a.BUDGET_NAME, a.BUDGET_UNIT)

#: One row each, one column each profile; a missing column: that profile has no such metric.
VERSIONED: Final[Mapping[str, Mapping[Profile, str]]] = {
    "duration": {
        Profile.RELEASED: "gen_ai.client.operation.duration",
        Profile.LATEST: "gen_ai.client.inference.duration",
    },
    "tokens": {Profile.RELEASED: "gen_ai.client.token.usage"},
    "input_tokens": {Profile.LATEST: "gen_ai.client.inference.usage.input_tokens"},
    "output_tokens": {Profile.LATEST: "gen_ai.client.inference.usage.output_tokens"},
    "cache_read_tokens": {Profile.LATEST: "gen_ai.client.inference.usage.cache_read.input_tokens"},
    "cache_write_tokens": {
        Profile.LATEST: "gen_ai.client.inference.usage.cache_write.input_tokens"
    },
    "reasoning_tokens": {Profile.LATEST: "gen_ai.client.inference.usage.reasoning.output_tokens"},
}

_SHAPES: Final[Mapping[str, Instrument]] = {
    "duration": Instrument(
        "", "histogram", "s", "How long model calls take.", (*_CALL, a.ERROR_TYPE), SECONDS
    ),
    "tokens": Instrument(
        "", "histogram", "{token}", "Tokens of a call.", (*_CALL, a.TOKEN_TYPE), TOKENS
    ),
}


def _counted(what: str) -> Instrument:
    described = f"Tokens: {what.removesuffix('_tokens').replace('_', ' ')}."
    return Instrument("", "counter", "{token}", described, (*_CALL, a.TOKEN_MODALITY))


def versioned(profile: Profile) -> dict[str, Instrument]:
    """The metrics whose names differ, by row, as this profile has them."""
    shapes = {what: (_SHAPES.get(what) or _counted(what), row) for what, row in VERSIONED.items()}
    return {
        what: replace(shape, name=row[profile])
        for what, (shape, row) in shapes.items()
        if profile in row
    }


COST = Instrument(
    "wflo.cost",
    "counter",
    "{USD}",
    "What model calls were charged.",
    (*_CALL, *_WHO, a.COST_SOURCE),
)
DECISIONS = Instrument(
    "wflo.decisions",
    "counter",
    "{call}",
    "What was decided about model calls.",
    (a.DECISION, a.REFUSAL_POLICY, a.SHADOW, a.PROVIDER, a.REQUEST_MODEL, *_WHO),
)
UNPRICED = Instrument(
    "wflo.unpriced",
    "counter",
    "{call}",
    "Calls to models that nobody knows the price of: charged by fallback, or refused.",
    (a.DECISION, a.PROVIDER, a.REQUEST_MODEL),
)
UNRECOGNISED = Instrument(
    "wflo.unrecognised",
    "counter",
    "{request}",
    "Requests that look like calls to a model in an API that wflo does not know.",
    (a.DECISION, a.SERVER_ADDRESS),
)
TOOL_CALLS = Instrument(
    "wflo.tool.calls",
    "counter",
    "{call}",
    "Tool calls.",
    (a.TOOL_NAME, *_WHO, a.ERROR_TYPE),
)
TOOL_DURATION = Instrument(
    "wflo.tool.duration",
    "histogram",
    "s",
    "How long tool calls take.",
    (a.TOOL_NAME, *_WHO, a.ERROR_TYPE),
    SECONDS,
)
WAIT = Instrument(
    "wflo.admission.wait",
    "histogram",
    "s",
    "How long the calls that had to wait for others to settle have waited.",
    _WHO,
    SECONDS,
)
DRIFT = Instrument(
    "wflo.estimate.drift",
    "histogram",
    "{ratio}",
    "Input tokens that the provider counted, by what they were estimated at.",
    (a.PROVIDER, a.REQUEST_MODEL),
    RATIOS,
)
TRANSITIONS = Instrument(
    "wflo.breaker.transitions",
    "counter",
    "{transition}",
    "How often circuit breakers opened, half-opened and closed.",
    (a.BREAKER_COMPONENT, a.BREAKER_PHASE, a.BREAKER_REASON),
)
BREAKERS = Instrument(
    "wflo.breaker.state",
    "gauge",
    "{phase}",
    "Where a circuit breaker stands: 0 closed, 1 half-open, 2 open, 3 forced open.",
    (a.BREAKER_COMPONENT,),
)
LOOPS = Instrument(
    "wflo.loops",
    "counter",
    "{finding}",
    "How often agents were warned, hinted at and stopped for going in circles.",
    (a.LOOP_KIND, a.LOOP_RUNG, a.AGENT_NAME, a.WORKFLOW),
)
RETRIES = Instrument(
    "wflo.retries",
    "counter",
    "{attempt}",
    "Failed attempts of what is tried again, and the calls that recovered after them.",
    (a.RETRY_COMPONENT, a.RETRY_OUTCOME),
)
DEAD_LETTERS = Instrument(
    "wflo.dead_letters",
    "counter",
    "{letter}",
    "Calls that were kept as dead letters.",
    (a.RETRY_COMPONENT,),
)
STATE_DURATION = Instrument(
    "wflo.state.duration",
    "histogram",
    "s",
    "How long the state takes to answer.",
    (a.STATE_OPERATION,),
    STATE_SECONDS,
)
STATE_ERRORS = Instrument(
    "wflo.state.errors",
    "counter",
    "{error}",
    "The state could not answer; the call was admitted or refused, as the policy says.",
    (a.STATE_OPERATION, a.DECISION, a.ERROR_TYPE),
)
LIMIT = Instrument("wflo.budget.limit", "gauge", "{amount}", "The limits in force.", _BUDGET)
SETTLED = Instrument("wflo.budget.settled", "gauge", "{amount}", "What was spent of them.", _BUDGET)
PENDING = Instrument(
    "wflo.budget.pending", "gauge", "{amount}", "What open calls have reserved of them.", _BUDGET
)

#: Every metric that has one name, in the order of the reference page.
OWN: Final = (
    *(COST, DECISIONS, UNPRICED, UNRECOGNISED, TOOL_CALLS, TOOL_DURATION, WAIT, DRIFT),
    *(TRANSITIONS, BREAKERS, LOOPS, RETRIES, DEAD_LETTERS),
    *(STATE_DURATION, STATE_ERRORS, LIMIT, SETTLED, PENDING),
)


def instruments(profile: Profile = Profile.RELEASED) -> tuple[Instrument, ...]:
    """Every metric of a profile."""
    return (*versioned(profile).values(), *OWN)
