"""``aiohttp``: every request of every ``ClientSession`` passes its ``_request``.

An exchange that a guarded client of another library sends by ``aiohttp`` is that one's, and is
not looked at again. The rule: what is read of a response is read through us, by whichever of
its many methods.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial, wraps
from typing import TYPE_CHECKING, Any

from wflo_otel.core.call import Outcome, Status
from wflo_otel.seams.active import active
from wflo_otel.seams.http import probe
from wflo_otel.seams.http.arrival import landing
from wflo_otel.seams.http.boarding import Boarding, board
from wflo_otel.seams.http.flight import Flight, in_flight
from wflo_otel.seams.http.outgoing import NONE
from wflo_otel.seams.http.reading import head_of
from wflo_otel.seams.http.strangers import Stranger
from wflo_otel.seams.http.target import Target

if TYPE_CHECKING:
    import aiohttp

#: The parameters of ``_request`` that must be there.
_PARAMETERS = frozenset({"self", "method", "str_or_url", "params", "data", "json", "headers"})

#: What proves that no request left this machine, as far as the library has it.
_NEVER_SENT = (
    "ClientConnectorError",
    "ConnectionTimeoutError",
    "InvalidURL",
    "NonHttpUrlClientError",
)

#: What the library says of a body that it writes itself; a header of the caller's comes later.
_JSON = (b"content-type", b"application/json")

Request = Callable[..., Awaitable["aiohttp.ClientResponse"]]


@dataclass(frozen=True, slots=True)
class Library:
    """The classes of ``aiohttp``."""

    url: Callable[..., Any]
    headers: Callable[..., Any]
    reader: Any
    never_sent: tuple[type[Exception], ...]
    response_error: type[Exception]


@dataclass(frozen=True, slots=True)
class Parcel:
    """A request whose body was read: the arguments that make it."""

    library: Library
    url: Any
    #: Content and keys: never shown.
    options: Mapping[str, Any] = field(repr=False)
    body: bytes | None = field(repr=False)

    @property
    def address(self) -> tuple[str | None, int | None]:
        """The host and the port that it goes to."""
        return self.url.host, self.url.port

    @property
    def never_sent(self) -> tuple[type[Exception], ...]:
        """The library's errors that prove that nothing left this machine."""
        return self.library.never_sent

    def carries(self, request: object) -> bool:
        """Whether an exchange of another library below this one is this request's: none is."""
        del request
        return False

    def with_body(self, body: bytes, headers: Mapping[str, str] = NONE) -> Parcel:
        """The same request with another body, of a known length, and with these headers."""
        changed = self.library.headers(self.options.get("headers") or ())
        for name in ("content-length", "transfer-encoding"):
            changed.popall(name, None)
        changed.setdefault("content-type", "application/json")
        changed.update(headers)
        options = {**self.options, "json": None, "data": body, "headers": changed}
        return Parcel(self.library, self.url, options, body)


def aiohttp_targets(module: Any) -> list[Target]:
    """The methods of ``aiohttp`` that are guarded, and one that must be as it is known."""
    from multidict import CIMultiDict
    from yarl import URL

    from wflo_otel.seams.http.aiohttp_reader import ReadThrough  # with asyncio, as this library

    library = Library(
        url=URL,
        headers=CIMultiDict,
        reader=type("GuardedReader", (ReadThrough, module.StreamReader), {}),
        never_sent=tuple(getattr(module, name) for name in _NEVER_SENT if hasattr(module, name)),
        response_error=module.ClientResponseError,
    )
    guard = partial(session_sends, library=library)
    return [
        Target(module.StreamReader, "_wait", ["self", "func_name"].__eq__, lambda method: method),
        Target(module.ClientSession, "_request", _PARAMETERS.issubset, guard, _asks),
    ]


def _asks(method: Any) -> object:
    return method(probe.client(), probe.METHOD, probe.URL)


def session_sends(original: Request, library: Library) -> Request:
    """Guard ``ClientSession._request``."""

    @wraps(original)
    async def _request(
        self: Any, method: str, str_or_url: Any, **options: Any
    ) -> aiohttp.ClientResponse:
        if active() is None or in_flight() is not None or _is_form(options.get("data")):
            return await original(self, method, str_or_url, **options)
        url = _url(library, self, str_or_url, options.get("params"))
        boarding = board(method.upper(), url, _fields(library, self, options))
        if isinstance(boarding, Stranger):
            with boarding.passing(_shown(options)):
                return await original(self, method, str_or_url, **options)
        flight = None if boarding is None else _flight(boarding, library, self, url, options)
        if flight is None:
            return await original(self, method, str_or_url, **options)
        sent = await flight.admit_async()
        with flight.sending():
            return await _sent(flight, original(self, method, str_or_url, **sent.options), self)

    return _request


def _flight(
    boarding: Boarding, library: Library, session: Any, url: Any, options: Mapping[str, Any]
) -> Flight[Parcel] | None:
    return boarding.flight(Parcel(library, url, options, _body(session, options)))


async def _sent(
    flight: Flight[Parcel], answer: Awaitable[aiohttp.ClientResponse], session: Any
) -> aiohttp.ClientResponse:
    library = flight.sent.library
    try:
        response = await answer
    except library.response_error as error:
        status = getattr(error, "status", 0)
        if status >= 400 and error.__cause__ is None:  # raised for an answer that came
            flight.settle(Outcome(Status.ERROR, http_status=status, error_type=str(status)))
        raise
    head = head_of(response.status, response.headers, response.raw_headers)
    told = flight.sent.options.get("auto_decompress")
    if session.auto_decompress if told is None else told:
        head = replace(head, encoding="")
    arrival = landing(flight, head)
    if arrival is not None and response.content.at_eof():
        arrival.ended()
    elif arrival is not None:
        response.content = library.reader(response, arrival)
    return response


def _url(library: Library, session: Any, str_or_url: Any, params: Any) -> Any:
    """Where a request goes; what cannot be understood the library itself will refuse."""
    try:
        url, base = library.url(str_or_url), getattr(session, "_base_url", None)
        url = url if base is None else base.join(url)
        return url.update_query(params) if params else url
    except (TypeError, ValueError):
        return str_or_url


def _fields(
    library: Library, session: Any, options: Mapping[str, Any]
) -> list[tuple[bytes, bytes]]:
    own = _raw(session.headers) + _raw(library.headers(options.get("headers") or ()))
    return own if options.get("json") is None else [_JSON, *own]


def _raw(headers: Any) -> list[tuple[bytes, bytes]]:
    return [(str(name).encode(), str(value).encode()) for name, value in headers.items()]


def _is_form(data: Any) -> bool:
    return isinstance(data, dict | list | tuple) or type(data).__name__ == "FormData"


def _shown(options: Mapping[str, Any]) -> object:
    """The body, or what it will be made of: writing it twice is too dear for unrelated traffic."""
    data = options.get("data")
    return options.get("json") if data is None else _in_memory(data)


def _body(session: Any, options: Mapping[str, Any]) -> bytes | None:
    data, value = options.get("data"), options.get("json")
    if data is None and value is not None:
        data = session.json_serialize(value)
    return b"" if data is None else _in_memory(data)


def _in_memory(data: Any) -> bytes | None:
    if isinstance(data, str):
        return data.encode()
    if isinstance(data, bytes | bytearray | memoryview):
        return bytes(data)
    return None
