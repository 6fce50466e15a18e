"""Responses of ``httpx`` and ``httpx2`` on their way to the caller."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wflo_otel.seams.http.arrival import Arrival, landing
from wflo_otel.seams.http.flight import Flight
from wflo_otel.seams.http.library import Library
from wflo_otel.seams.http.reading import head_of

if TYPE_CHECKING:
    import httpx


def arrived(
    flight: Flight[Any], library: Library, response: httpx.Response, tee: type
) -> httpx.Response:
    """Look after a response; ``tee`` is the library's class that stands for its stream."""
    headers = response.headers
    arrival = landing(flight, head_of(response.status_code, headers, headers.raw))
    if arrival is None:
        return response
    if response.is_stream_consumed:
        return _read_already(arrival, library, response)
    if arrival.rewrites:
        headers.pop("content-encoding", None)
        headers.pop("content-length", None)
    response.stream = tee(response.stream, arrival)
    return response


def keep(library: Library, response: httpx.Response) -> None:
    """Read a response to its end, so that its attempt is settled; it can still be handed on."""
    if response.is_stream_consumed:
        return
    raw = b"".join(response.iter_raw())
    response.close()
    _as_if_unread(library, response, raw)


async def keep_async(library: Library, response: httpx.Response) -> None:
    """Read a response to its end, so that its attempt is settled; it can still be handed on."""
    if response.is_stream_consumed:
        return
    raw = b"".join([part async for part in response.aiter_raw()])
    await response.aclose()
    _as_if_unread(library, response, raw)


def _as_if_unread(library: Library, response: httpx.Response, raw: bytes) -> None:
    response.stream = library.byte_stream(raw)
    response.is_stream_consumed = response.is_closed = False


def _read_already(arrival: Arrival, library: Library, response: httpx.Response) -> httpx.Response:
    """Look at a response that a transport has read; its bytes are decoded."""
    arrival.decoded()
    content = response.content
    shown = arrival.passed(content) + arrival.ended()
    if shown == content:
        return response
    headers = response.headers.copy()
    for name in ("content-encoding", "content-length"):
        headers.pop(name, None)
    return library.response(
        response.status_code,
        headers=headers,
        content=shown,
        extensions=response.extensions,
    )
