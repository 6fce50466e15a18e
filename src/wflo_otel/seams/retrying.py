"""Trying a function again, whatever kind it is.

The rules: a refusal, a cancellation and an interrupt are never tried again; a generator only
before its first value; the last error comes out as it was raised. Each attempt runs in a span
of its own. What is decided is one object's (:class:`Attempts`); the loops only pause and go on.
"""

from __future__ import annotations

import functools
import inspect
import logging
import os
import random
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from opentelemetry.trace import Span

from wflo_otel.context import Place
from wflo_otel.core.policy import Retry
from wflo_otel.core.retry import (
    Again,
    FailedAttempt,
    GiveUp,
    Reason,
    Verdict,
    is_transient,
    verdict,
)
from wflo_otel.seams.active import Active
from wflo_otel.seams.attempt_spans import start_attempt
from wflo_otel.seams.failures import failure_of, is_refusal
from wflo_otel.seams.functions import Flow, Invocation, Run, in_flow
from wflo_otel.seams.kinds import Kind, kind_of
from wflo_otel.seams.outcomes import Outcome, error_type_of
from wflo_otel.seams.work import frame_of_caller
from wflo_otel.telemetry.outcomes import fail
from wflo_otel.telemetry.safely import safely

_log = logging.getLogger("wflo_otel")

#: A generator of our own: a program may seed the shared one, and its numbers are its own.
_chance = random.Random()  # noqa: S311  # jitter need not be secret
os.register_at_fork(after_in_child=_chance.seed)


@dataclass(frozen=True, slots=True)
class Retrying:
    """How a function is tried again.

    Attributes:
        name: what telemetry calls it.
        component: whose retry budget it is on; functions of one name share it.
        on: the errors that are tried again; ``None``: those that may pass.
    """

    retry: Retry
    name: str
    component: str
    on: tuple[type[Exception], ...] | None = None


class Attempts:
    """One invocation, attempt after attempt."""

    def __init__(self, active: Active, options: Retrying, invocation: Invocation) -> None:
        self._active, self._options = active, options
        self._invocation = invocation
        self._began = active.clock.monotonic()
        self._number = 1
        active.retry_budgets.pay_in(options.component, options.retry)

    def once(self) -> Any:
        """Make the next attempt."""
        invocation = self._invocation
        return in_flow(invocation.fn, self._flow)(*invocation.args, **invocation.kwargs)

    def _flow(self, _: Invocation) -> Flow:
        """What happens around one attempt."""
        frame, active = frame_of_caller(), self._active
        span = start_attempt(active, self._options.name, self._number, frame.caller)
        return Run(active.engine, Place(frame, span), _ignore, functools.partial(_end, span))

    def succeeded(self) -> None:
        """An attempt has succeeded, or has yielded its first value."""
        if self._number > 1:
            self._active.telemetry.recovered(self._options.name)

    def after(self, error: Exception) -> float | None:
        """The pause before the next attempt, in seconds; ``None``: the error must come out."""
        if is_refusal(error):
            return None
        decided = self._decide(error)
        self._tell(error, decided)
        if isinstance(decided, GiveUp):
            self._give_up(error, decided.reason)
            return None
        self._number += 1
        return decided.after_s

    def pause(self, seconds: float) -> None:
        """Block until the next attempt."""
        self._active.clock.pause(seconds)

    async def pause_async(self, seconds: float) -> None:
        """Wait for the next attempt."""
        await self._active.clock.pause_async(seconds)

    def _decide(self, error: Exception) -> Verdict:
        options, clock = self._options, self._active.clock
        failure = failure_of(error, clock.time())
        may_pass = is_transient(failure) if options.on is None else isinstance(error, options.on)
        if not may_pass:
            return GiveUp(Reason.FINAL)
        decided = verdict(
            options.retry,
            failure,
            attempt=self._number,
            elapsed_s=clock.monotonic() - self._began,
            chance=_chance.random(),
        )
        budgets = self._active.retry_budgets
        if isinstance(decided, Again) and not budgets.take(options.component, options.retry):
            return GiveUp(Reason.BUDGET)
        return decided

    def _tell(self, error: Exception, decided: Verdict) -> None:
        failed = FailedAttempt(
            self._options.name,
            self._number,
            type(error).__qualname__,
            "again" if isinstance(decided, Again) else decided.reason.value,
            decided.after_s if isinstance(decided, Again) else None,
        )
        self._active.telemetry.retried(failed, frame_of_caller().caller)
        if isinstance(decided, Again) and decided.after_s > self._options.retry.max_delay_ms / 1000:
            _log.warning(
                "wflo: %s waits %.0f s, as it was asked to", self._options.name, decided.after_s
            )

    def _give_up(self, error: Exception, reason: Reason) -> None:
        if self._number > 1:
            note = f"wflo: {self._options.name}: gave up after {self._number} attempts ({reason})"
            if note not in getattr(error, "__notes__", ()):
                error.add_note(note)


def _ignore(_: object) -> None:
    """Nothing is to be done with it."""


def _end(span: Span, outcome: Outcome) -> None:
    if (kind := error_type_of(outcome)) is not None:
        fail(span, kind)
    with safely("end of a span"):
        span.end()


def tried_again(
    fn: Callable[..., Any], active: Callable[[], Active], options: Retrying
) -> Callable[..., Any]:
    """Return a callable of the same kind that is tried again when it fails."""

    def begin(*args: Any, **kwargs: Any) -> Attempts:
        return Attempts(active(), options, Invocation(fn, args, kwargs))

    kind = kind_of(fn)
    if kind is Kind.PLAIN:
        return _plain(begin)
    if kind is Kind.COROUTINE:
        return _coroutine(begin)

    def bare(_: Invocation) -> Flow:
        return Run(active().engine, nullcontext(), _ignore, _ignore)

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
        self._begun: Generator[Any, Any, Any] | None = None

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
        if self._begun is None:
            raise error
        return self._begun.throw(error)

    def close(self) -> None:
        if self._begun is not None:
            self._begun.close()


class _AsyncSteps(AsyncGenerator[Any, Any]):
    """The same of an async generator."""

    def __init__(self, attempts: Attempts) -> None:
        self._attempts = attempts
        self._begun: AsyncGenerator[Any, Any] | None = None

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
        if self._begun is None:
            raise error
        return await self._begun.athrow(error)

    async def aclose(self) -> None:
        if self._begun is not None:
            await self._begun.aclose()
