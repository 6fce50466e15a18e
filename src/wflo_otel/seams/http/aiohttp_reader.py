"""The content of an ``aiohttp`` response, read through us.

Every method of the library's reader waits in one place when it has nothing left to give. The
rule: only there is anything read from the library's own reader, so that whichever method the
caller uses, each byte passes the landing once.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from wflo_otel.seams.http.tee import Landing

if TYPE_CHECKING:
    import aiohttp


class _NoFlow:
    """Stands for the connection: the library's own reader tells that when to pause."""

    connected = True

    def pause_reading(self) -> None:
        """Nothing is read ahead here."""

    def resume_reading(self, *, resume_parser: bool = True) -> None:
        """Nothing was paused."""


class ReadThrough:
    """Made together with the library's ``StreamReader``, whose buffer it fills as it is asked."""

    _buffer: Any

    def __init__(self, response: aiohttp.ClientResponse, landing: Landing) -> None:
        self._response, self._inner, self._landing = response, response.content, landing
        self._interrupted: BaseException | None = None
        limit = self._inner.get_read_buffer_limits()[0]
        loop = asyncio.get_running_loop()
        super().__init__(_NoFlow(), limit, loop=loop)  # type: ignore[call-arg]  # StreamReader's
        if "chunked" in response.headers.get("transfer-encoding", ""):
            self._me.begin_http_chunk_receiving()

    @property
    def _me(self) -> Any:
        """Itself, as the ``StreamReader`` that it is too."""
        return self

    async def _wait(self, func_name: str) -> None:
        del func_name
        try:
            piece, ends_chunk = await self._inner.readchunk()
        except asyncio.CancelledError as error:
            self._interrupted = error  # reading may go on after a time-out of the caller's own
            raise
        except BaseException as error:
            self._landing.broke(error)
            raise
        self._interrupted = None
        self._pass(piece, ends_chunk=ends_chunk)
        if self._landing.must_cut():
            refusal = self._landing.cut()
            self._response.close()
            raise refusal

    def _pass(self, piece: bytes, *, ends_chunk: bool) -> None:
        me = self._me
        if piece:
            me.feed_data(self._landing.passed(piece))
        elif not ends_chunk and self._inner.at_eof():
            me.feed_data(self._landing.ended())
            me.feed_eof()
        if ends_chunk:
            me.end_http_chunk_receiving()

    def read_nowait(self, n: int = -1) -> bytes:
        """What has arrived, without waiting."""
        if not self._buffer and not self._me.is_eof():
            self._me.feed_data(self._landing.passed(self._inner.read_nowait()))
        held: bytes = super().read_nowait(n)  # type: ignore[misc]  # StreamReader's
        return held

    async def wait_eof(self) -> None:
        """Wait until everything has arrived."""
        await self._inner.wait_eof()

    def set_exception(self, exc: BaseException, *cause: BaseException) -> None:
        """The response is closed or released: settle what has arrived."""
        super().set_exception(exc, *cause)  # type: ignore[misc]  # StreamReader's
        if self._interrupted is not None:
            self._landing.broke(self._interrupted)
        elif self._inner.exception() is None:
            self._landing.passed(self._inner.read_nowait())
            if self._inner.is_eof():
                self._landing.ended()
        self._landing.closed()
        self._inner.set_exception(exc, *cause)

    def __del__(self) -> None:
        """Leave a note for whoever comes by next."""
        landing = getattr(self, "_landing", None)
        if landing is not None:
            landing.dropped()
