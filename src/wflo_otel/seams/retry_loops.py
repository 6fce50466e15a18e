"""Trying a function again, whatever kind it is.

The rules: a cancellation and an interrupt end everything; a generator is begun anew only before
its first value. What is decided is :class:`~wflo_otel.seams.retrying.Attempts`'; the loops only
pause and go on.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import nullcontext
from typing import Any

from wflo_otel.seams.active import Active
from wflo_otel.seams.functions import Flow, Invocation, Run, in_flow
from wflo_otel.seams.kinds import Kind, kind_of
from wflo_otel.seams.retrying import Attempts, Retrying
from wflo_otel.seams.work import ignore


def tried_again(
    fn: Callable[..., Any], active: Callable[[], Active], options: Retrying
) -> Callable[..., Any]:
    """Return a callable of the same kind that is tried again when it fails."""

    kind = kind_of(fn)

    def begin(*args: Any, **kwargs: Any) -> Attempts:
        return Attempts(active(), options, Invocation(fn, args, kwargs), kind)

    if kind is Kind.PLAIN:
        return _plain(begin)
    if kind is Kind.COROUTINE:
        return _coroutine(begin)

    def bare(_: Invocation) -> Flow:
        return Run(active().engine, nullcontext(), ignore, ignore)

    steps = _Steps if kind is Kind.GENERATOR else _AsyncSteps

    def step(*args: Any, **kwargs: Any) -> object:
        return steps(begin(*args, **kwargs))

    driven: Callable[..., Any] = in_flow(step, bare, kind)
    return driven


def _plain(begin: Callable[..., Attempts]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        attempts = begin(*args, **kwargs)
        while True:
            try:
                value = attempts.once()
            except Exception as error:
                pause_s = attempts.after(error)
                if pause_s is None:
                    raise
            else:
                if inspect.iscoroutine(value):  # of a coroutine function behind a plain wrapper
                    return _awaited(attempts, value)
                attempts.succeeded()
                return value
            attempts.pause(pause_s)

    return call


def _coroutine(begin: Callable[..., Attempts]) -> Callable[..., Coroutine[Any, Any, Any]]:
    async def call(*args: Any, **kwargs: Any) -> Any:
        attempts = begin(*args, **kwargs)
        return await _awaited(attempts, attempts.once())

    return call


async def _awaited(attempts: Attempts, attempt: Coroutine[Any, Any, Any]) -> Any:
    while True:
        try:
            value = await attempt
        except Exception as error:
            pause_s = attempts.after(error)
            if pause_s is None:
                raise
        else:
            attempts.succeeded()
            return value
        await attempts.pause_async(pause_s)
        attempt = attempts.once()


class _Steps(Generator[Any, Any, Any]):
    """A generator that is begun anew until it has yielded once."""

    def __init__(self, attempts: Attempts) -> None:
        self._attempts = attempts
        #: Only begun generators are thrown into; before, there is none.
        self._begun: Any = None

    def send(self, value: Any) -> Any:
        while self._begun is None:
            attempt = self._attempts.once()
            try:
                first = next(attempt)
            except StopIteration:
                self._attempts.succeeded()
                raise
            except Exception as error:
                pause_s = self._attempts.after(error)
                if pause_s is None:
                    raise
            else:
                self._attempts.succeeded()
                self._begun = attempt
                return first
            self._attempts.pause(pause_s)
        return self._begun.send(value)

    def throw(self, error: BaseException) -> Any:  # type: ignore[override]  # as it is called
        return self._begun.throw(error)

    def close(self) -> None:
        if self._begun is not None:
            self._begun.close()


class _AsyncSteps(AsyncGenerator[Any, Any]):
    """The same of an async generator."""

    def __init__(self, attempts: Attempts) -> None:
        self._attempts = attempts
        self._begun: Any = None

    async def asend(self, value: Any) -> Any:
        while self._begun is None:
            attempt = self._attempts.once()
            try:
                first = await anext(attempt)
            except StopAsyncIteration:
                self._attempts.succeeded()
                raise
            except Exception as error:
                pause_s = self._attempts.after(error)
                if pause_s is None:
                    raise
            else:
                self._attempts.succeeded()
                self._begun = attempt
                return first
            await self._attempts.pause_async(pause_s)
        return await self._begun.asend(value)

    async def athrow(self, error: BaseException) -> Any:  # type: ignore[override]  # as it is called
        return await self._begun.athrow(error)

    async def aclose(self) -> None:
        if self._begun is not None:
            await self._begun.aclose()
