"""One call of an SDK, whatever number of requests it sends: all are shown on one span.

An SDK that tries again does so inside one method. The rule: the first request that is sent in
there makes the span, the others hold the same one, and so does the call itself, so that the
span outlasts the pauses between them.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

from wflo_otel.seams.active import active

if TYPE_CHECKING:
    from wflo_otel.seams.http.span import CallSpan

T = TypeVar("T")


class LogicalCall(AbstractContextManager[None]):
    """A call that is in progress, and the span of its attempts once there is one."""

    def __init__(self) -> None:
        self._span: CallSpan | None = None
        self._is_over = False

    def span(self, make: Callable[[], CallSpan]) -> CallSpan:
        """The span for another attempt, held for it."""
        if self._span is not None and self._span.hold():
            return self._span
        made = make()
        if made.is_ours and not self._is_over and made.hold():
            self._span = made
        return made

    def __enter__(self) -> None:
        self._token = _call.set(self)

    def __exit__(self, *raised: object) -> None:
        """No attempt follows; what is still being read keeps the span open."""
        _call.reset(self._token)
        self._is_over = True
        held, self._span = self._span, None
        if held is not None:
            held.release()


_call: ContextVar[LogicalCall | None] = ContextVar("wflo-logical-call", default=None)


def span_of_attempt(make: Callable[[], CallSpan]) -> CallSpan:
    """The span for a request; where nobody knows of other attempts it has one of its own."""
    call = _call.get()
    return make() if call is None else call.span(make)


def _in_one_call() -> AbstractContextManager[None]:
    return nullcontext() if active() is None else LogicalCall()


def as_one_call(owner: type, method: str) -> None:
    """Have each call of a method, sync or async, shown on one span. Idempotent.

    A class without that method keeps a span for each request.
    """
    original = owner.__dict__.get(method)
    if original is None or original in _guarded:
        return
    guarded = _async(original) if inspect.iscoroutinefunction(original) else _sync(original)
    _guarded.add(guarded)
    setattr(owner, method, guarded)


_guarded: set[Callable[..., Any]] = set()


def _sync(original: Callable[..., T]) -> Callable[..., T]:
    @wraps(original)
    def call(*args: Any, **kwargs: Any) -> T:
        with _in_one_call():
            return original(*args, **kwargs)

    return call


def _async(original: Callable[..., Awaitable[T]]) -> Callable[..., Awaitable[T]]:
    @wraps(original)
    async def call(*args: Any, **kwargs: Any) -> T:
        with _in_one_call():
            return await original(*args, **kwargs)

    return call
