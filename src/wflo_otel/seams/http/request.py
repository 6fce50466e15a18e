"""Reading a request's body, and sending another one in its place.

The rule: the caller's request object stays as it is. What must be changed goes into a new
request with the same method, URL, headers and extensions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wflo_otel.seams.http.library import Library

if TYPE_CHECKING:
    import httpx

#: A body that comes from a generator is read up to this size; the largest that a provider of a
#: recognised API takes is of this order.
MAX_BODY_BYTES = 32 * 1024 * 1024

_SIGNATURES = frozenset({b"x-amz-content-sha256", b"content-digest", b"digest"})
_NO_JSON = (b"multipart/", b"application/x-www-form-urlencoded", b"application/octet-stream")


@dataclass(frozen=True, slots=True)
class Parcel:
    """A request whose body was read, and the request that can still be sent."""

    request: httpx.Request
    #: ``None``: it is too large to be read. Content: never shown.
    body: bytes | None = field(repr=False)


class Fields:
    """What the guard wants to know of a request's headers, read in one pass."""

    def __init__(self, headers: httpx.Headers) -> None:
        self._fields = {name.lower(): value for name, value in headers.raw}

    @property
    def may_be_json(self) -> bool:
        """Whether the body may be JSON; clients that say nothing send JSON too."""
        return not self._fields.get(b"content-type", b"").lower().startswith(_NO_JSON)

    @property
    def is_signed(self) -> bool:
        """Whether the body is covered by a signature: then no byte of it may change."""
        signs = self._fields.get(b"authorization", b"").startswith(b"AWS4-")
        return signs or not _SIGNATURES.isdisjoint(self._fields)

    @property
    def attempt(self) -> int:
        """Which attempt of one call this is, from 0, where the SDK says so."""
        count = self._fields.get(b"x-stainless-retry-count", b"")
        return int(count) if count.isdigit() and len(count) < 4 else 0


def in_memory(library: Library, request: httpx.Request) -> bytes | None:
    """The body where the library holds it already; ``None`` where it must be read."""
    content: bytes | None = getattr(request, "_content", None)
    if content is None and isinstance(request.stream, library.byte_stream):
        return b"".join(request.stream)
    return content


def read(library: Library, request: httpx.Request) -> Parcel:
    """Read a body from a synchronous stream."""
    body = in_memory(library, request)
    if body is not None:
        return Parcel(request, body)
    parts, size = [], 0
    stream = iter(request.stream)  # type: ignore[arg-type]  # the driver saw that it is sync
    for part in stream:
        parts.append(part)
        size += len(part)
        if size > MAX_BODY_BYTES:
            return Parcel(_resumed(library, request, library.rest(b"".join(parts), stream)), None)
    return _packed(library, request, b"".join(parts))


async def read_async(library: Library, request: httpx.Request) -> Parcel:
    """Read a body from an asynchronous stream."""
    body = in_memory(library, request)
    if body is not None:
        return Parcel(request, body)
    parts, size = [], 0
    stream = aiter(request.stream)  # type: ignore[arg-type]  # the driver saw that it is async
    async for part in stream:
        parts.append(part)
        size += len(part)
        if size > MAX_BODY_BYTES:
            return Parcel(_resumed(library, request, library.rest(b"".join(parts), stream)), None)
    return _packed(library, request, b"".join(parts))


def with_body(library: Library, request: httpx.Request, body: bytes) -> httpx.Request:
    """The same request with another body, of a known length."""
    headers = request.headers.copy()
    headers.pop("transfer-encoding", None)
    headers["content-length"] = str(len(body))
    return library.request(
        request.method,
        request.url,
        headers=headers,
        content=body,
        extensions=request.extensions,
    )


def without_compression(request: httpx.Request) -> httpx.Request:
    """Ask for an answer that can be passed on event by event. ``request`` must be our own."""
    request.headers["accept-encoding"] = "identity"
    return request


def _packed(library: Library, request: httpx.Request, body: bytes) -> Parcel:
    return Parcel(with_body(library, request, body), body)


def _resumed(
    library: Library, request: httpx.Request, stream: httpx.SyncByteStream
) -> httpx.Request:
    return library.request(
        request.method,
        request.url,
        headers=request.headers,
        stream=stream,
        extensions=request.extensions,
    )
