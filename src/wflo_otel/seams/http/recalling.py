"""A request whose answer was paid for before: it is answered from the record, and never leaves.

The rules: a run that is stopped is refused this too; nothing is reserved and nothing charged; an
answer is kept only once it has come to its end as the provider's own success.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from wflo_otel.core.call import Answer, CallRecord, Status
from wflo_otel.core.results import Result, request_key
from wflo_otel.seams.http.flight import Flight
from wflo_otel.seams.http.library import Library
from wflo_otel.seams.http.reading import head_of, reading_of
from wflo_otel.seams.http.request import Parcel
from wflo_otel.seams.refusal import dress
from wflo_otel.telemetry.outcomes import mark_replayed
from wflo_otel.wire.api import RouteKind

if TYPE_CHECKING:
    import httpx


def recalled(
    flight: Flight[Parcel], library: Library, request: httpx.Request
) -> httpx.Response | None:
    """The answer to a request that the run has paid for before; ``None``: it must be sent.

    Raises:
        PolicyViolationError: the run is stopped.
    """
    results, caller, key = flight.active.results, flight.call.caller, _key(flight)
    if key is None:
        return None
    flight.keeps = partial(results.keep, caller, key)
    if not results.may_answer(caller):
        return None
    _let_in(flight)
    result = results.model(caller, key)
    if result is None:
        return None
    if flight.outer is not None:
        flight.outer.adopted = True
        flight.active.engine.void(flight.outer)
    _show(flight, result)
    return _response(library, request, result)


def _key(flight: Flight[Parcel]) -> str | None:
    """The request's name; ``None``: nothing is kept of such a request."""
    parcel, is_call = flight.parcel, flight.route.kind is RouteKind.CALL
    if not is_call or parcel.body is None or not flight.active.results.are_kept:
        return None
    url = parcel.request.url
    return request_key(parcel.request.method, url.host, url.path, parcel.body)


def _let_in(flight: Flight[Any]) -> None:
    try:
        refusal = flight.active.engine.stopped(flight.call)
        if refusal is not None:
            raise dress(refusal.error())
    except BaseException as error:
        flight.stays(error)
        raise


def _show(flight: Flight[Any], result: Result) -> None:
    """Show on the span what was answered, and that nothing was paid for it."""
    answer = _answer(flight, result)
    now, call = flight.active.clock.time(), flight.call
    record = CallRecord(
        call_id=call.call_id,
        caller=call.caller,
        operation=call.ask.operation,
        status=Status.OK,
        started_at=now,
        ended_at=now,
        provider=call.ask.provider,
        model=answer.model or call.ask.model or "",
        cost_source="replayed",
        response_id=answer.response_id,
        http_status=result.status,
        streaming=call.ask.streaming,
    )
    mark_replayed(flight.span.span)
    flight.span.charged(record, answer, "")
    flight.span.release()


def _answer(flight: Flight[Any], result: Result) -> Answer:
    head = head_of(result.status, result.headers, _raw(result.headers))
    reading = reading_of(flight.route.api, head, streaming=flight.ask.streaming, hides=False)
    reading.feed(result.body)
    reading.finish()
    return reading.answer()


def _raw(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), said.encode("latin-1")) for name, said in headers.items()]


def _response(library: Library, request: httpx.Request, result: Result) -> httpx.Response:
    response = library.response(
        result.status,
        headers=_raw(result.headers),
        stream=library.byte_stream(result.body),
        request=request,
    )
    response.elapsed = timedelta(0)
    return response
