"""Passing a response on while somebody looks: the synchronous and the asynchronous way.

Iterators are classes, not generators: a generator that the garbage collector ends runs its
``finally`` inside the collection, where no lock may be taken. The rule: every way out is told
to the landing exactly as it was, and the original exception goes on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Protocol, Self


class Landing(Protocol):
    """Who looks. Each end may be told more than once; the first counts."""

    def passed(self, data: bytes) -> bytes:
        """Take a piece; return what to hand on."""
        ...

    def must_cut(self) -> bool:
        """Whether the stream may not go on."""
        ...

    def cut(self) -> BaseException:
        """The stream was closed because it may not go on: settle, and say so."""
        ...

    def ended(self) -> bytes:
        """The response is over; return what was held back."""
        ...

    def broke(self, error: BaseException) -> None:
        """Reading failed, or was cancelled."""
        ...

    def closed(self) -> None:
        """The caller closed it, before its end or after."""
        ...

    def dropped(self) -> None:
        """The caller dropped it. Called by the garbage collector: no lock, no work."""
        ...


class ByteSource(Protocol):
    """A library's response stream."""

    def __iter__(self) -> Iterator[bytes]:
        """The pieces as they arrive."""
        ...

    def close(self) -> None:
        """Give the connection back."""
        ...


class AsyncByteSource(Protocol):
    """A library's asynchronous response stream."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The pieces as they arrive."""
        ...

    async def aclose(self) -> None:
        """Give the connection back."""
        ...


class SyncTee:
    """Stands for a response's stream, made together with the library's own base class."""

    def __init__(self, inner: ByteSource, landing: Landing) -> None:
        self._inner = inner
        self._landing = landing
        self._pieces: Iterator[bytes] | None = None
        self._is_over = False

    @property
    def elapsed(self) -> timedelta | None:
        """How long the response took; a response asks its stream."""
        return getattr(self._inner, "elapsed", None)

    def __iter__(self) -> Self:
        """Itself: a response is read once."""
        return self

    def __next__(self) -> bytes:
        """The next piece to hand on."""
        while not self._is_over:
            try:
                if self._pieces is None:
                    self._pieces = iter(self._inner)
                piece = self._landing.passed(next(self._pieces))
            except StopIteration:
                self._is_over = True
                piece = self._landing.ended()
            except BaseException as error:
                self._landing.broke(error)
                raise
            if self._landing.must_cut():
                self._is_over = True
                self._inner.close()
                raise self._landing.cut()
            if piece:
                return piece
        raise StopIteration

    def close(self) -> None:
        """Give the connection back, and settle what was seen."""
        try:
            self._inner.close()
        finally:
            self._landing.closed()

    def __del__(self) -> None:
        """Leave a note for whoever comes by next."""
        landing = getattr(self, "_landing", None)
        if landing is not None:
            landing.dropped()


class AsyncTee:
    """The asynchronous twin."""

    def __init__(self, inner: AsyncByteSource, landing: Landing) -> None:
        self._inner = inner
        self._landing = landing
        self._pieces: AsyncIterator[bytes] | None = None
        self._is_over = False

    @property
    def elapsed(self) -> timedelta | None:
        """How long the response took; a response asks its stream."""
        return getattr(self._inner, "elapsed", None)

    def __aiter__(self) -> Self:
        """Itself: a response is read once."""
        return self

    async def __anext__(self) -> bytes:
        """The next piece to hand on."""
        while not self._is_over:
            try:
                if self._pieces is None:
                    self._pieces = aiter(self._inner)
                piece = self._landing.passed(await anext(self._pieces))
            except StopAsyncIteration:
                self._is_over = True
                piece = self._landing.ended()
            except BaseException as error:
                self._landing.broke(error)
                raise
            if self._landing.must_cut():
                self._is_over = True
                await self._inner.aclose()
                raise self._landing.cut()
            if piece:
                return piece
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Give the connection back, and settle what was seen."""
        try:
            await self._inner.aclose()
        finally:
            self._landing.closed()

    def __del__(self) -> None:
        """Leave a note for whoever comes by next."""
        landing = getattr(self, "_landing", None)
        if landing is not None:
            landing.dropped()
