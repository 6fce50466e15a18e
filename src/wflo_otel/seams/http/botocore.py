"""``botocore``: every attempt of every AWS client passes ``URLLib3Session.send``.

Requests to Bedrock are signed, so no byte of them may change; those with a bearer token are not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial, wraps
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from wflo_otel.seams.http import probe
from wflo_otel.seams.http.arrival import Arrival, landing
from wflo_otel.seams.http.boarding import board
from wflo_otel.seams.http.flight import Flight, in_flight
from wflo_otel.seams.http.outgoing import NONE
from wflo_otel.seams.http.reading import head_of
from wflo_otel.seams.http.strangers import Stranger
from wflo_otel.seams.http.target import Target
from wflo_otel.seams.http.tee import SyncTee
from wflo_otel.seams.http.tries import Decided, Tries, tries_of

#: What proves that no request left this machine.
_NEVER_SENT = ("EndpointConnectionError", "ConnectTimeoutError", "ProxyConnectionError", "SSLError")

Send = Callable[[Any, Any], Any]


@dataclass(frozen=True, slots=True)
class Parcel:
    """A request of ``botocore`` whose body was read."""

    never_sent: tuple[type[Exception], ...]
    request: Any
    #: ``None``: it cannot be read. Content: never shown.
    body: bytes | None = field(repr=False)

    @property
    def address(self) -> tuple[str | None, int | None]:
        """The host and the port that it goes to."""
        parts = urlsplit(self.request.url)
        return parts.hostname, parts.port

    def carries(self, request: object) -> bool:
        """Whether an exchange of another library below this one is this request's: none is."""
        del request
        return False

    def with_body(self, body: bytes, headers: Mapping[str, str] = NONE) -> Parcel:
        """The same request with another body, of a known length, and with these headers."""
        old = self.request
        changed = type(old.headers)()
        gone = {"content-length", "transfer-encoding"} | {name.lower() for name in headers}
        kept = {name: value for name, value in old.headers.items() if name.lower() not in gone}
        for name, value in {**kept, "Content-Length": str(len(body)), **headers}.items():
            changed[name] = value
        request = type(old)(old.method, old.url, changed, body, old.stream_output)
        return Parcel(self.never_sent, request, body)


def botocore_targets(module: Any) -> list[Target]:
    """The method of ``botocore.httpsession`` that is guarded."""
    never_sent = tuple(getattr(module, name) for name in _NEVER_SENT if hasattr(module, name))
    guard = partial(session_sends, never_sent=never_sent)
    return [Target(module.URLLib3Session, "send", ["self", "request"].__eq__, guard, _asks)]


def _asks(method: Any) -> object:
    request = SimpleNamespace(method=probe.METHOD, url=probe.URL, headers={})
    return method(probe.client(), request)


def session_sends(original: Send, never_sent: tuple[type[Exception], ...]) -> Send:
    """Guard ``URLLib3Session.send``."""

    @wraps(original)
    def send(self: Any, request: Any) -> Any:
        if in_flight() is not None:
            return original(self, request)
        boarding = board(request.method, request.url, _raw(request.headers))
        if boarding is None:
            return original(self, request)
        if isinstance(boarding, Stranger):
            with boarding.passing(_in_memory(request.body)):
                return original(self, request)
        parcel = Parcel(never_sent, request, _body(request.body))
        flight = boarding.flight(parcel)
        if flight is None:
            return original(self, request)
        return _tried(original, self, flight, tries_of(boarding, parcel.body))

    return send


def _tried(original: Send, session: Any, flight: Flight[Parcel], tries: Tries | None) -> Any:
    """Make an attempt; whether another follows is said to ``botocore``, which then makes it."""
    if tries is None:
        return _flown(original, session, flight)
    tries.joined(flight)
    tries.decided = None
    try:
        response = _flown(original, session, flight)
        status, headers = response.status_code, response.headers
        if tries.may_follow(flight, status, headers):
            _ = response.content  # it is read by that, and its attempt settled
            tries.decided = Decided(tries.after(flight, status, headers))
    except Exception as error:
        tries.decided = Decided(tries.after_error(flight, error))
        raise
    return response


def _flown(original: Send, session: Any, flight: Flight[Parcel]) -> Any:
    outgoing = flight.admit().request
    with flight.sending():
        return _arrived(flight, original(session, outgoing), is_read=not outgoing.stream_output)


def _arrived(flight: Flight[Parcel], response: Any, *, is_read: bool) -> Any:
    headers = {name.lower(): value for name, value in response.headers.items()}
    arrival = landing(flight, head_of(response.status_code, headers, _raw(response.headers)))
    if arrival is None:
        return response
    if is_read:
        arrival.passed(response.content)
        arrival.ended()
    else:
        response.raw = RawTee(response.raw, arrival)
    return response


def _raw(headers: Mapping[str, Any]) -> list[tuple[bytes, bytes]]:
    return [(_bytes(name), _bytes(value)) for name, value in headers.items()]


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def _in_memory(body: Any) -> bytes | None:
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    return bytes(body) if isinstance(body, bytes | bytearray) else None


def _body(body: Any) -> bytes | None:
    if (held := _in_memory(body)) is not None:
        return held
    if not hasattr(body, "seek"):
        return None
    begin = body.tell()
    read: bytes = body.read()
    body.seek(begin)
    return read


class RawTee:
    """Stands for a response's stream of bytes: it is handed on while somebody looks."""

    def __init__(self, inner: Any, arrival: Arrival) -> None:
        self._inner = inner
        self._arrival = arrival

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def stream(self, *args: Any, **kwargs: Any) -> Iterator[bytes]:
        """The pieces as they arrive."""
        pieces = partial(self._inner.stream, *args, **kwargs)
        return SyncTee(_Pieces(pieces, self._inner.close, self), self._arrival)

    def read(self, amt: int | None = None, *args: Any, **kwargs: Any) -> bytes:
        """At most ``amt`` bytes, all by default."""
        try:
            piece: bytes = self._inner.read(amt, *args, **kwargs)
        except BaseException as error:
            self._arrival.broke(error)
            raise
        self._look(piece, is_over=amt is None or (amt > 0 and not piece))
        return piece

    def readinto(self, buffer: Any) -> int:
        """As many bytes as fit; 0 at the end."""
        piece = self.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def readlines(self) -> list[bytes]:
        """The lines that are left."""
        return self.read().splitlines(keepends=True)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readlines())

    def close(self) -> None:
        """Give the connection back, and settle what was seen."""
        try:
            self._inner.close()
        finally:
            self._arrival.closed()

    def _look(self, piece: bytes, *, is_over: bool) -> None:
        self._arrival.passed(piece)
        if is_over:
            self._arrival.ended()
        if self._arrival.must_cut():
            self._inner.close()
            raise self._arrival.cut()

    def __del__(self) -> None:
        """Leave a note for whoever comes by next."""
        arrival = self.__dict__.get("_arrival")
        if arrival is not None:
            arrival.dropped()


@dataclass(frozen=True, slots=True)
class _Pieces:
    """A stream of pieces; it keeps its tee alive, which would else be dropped while it is read."""

    pieces: Callable[[], Iterable[bytes]]
    end: Callable[[], None]
    kept: RawTee

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.pieces())

    def close(self) -> None:
        """Give the connection back."""
        self.end()
