"""Responses that are made in the background: paid when they are done, not when they are asked.

The rule: the reservation of such a call stays until a fetch by this process finds the response
finished; then that call is charged, and the fetch is not.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wflo_otel.core.call import Outcome, Status
from wflo_otel.wire.api import RouteKind

if TYPE_CHECKING:
    from wflo_otel.engine import Permit
    from wflo_otel.seams.http.flight import Flight

#: Permits of calls whose responses are still being made, by the response's key.
_awaited: dict[str, Permit] = {}


def took(flight: Flight[Any], outcome: Outcome) -> bool:
    """Whether the outcome was dealt with here: a promise was kept open, or a kept one closed."""
    if flight.route.kind is RouteKind.FETCH:
        return _fetched(flight, flight.response_key(outcome.answer), outcome)
    if not _is_promise(flight, outcome):
        return False
    key = flight.response_key(outcome.answer)
    if key is None:
        return False
    _awaited[key] = flight.permit
    flight.shown(None, outcome.answer)
    return True


def forget() -> None:
    """Forget every awaited response, where another configuration begins."""
    _awaited.clear()


def _is_promise(flight: Flight[Any], outcome: Outcome) -> bool:
    answer = outcome.answer
    said_nothing = answer.usage is None and answer.error_type is None and not answer.complete
    return outcome.status is Status.OK and said_nothing and not flight.ask.streaming


def _fetched(flight: Flight[Any], key: str | None, outcome: Outcome) -> bool:
    """A poll that finds nothing finished is free; the first that does closes the promise."""
    if outcome.answer.usage is None:
        flight.void()
        return True
    permit = _awaited.pop(key, None) if key is not None and outcome.answer.complete else None
    if permit is None:
        return False
    record = flight.active.engine.settle(permit, replace(outcome, charge_once=None))
    flight.active.engine.void(flight.permit)
    flight.shown(record, outcome.answer)
    return True
