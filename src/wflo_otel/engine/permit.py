"""The two answers of the engine: a permit, closed exactly once, or a refusal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from wflo_otel.context import runs
from wflo_otel.core.breaker import Component
from wflo_otel.core.call import Call, Operation
from wflo_otel.core.decision import Circling, CircuitOpen, Exceeded, Granted, Stopped
from wflo_otel.core.finding import finding_of, reason_of
from wflo_otel.core.money import format_usd, to_usd
from wflo_otel.core.scope import Scope
from wflo_otel.core.usage import Usage
from wflo_otel.errors import (
    BudgetExceededError,
    CircuitOpenError,
    InfiniteLoopDetectedError,
    PolicyViolationError,
    StateUnavailableError,
    StoreError,
    UnpricedModelError,
    UnrecognisedCallError,
)
from wflo_otel.ports import Estimate, Price


class Unpriced:
    """The price of what costs nothing by itself."""

    source = model = catalogue = ""

    def cost_pico(self, usage: Usage) -> int:  # nothing, whatever it is
        """Nothing."""
        return 0

    def input_pico(self, tokens: int, cache_write: str = "") -> int:
        """Nothing."""
        return 0

    def output_pico(self, input_tokens: int) -> int:
        """Nothing."""
        return 0


@dataclass(eq=False, slots=True)
class Permit:
    """The right to run one call, with what it may spend.

    A seam fills in ``trace_id`` and ``span_id``, runs the call, and hands the permit back to
    ``Engine.settle`` or ``Engine.void``; the second time nothing happens.
    """

    call: Call
    scopes: tuple[Scope, ...]
    price: Price
    estimate: Estimate
    granted: Granted
    started_at: float
    waited_s: float = 0.0
    #: False where the state could not answer and the policy allows the call all the same.
    reserved: bool = True
    #: An inner seam has taken this permit over: it settles it, the outer one does not.
    adopted: bool = False
    closed: bool = False
    #: Output tokens before which a stream need not ask whether it may go on.
    look_again_at: int = 0
    #: The circuit breakers that the call meets.
    components: tuple[Component, ...] = ()
    #: Why its stream is cut, where that is no budget's doing.
    stutters: Refusal | None = None
    #: What the model is told in the request: that it goes in circles.
    hint: str = ""
    trace_id: str = ""
    span_id: str = ""

    @property
    def cap_to_write(self) -> int | None:
        """The output cap that the request must carry; streams are cut instead."""
        if not self.granted.clamped or self.call.ask.streaming:
            return None
        return self.granted.cap

    @property
    def is_limited(self) -> bool:
        """Whether a budget in any unit holds for this call."""
        return any(scope.budget is not None for scope in self.scopes)


def free(call: Call, now: float) -> Permit:
    """A permit for a call that costs nothing by itself; it has not reserved anything yet."""
    return Permit(call, (), Unpriced(), Estimate(0, 0), Granted(0, 0, 0), now, reserved=False)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a call may not run."""

    call: Call
    #: ``budget``, ``breaker``, ``loop``, ``unpriced``, ``unrecognised`` or ``state``.
    policy: str
    message: str
    decision: Exceeded | Stopped | CircuitOpen | Circling | None = None
    facts: dict[str, object] = field(default_factory=dict)

    def error(self, **facts: object) -> PolicyViolationError:
        """Make the error that says so; a seam raises it."""
        cls: type[PolicyViolationError]
        match self.policy:
            case "budget":
                cls = BudgetExceededError
                facts["checkpoint"] = runs.last_checkpoint(self.call.caller)
            case "breaker":
                cls = CircuitOpenError
            case "loop":
                cls = InfiniteLoopDetectedError
            case "unpriced":
                cls = UnpricedModelError
            case "unrecognised":
                cls = UnrecognisedCallError
            case _:
                cls = StateUnavailableError
        return cls(self.message, **self.facts, **facts)  # type: ignore[arg-type]  # facts are open


def budget_refusal(call: Call, decision: Exceeded) -> Refusal:
    """Say which budget refuses a call, and with which numbers."""
    who = _who(call)
    show = _shown(decision.unit)
    verdict = f"; {decision.key} is stopped" if decision.stops else ""
    if decision.held_by_caller:
        verdict = "; the rest is held by an open call of the same task, close it first"
    message = (
        f"budget of {decision.key} exceeded: {show(decision.settled)} of {show(decision.limit)} "
        f"spent, {show(decision.pending)} reserved, {show(decision.needed)} needed by {who}"
        f"{verdict}"
    )
    number = to_usd if decision.unit == "usd" else int
    facts: dict[str, object] = {
        "scope": decision.key,
        "unit": decision.unit,
        "limit": number(decision.limit),
        "settled": number(decision.settled),
        "pending": number(decision.pending),
        "needed": number(decision.needed),
        "stopped": decision.stops,
    }
    return Refusal(call, "budget", message, decision, facts)


