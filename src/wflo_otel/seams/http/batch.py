"""Answers that come in one file: the results of a batch.

The rule: each is charged once, under its own id within that file, to whoever fetches it first,
at the price of a batch; fetching the file is free.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wflo_otel.core.call import Answer, Outcome, Status
from wflo_otel.wire.dialects import provider_of_model

if TYPE_CHECKING:
    from wflo_otel.seams.http.flight import Flight


def took(flight: Flight[Any], outcome: Outcome) -> bool:
    """Whether the outcome was dealt with here: it brought answers, and each was charged."""
    parts = outcome.answer.parts
    if not parts:
        return False
    with flight.span.current():
        for part in parts:
            _charge(flight, part, outcome.http_status)
    flight.void()
    return True


def _charge(flight: Flight[Any], part: Answer, http_status: int | None) -> None:
    engine, key = flight.active.engine, flight.response_key(Answer(model=part.model))
    told_by_model = flight.route.provider_hint or provider_of_model(part.model)
    ask = replace(
        flight.ask,
        provider=told_by_model or flight.ask.provider,
        model=part.model,
        service_tier=part.service_tier,
    )
    permit = engine.fetch(flight.active.call(ask, flight.call.caller))
    flight.span.identify(permit)
    status = Status.OK if part.error_type is None else Status.ERROR
    record = engine.settle(
        permit,
        Outcome(
            status,
            part,
            http_status=http_status,
            error_type=part.error_type,
            charge_once=f"{key}:{part.response_id}",
        ),
    )
    if record is not None and record.usage.total_tokens:
        flight.span.charged(record, Answer(), permit.price.catalogue)
