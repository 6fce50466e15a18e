"""One HTTP client library as the guard needs it: ``httpx`` or ``httpx2``.

Both have the same shape and separate classes, so everything that must be an instance of a
library's own class is made from the library at hand. Types are written as ``httpx``'s.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

from wflo_otel.seams.http.tee import AsyncTee, SyncTee

if TYPE_CHECKING:
    import httpx

#: What proves that no request left this machine, as far as the library has it.
_NEVER_SENT = (
    "ConnectError",
    "ConnectTimeout",
    "PoolTimeout",
    "UnsupportedProtocol",
    "LocalProtocolError",
    "ProxyError",
    "InvalidURL",
)


class Rest:
    """A request body of which the beginning was read: that, and what follows."""

    def __init__(self, begin: bytes, rest: Any) -> None:
        self._begin = begin
        self._rest = rest

    def __iter__(self) -> Iterator[bytes]:
        yield self._begin
        yield from self._rest

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._begin
        async for part in self._rest:
            yield part


@dataclass(frozen=True, slots=True)
class Library:
    """The classes of one library."""

    name: str
    version: str
    request: type[httpx.Request]
    response: type[httpx.Response]
    byte_stream: type[httpx.ByteStream]
    sync_stream: type[httpx.SyncByteStream]
    async_stream: type[httpx.AsyncByteStream]
    sync_tee: Any
    async_tee: Any
    rest: Any
    never_sent: tuple[type[Exception], ...]


def library_of(module: ModuleType) -> Library:
    """Read a library's classes out of its module."""
    found: Any = module
    sync_stream, async_stream = found.SyncByteStream, found.AsyncByteStream
    errors = (getattr(found, name, None) for name in _NEVER_SENT)
    return Library(
        name=module.__name__,
        version=str(getattr(found, "__version__", "unknown")),
        request=found.Request,
        response=found.Response,
        byte_stream=found.ByteStream,
        sync_stream=sync_stream,
        async_stream=async_stream,
        sync_tee=type("GuardedStream", (SyncTee, sync_stream), {}),
        async_tee=type("GuardedAsyncStream", (AsyncTee, async_stream), {}),
        rest=type("RestOfStream", (Rest, sync_stream, async_stream), {}),
        never_sent=tuple(error for error in errors if error is not None),
    )