def stopped_refusal(call: Call, decision: Stopped) -> Refusal:
    """Say that a scope was stopped earlier, and why."""
    finding = finding_of(decision.reason, call.caller.agent)
    if finding is not None:
        return loop_refusal(call, Circling(decision.key, finding, is_stopped=True))
    message = f"{decision.key} is stopped ({decision.reason}); refused {_who(call)}"
    facts: dict[str, object] = {"scope": decision.key, "stopped": True}
    return Refusal(call, "budget", message, decision, facts)


def loop_refusal(call: Call, decision: Circling) -> Refusal:
    """Say who goes in circles, and show the circle."""
    finding = decision.finding
    message = f"{decision.key} is stopped ({reason_of(finding)}); refused {_who(call)}"
    facts: dict[str, object] = {
        "scope": decision.key,
        "kind": finding.kind.value,
        "count": finding.count,
        "period": finding.period,
        "cycle": finding.cycle,
    }
    return Refusal(call, "loop", message, decision, facts)


def breaker_refusal(call: Call, decision: CircuitOpen) -> Refusal:
    """Say which circuit breaker is open, why, and when to ask again."""
    again = "close it with `wflo breakers close`"
    if decision.retry_after_s is not None:
        again = f"try again in {decision.retry_after_s:.1f} s"
    message = f"the circuit breaker of {decision.key} is open ({decision.reason}); {again}"
    facts: dict[str, object] = {
        "component": decision.key,
        "reason": decision.reason,
        "retry_after": decision.retry_after_s,
    }
    return Refusal(call, "breaker", message, decision, facts)


def refusal_of(call: Call, decision: Exceeded | Stopped | CircuitOpen) -> Refusal:
    """Say what refuses a call."""
    match decision:
        case CircuitOpen():
            return breaker_refusal(call, decision)
        case Stopped():
            return stopped_refusal(call, decision)
        case Exceeded():
            return budget_refusal(call, decision)


def unpriced_refusal(call: Call) -> Refusal:
    """Say that nobody knows what a model costs, and how to tell."""
    model = call.ask.model or "this model"
    message = (
        f"no price is known for {model!r} (provider {call.ask.provider or 'unknown'}); give it one "
        f"under prices.overrides, or set prices.unknown_model: fallback"
    )
    facts: dict[str, object] = {"provider": call.ask.provider, "model": call.ask.model or ""}
    return Refusal(call, "unpriced", message, facts=facts)


def unrecognised_refusal(call: Call, address: str) -> Refusal:
    """Say that a request is for an API that nobody knows, and what can be done."""
    message = (
        f"a request to {address} looks like a call to a model in an API that wflo does not know; "
        f"put @track_llm_call around it, or set unrecognised: allow"
    )
    return Refusal(call, "unrecognised", message, facts={"address": address})


def state_refusal(call: Call, error: Exception) -> Refusal:
    """Say that the state cannot answer."""
    message = f"the budget state cannot answer, so {_who(call)} is refused: {error}"
    return Refusal(call, "state", message)


def answered(
    question: Permit,
    answer: Granted | Exceeded | Stopped | CircuitOpen | StoreError | None,
    waited: float,
) -> Permit | Refusal:
    """Turn the state's answer into a permit or a refusal; ``None`` allows without reserving."""
    question.waited_s = waited
    match answer:
        case Granted():
            question.granted = answer
            return question
        case None:
            question.reserved = False
            return question
        case StoreError():
            return state_refusal(question.call, answer)
        case _:
            return refusal_of(question.call, answer)


def _who(call: Call) -> str:
    agent = f" of agent {call.caller.agent}" if call.caller.agent else ""
    if call.ask.operation is Operation.EXECUTE_TOOL:
        return f"the tool {call.caller.tool}{agent}"
    return f"a {call.ask.operation.value} call to {call.ask.model or 'a model'}{agent}"


def _shown(unit: str) -> Callable[[int], str]:
    return format_usd if unit == "usd" else lambda number: f"{number:,} {unit}"
