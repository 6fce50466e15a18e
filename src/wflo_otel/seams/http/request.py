"""Reading the body of a request of ``httpx``, and sending another one in its place.

The rule: the caller's request object stays as it is. What must be changed goes into a new
request with the same method, URL, headers and extensions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from wflo_otel.core.value import value
from wflo_otel.seams.http.library import Library
from wflo_otel.seams.http.outgoing import NONE
from wflo_otel.wire.route import recognise

if TYPE_CHECKING:
    import httpx

#: A body that comes from a generator is read up to this size; the largest that a provider of a
#: recognised API takes is of this order.
MAX_BODY_BYTES = 32 * 1024 * 1024


@value
class Parcel:
    """A request of ``httpx`` or ``httpx2`` whose body was read."""

    library: Library
    request: httpx.Request
    #: ``None``: it is too large to be read. Content: never shown.
    body: bytes | None = field(repr=False)

    @property
    def address(self) -> tuple[str | None, int | None]:
        """The host and the port that it goes to."""
        return self.request.url.host, self.request.url.port

    @property
    def never_sent(self) -> tuple[type[Exception], ...]:
        """The library's errors that prove that nothing left this machine."""
        return self.library.never_sent

    def carries(self, request: object) -> bool:
        """Whether an exchange on the wire is this request's.

        A transport may do other things first, such as fetching a token.
        """
        if request is self.request:
            return True
        url, method = getattr(request, "url", ""), getattr(request, "method", "")
        return bool(url == self.request.url) or recognise(method, str(url)) is not None

    def with_body(self, body: bytes, headers: Mapping[str, str] = NONE) -> Parcel:
        """The same request with another body, of a known length, and with these headers."""
        changed = self.request.headers.copy()
        changed.pop("transfer-encoding", None)
        changed.update({"content-length": str(len(body)), **headers})
        request = self.library.request(
            self.request.method,
            self.request.url,
            headers=changed,
            content=body,
            extensions=self.request.extensions,
        )
        return Parcel(self.library, request, body)


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
        return Parcel(library, request, body)
    parts, size = [], 0
    stream = iter(request.stream)  # type: ignore[arg-type]  # the driver saw that it is sync
    for part in stream:
        parts.append(part)
        size += len(part)
        if size > MAX_BODY_BYTES:
            return _resumed(library, request, library.rest(b"".join(parts), stream))
    return _packed(library, request, b"".join(parts))


async def read_async(library: Library, request: httpx.Request) -> Parcel:
    """Read a body from an asynchronous stream."""
    body = in_memory(library, request)
    if body is not None:
        return Parcel(library, request, body)
    parts, size = [], 0
    stream = aiter(request.stream)  # type: ignore[arg-type]  # the driver saw that it is async
    async for part in stream:
        parts.append(part)
        size += len(part)
        if size > MAX_BODY_BYTES:
            return _resumed(library, request, library.rest(b"".join(parts), stream))
    return _packed(library, request, b"".join(parts))


def _packed(library: Library, request: httpx.Request, body: bytes) -> Parcel:
    return Parcel(library, request, body).with_body(body)


def _resumed(library: Library, request: httpx.Request, stream: httpx.SyncByteStream) -> Parcel:
    resumed = library.request(
        request.method,
        request.url,
        headers=request.headers,
        stream=stream,
        extensions=request.extensions,
    )
    return Parcel(library, resumed, None)
