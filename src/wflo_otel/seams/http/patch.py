"""The methods that are put in place of the libraries' own, and how they get there.

Every request of every client passes ``_send_single_request``, whatever transport it uses; every
exchange on the wire passes ``handle_request`` of a real transport, whoever calls it. Both are
wrapped, on the class, so that clients made earlier are guarded too. The rule: one exchange is
guarded once. The first on the wire belongs to the request that was admitted; each further one
(a transport that retries) asks for itself, and so does one that no client sent.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial, wraps
from typing import TYPE_CHECKING, Any

from wflo_otel.seams.http import probe
from wflo_otel.seams.http.boarding import board
from wflo_otel.seams.http.flight import Flight, in_flight
from wflo_otel.seams.http.library import Library, library_of
from wflo_otel.seams.http.recalling import recalled
from wflo_otel.seams.http.request import Parcel, in_memory, read, read_async
from wflo_otel.seams.http.response import arrived, keep, keep_async
from wflo_otel.seams.http.strangers import Stranger
from wflo_otel.seams.http.target import Target
from wflo_otel.seams.http.tries import Tries

if TYPE_CHECKING:
    import httpx

Send = Callable[[Any, "httpx.Request"], "httpx.Response"]
SendAsync = Callable[[Any, "httpx.Request"], Awaitable["httpx.Response"]]


def httpx_targets(module: Any) -> list[Target]:
    """The methods of ``httpx``, or of a library of the same shape, that are guarded."""
    library = library_of(module)
    knows = ["self", "request"].__eq__
    asks = partial(_asks, library)
    return [
        Target(getattr(module, owner), method, knows, partial(guard, library=library), asks)
        for owner, method, guard in _GUARDS
    ]


def _asks(library: Library, method: Any) -> object:
    return method(probe.client(), library.request(probe.METHOD, probe.URL))


def client_sends(original: Send, library: Library) -> Send:
    """Guard ``Client._send_single_request``."""

    @wraps(original)
    def _send_single_request(self: Any, request: httpx.Request) -> httpx.Response:
        if in_flight() is not None or not isinstance(request.stream, library.sync_stream):
            return original(self, request)
        return _guarded(original, library, self, request)

    return _send_single_request


def client_sends_async(original: SendAsync, library: Library) -> SendAsync:
    """Guard ``AsyncClient._send_single_request``."""

    @wraps(original)
    async def _send_single_request(self: Any, request: httpx.Request) -> httpx.Response:
        if in_flight() is not None or not isinstance(request.stream, library.async_stream):
            return await original(self, request)
        return await _guarded_async(original, library, self, request)

    return _send_single_request


def transport_sends(original: Send, library: Library) -> Send:
    """Guard ``HTTPTransport.handle_request``."""

    @wraps(original)
    def handle_request(self: Any, request: httpx.Request) -> httpx.Response:
        flight = in_flight()
        if flight is None or not flight.take(request):
            return _guarded(original, library, self, request)
        try:
            response = original(self, request)
        except BaseException as error:
            flight.failed(error)
            raise
        return arrived(flight, library, response, library.sync_tee)

    return handle_request


def transport_sends_async(original: SendAsync, library: Library) -> SendAsync:
    """Guard ``AsyncHTTPTransport.handle_async_request``."""

    @wraps(original)
    async def handle_async_request(self: Any, request: httpx.Request) -> httpx.Response:
        flight = in_flight()
        if flight is None or not flight.take(request):
            return await _guarded_async(original, library, self, request)
        try:
            response = await original(self, request)
        except BaseException as error:
            flight.failed(error)
            raise
        return arrived(flight, library, response, library.async_tee)

    return handle_async_request


def _guarded(original: Send, library: Library, self: Any, request: httpx.Request) -> httpx.Response:
    boarding = board(request.method, request.url, request.headers.raw)
    if boarding is None:
        return original(self, request)
    if isinstance(boarding, Stranger):
        with boarding.passing(in_memory(library, request)):
            return original(self, request)
    parcel = read(library, request)
    tries = Tries(boarding, parcel.body)
    with tries.together():
        while True:
            flight = tries.flight(parcel)
            if flight is None:
                return original(self, parcel.request)
            try:
                response = _flown(original, library, self, request, flight)
                if not tries.may_follow(flight, response.status_code, response.headers):
                    return response
                keep(library, response)
            except Exception as error:
                pause_s = tries.after_error(flight, error)
                if pause_s is None:
                    raise
            else:
                pause_s = tries.after(flight, response.status_code, response.headers)
                if pause_s is None:
                    return response
            tries.active.clock.pause(pause_s)


def _flown(
    original: Send, library: Library, self: Any, request: httpx.Request, flight: Flight[Parcel]
) -> httpx.Response:
    if (known := recalled(flight, library, request)) is not None:
        return known
    outgoing = flight.admit().request
    with flight.sending():
        response = original(self, outgoing)
        if not flight.is_taken:
            response = arrived(flight, library, response, library.sync_tee)
    if outgoing is not request:
        response.request = request
    return response


async def _guarded_async(
    original: SendAsync, library: Library, self: Any, request: httpx.Request
) -> httpx.Response:
    boarding = board(request.method, request.url, request.headers.raw)
    if boarding is None:
        return await original(self, request)
    if isinstance(boarding, Stranger):
        with boarding.passing(in_memory(library, request)):
            return await original(self, request)
    parcel = await read_async(library, request)
    tries = Tries(boarding, parcel.body)
    with tries.together():
        while True:
            flight = tries.flight(parcel)
            if flight is None:
                return await original(self, parcel.request)
            try:
                response = await _flown_async(original, library, self, request, flight)
                if not tries.may_follow(flight, response.status_code, response.headers):
                    return response
                await keep_async(library, response)
            except Exception as error:
                pause_s = tries.after_error(flight, error)
                if pause_s is None:
                    raise
            else:
                pause_s = tries.after(flight, response.status_code, response.headers)
                if pause_s is None:
                    return response
            await tries.active.clock.pause_async(pause_s)


async def _flown_async(
    original: SendAsync,
    library: Library,
    self: Any,
    request: httpx.Request,
    flight: Flight[Parcel],
) -> httpx.Response:
    if (known := recalled(flight, library, request)) is not None:
        return known
    outgoing = (await flight.admit_async()).request
    with flight.sending():
        response = await original(self, outgoing)
        if not flight.is_taken:
            response = arrived(flight, library, response, library.async_tee)
    if outgoing is not request:
        response.request = request
    return response


#: Which class of a library, which method, and what stands in its place.
_GUARDS: tuple[tuple[str, str, Callable[..., Any]], ...] = (
    ("Client", "_send_single_request", client_sends),
    ("AsyncClient", "_send_single_request", client_sends_async),
    ("HTTPTransport", "handle_request", transport_sends),
    ("AsyncHTTPTransport", "handle_async_request", transport_sends_async),
)
