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

from wflo_otel.errors import PolicyViolationError
from wflo_otel.seams.active import active

if TYPE_CHECKING:
    from wflo_otel.seams.http.span import CallSpan

T = TypeVar("T")


class Passing(BaseException):  # nobody outside the call sees it
    """A refusal on its way through handlers that retry and wrap whatever is an ``Exception``."""

    def __init__(self, refusal: PolicyViolationError) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


class LogicalCall(AbstractContextManager[None]):
    """A call that is in progress, and the span of its attempts once there is one."""

    #: A refusal must pass the SDK's handlers as no ``Exception``.
    hides_refusals = False

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

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """No attempt follows; what is still being read keeps the span open."""
        _call.reset(self._token)
        self._is_over = True
        held, self._span = self._span, None
        if held is not None:
            held.release()
        if isinstance(error, Passing):
            raise error.refusal from None

    def carry(self, error: BaseException) -> None:
        """Raise a refusal as what the SDK lets through, where it would not let it through."""
        if self.hides_refusals and not self._is_over and isinstance(error, PolicyViolationError):
            raise Passing(error) from None


class UnretriedCall(LogicalCall):
    """A call of an SDK that retries and wraps every ``Exception`` there is."""

    hides_refusals = True


_call: ContextVar[LogicalCall | None] = ContextVar("wflo-logical-call", default=None)


def span_of_attempt(make: Callable[[], CallSpan]) -> CallSpan:
    """The span for a request; where nobody knows of other attempts it has one of its own."""
    call = _call.get()
    return make() if call is None else call.span(make)


def carry(error: BaseException) -> None:
    """Raise a refusal as what the SDK around it lets through; return where it needs no help.

    Raises:
        Passing: what comes out of the SDK's call is the refusal again.
    """
    call = _call.get()
    if call is not None:
        call.carry(error)


def _in_one(kind: type[LogicalCall]) -> AbstractContextManager[None]:
    return nullcontext() if active() is None else kind()


def as_one_call(owner: type, method: str, kind: type[LogicalCall] = LogicalCall) -> None:
    """Have each call of a method, sync or async, shown on one span. Idempotent.

    A class without that method keeps a span for each request.
    """
    original = owner.__dict__.get(method)
    if original is None or original in _guarded:
        return
    wrap = _async if inspect.iscoroutinefunction(original) else _sync
    guarded = wrap(original, kind)
    _guarded.add(guarded)
    setattr(owner, method, guarded)


_guarded: set[Callable[..., Any]] = set()


def _sync(original: Callable[..., T], kind: type[LogicalCall]) -> Callable[..., T]:
    @wraps(original)
    def call(*args: Any, **kwargs: Any) -> T:
        with _in_one(kind):
            return original(*args, **kwargs)

    return call


def _async(
    original: Callable[..., Awaitable[T]], kind: type[LogicalCall]
) -> Callable[..., Awaitable[T]]:
    @wraps(original)
    async def call(*args: Any, **kwargs: Any) -> T:
        with _in_one(kind):
            return await original(*args, **kwargs)

    return call
