"""Waiting for others to settle: one flow, two drivers.

A flow is a generator that yields a :class:`Wait` whenever it must wait and returns its answer.
:func:`drive` blocks for it, :func:`drive_async` awaits. Either way the flow is closed if the
caller is cancelled, so that it gives up its place.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from concurrent.futures import Future, InvalidStateError
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from wflo_otel.engine.tasks import running_trio

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait until something was released, at most so many seconds."""

    released: Future[None]
    seconds: float


class Waiters:
    """Everyone in this process who waits; a release wakes them all, and they ask again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._futures: set[Future[None]] = set()

    def join(self) -> Future[None]:
        """Wait from now on: a release between this and the wait itself is not missed."""
        future: Future[None] = Future()
        with self._lock:
            self._futures.add(future)
        return future

    def leave(self, future: Future[None]) -> None:
        """Stop waiting."""
        with self._lock:
            self._futures.discard(future)

    def wake(self) -> None:
        """Wake everyone."""
        if not self._futures:
            return
        with self._lock:
            woken, self._futures = self._futures, set()
        for future in woken:
            with suppress(InvalidStateError):  # its task was cancelled meanwhile
                future.set_result(None)


def drive(flow: Generator[Wait, None, T]) -> T:
    """Run a flow, blocking this thread while it waits."""
    try:
        while True:
            try:
                wait = next(flow)
            except StopIteration as done:
                return done.value  # type: ignore[no-any-return]  # StopIteration is untyped
            with suppress(FutureTimeoutError):
                wait.released.result(wait.seconds)
    finally:
        flow.close()


async def drive_async(flow: Generator[Wait, None, T]) -> T:
    """Run a flow, awaiting while it waits."""
    try:
        while True:
            try:
                wait = next(flow)
            except StopIteration as done:
                return done.value  # type: ignore[no-any-return]  # StopIteration is untyped
            trio = running_trio()
            if trio is None:
                await _wait_on_asyncio(wait)
            else:
                await _wait_on_trio(trio, wait)
    finally:
        flow.close()


async def _wait_on_asyncio(wait: Wait) -> None:
    import asyncio  # 10 ms, which a program without a loop need not pay

    await asyncio.wait([asyncio.wrap_future(wait.released)], timeout=wait.seconds)


async def _wait_on_trio(trio: Any, wait: Wait) -> None:
    token, woken = trio.lowlevel.current_trio_token(), trio.Event()

    def wake(_: Future[None]) -> None:
        with suppress(trio.RunFinishedError):  # nobody waits there any more
            token.run_sync_soon(woken.set)

    wait.released.add_done_callback(wake)
    with trio.move_on_after(wait.seconds):
        await woken.wait()
