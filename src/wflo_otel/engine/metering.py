"""From an outcome to money: what a call used, what that costs, and how sure that is.

The order of trust: the provider's own cost, its own usage, what was seen of a stream, and for a
call of which nothing is known, everything that was reserved for it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from wflo_otel.core.call import Answer, CallRecord, Outcome, Status
from wflo_otel.core.money import ceil_nano
from wflo_otel.core.policy import Policy
from wflo_otel.core.usage import NOTHING, Usage
from wflo_otel.engine.permit import Permit
from wflo_otel.ports import Price, PriceBook, TokenEstimator

#: Streams end in these without having told their usage.
_LEFT_EARLY = frozenset({Status.CANCELLED, Status.ABANDONED, Status.CUT, Status.ERROR})


class Metered(NamedTuple):
    """What a call used and costs; ``cost`` in nano-USD."""

    usage: Usage
    cost: int
    source: str
    price: Price


def meter(
    permit: Permit, outcome: Outcome, policy: Policy, prices: PriceBook, tokens: TokenEstimator
) -> Metered:
    """Measure one call."""
    price = _price_of_answer(permit, outcome, policy, prices)
    if outcome.answer.usage is None and _was_refused_by_provider(outcome):
        return Metered(NOTHING, 0, price.source, price)
    if _is_unknown(outcome) and (not permit.call.ask.streaming or _never_began(outcome)):
        return _everything_reserved(permit, price)
    told = outcome.answer.usage
    if told is not None and not _is_partial(permit, outcome):
        if outcome.answer.provider_cost is not None:
            return Metered(told, outcome.answer.provider_cost, "provider", price)
        return Metered(told, ceil_nano(price.cost_pico(told)), price.source, price)
    seen = usage_seen(permit, outcome.answer, tokens)
    return Metered(seen, ceil_nano(price.cost_pico(seen)), "estimate", price)


def record_of(permit: Permit, outcome: Outcome, metered: Metered, ended_at: float) -> CallRecord:
    """Write down what is kept of a call; ``ended_at`` is in seconds since the epoch."""
    call, answer = permit.call, outcome.answer
    ask = call.ask
    return CallRecord(
        call_id=call.call_id,
        caller=call.caller,
        operation=ask.operation,
        status=outcome.status,
        started_at=permit.started_at,
        ended_at=ended_at,
        provider=ask.provider,
        model=answer.model or ask.model or "",
        usage=metered.usage,
        cost=metered.cost,
        cost_source=metered.source,
        response_id=answer.response_id,
        tool_calls=tuple([each.name for each in answer.tool_calls]),
        http_status=outcome.http_status,
        error_type=outcome.error_type or answer.error_type,
        attempt=call.attempt,
        streaming=ask.streaming,
        clamped=permit.granted.clamped,
        trace_id=permit.trace_id,
        span_id=permit.span_id,
    )


def failure_of(permit: Permit, outcome: Outcome, ended_at: float) -> CallRecord:
    """Write down a call that failed, and is charged nothing."""
    nothing = Metered(NOTHING, 0, "", permit.price)
    return replace(record_of(permit, outcome, nothing, ended_at), clamped=False)


def usage_seen(permit: Permit, answer: Answer, tokens: TokenEstimator) -> Usage:
    """What was seen of an answer: its input as told or estimated, its output as counted."""
    told = answer.usage or NOTHING
    counted = tokens.output_tokens(
        answer.model or permit.call.ask.model, answer.output_chars, answer.output_chunks
    )
    return replace(
        told,
        input_tokens=told.input_tokens or permit.estimate.expected,
        output_tokens=max(told.output_tokens, counted),
    )


def _everything_reserved(permit: Permit, price: Price) -> Metered:
    cap = permit.granted.cap * permit.call.ask.choices
    usage = Usage(input_tokens=permit.estimate.upper, output_tokens=cap)
    return Metered(usage, permit.granted.usd, "reserved", price)


def _is_unknown(outcome: Outcome) -> bool:
    """Whether the provider may have worked, and nobody saw what it did."""
    return outcome.answer.usage is None and outcome.status in {
        Status.UNKNOWN,
        Status.CANCELLED,
        Status.ABANDONED,
    }


def _never_began(outcome: Outcome) -> bool:
    """Whether a stream was given up before anything of it came."""
    nothing_came = outcome.http_status is None and not outcome.answer.output_chunks
    return nothing_came and outcome.status is not Status.ABANDONED


def _was_refused_by_provider(outcome: Outcome) -> bool:
    return outcome.http_status is not None and outcome.http_status >= 400


def _is_partial(permit: Permit, outcome: Outcome) -> bool:
    left_early = permit.call.ask.streaming and outcome.status in _LEFT_EARLY
    return left_early and not outcome.answer.complete


def _price_of_answer(permit: Permit, outcome: Outcome, policy: Policy, prices: PriceBook) -> Price:
    """The price of the model that answered, where it is known, else of the one asked for."""
    answer, ask = outcome.answer, permit.call.ask
    model = answer.model or ask.model
    tier = answer.service_tier or ask.service_tier
    if model is None or (model == ask.model and tier == ask.service_tier):
        return permit.price
    found = prices.price(
        ask.provider, model, at=permit.started_at, prices=policy.prices, service_tier=tier
    )
    return found or permit.price
