"""One call of an SDK: its requests are shown on one span, and a refusal comes out as itself.

An SDK that tries again does so inside one method. The rule: the first request that is sent in
there makes the span, the others hold the same one, and so does the call itself, so that the
span outlasts the pauses between them. Where the SDK retries and wraps whatever is an
``Exception``, a refusal passes as none, up to the outermost of such calls.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from wflo_otel.errors import PolicyViolationError
from wflo_otel.seams.active import active

if TYPE_CHECKING:
    from wflo_otel.seams.http.span import CallSpan
    from wflo_otel.seams.http.tries import Tries

T = TypeVar("T")
_Frame: TypeAlias = "LogicalCall | Passage"


class Passing(BaseException):  # nobody outside the call sees it
    """A refusal on its way through handlers that retry and wrap whatever is an ``Exception``."""

    def __init__(self, refusal: PolicyViolationError) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


class Passage(AbstractContextManager[None]):
    """Code that retries and wraps every ``Exception``: a refusal passes it as none."""

    def __init__(self) -> None:
        self._outer: Passage | None = None
        self._is_over = False

    @property
    def is_open(self) -> bool:
        """Whether this call, or one around it, is still there to show the refusal again."""
        return not self._is_over or (self._outer is not None and self._outer.is_open)

    def __enter__(self) -> None:
        self._outer = _passage.get()
        self._token = _passage.set(self)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """What comes out of the outermost is the refusal itself."""
        _passage.reset(self._token)
        self._is_over = True
        if isinstance(error, Passing) and not self.is_open:
            raise error.refusal from None


class LogicalCall(AbstractContextManager[None]):
    """A call that is in progress, and the span of its attempts once there is one."""

    def __init__(self) -> None:
        self._span: CallSpan | None = None
        self._is_over = False
        #: What the guard's own attempts of a request have ended with, and the request's body.
        self.ended_with: tuple[Exception, bytes | None] | None = None
        #: The guard's attempts where the SDK makes them: whether another follows is asked there.
        self.tries: Tries | None = None

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


class UnretriedCall(LogicalCall):
    """A call of an SDK that retries and wraps every ``Exception`` there is."""

    def __init__(self) -> None:
        super().__init__()
        self._passage = Passage()

    def __enter__(self) -> None:
        super().__enter__()
        self._passage.__enter__()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Close the span first: the passage may raise."""
        super().__exit__(kind, error, trace)
        self._passage.__exit__(kind, error, trace)


_call: ContextVar[LogicalCall | None] = ContextVar("wflo-logical-call", default=None)
_passage: ContextVar[Passage | None] = ContextVar("wflo-passage", default=None)


def logical_call() -> LogicalCall | None:
    """The call in progress that shows its attempts on one span."""
    return _call.get()


def in_logical_call() -> bool:
    """Whether a call is in progress that shows its attempts on one span."""
    return logical_call() is not None


def span_of_attempt(make: Callable[[], CallSpan]) -> CallSpan:
    """The span for a request; where nobody knows of other attempts it has one of its own."""
    call = _call.get()
    return make() if call is None else call.span(make)


def passable(refusal: PolicyViolationError) -> BaseException:
    """The refusal as what the SDK around it lets through; itself where it needs no help."""
    passage = _passage.get()
    return refusal if passage is None or not passage.is_open else Passing(refusal)


def carry(error: BaseException) -> None:
    """Raise a refusal as what the SDK around it lets through; return where it needs no help.

    Raises:
        Passing: what comes out of the SDK's call is the refusal again.
    """
    if isinstance(error, PolicyViolationError) and (passing := passable(error)) is not error:
        raise passing from None


def _in_one(kind: type[_Frame]) -> AbstractContextManager[None]:
    return nullcontext() if active() is None else kind()


def as_one_call(owner: object, method: str, kind: type[_Frame] = LogicalCall) -> None:
    """Put each call of a class's method, or a module's function, in such a frame. Idempotent.

    An owner without it is left as it is.
    """
    original = getattr(owner, method, None)
    if original is None or original in _guarded:
        return
    wrap = _async if inspect.iscoroutinefunction(original) else _sync
    guarded = wrap(original, kind)
    _guarded.add(guarded)
    setattr(owner, method, guarded)


_guarded: set[Callable[..., Any]] = set()


def _sync(original: Callable[..., T], kind: type[_Frame]) -> Callable[..., T]:
    @wraps(original)
    def call(*args: Any, **kwargs: Any) -> T:
        with _in_one(kind):
            return original(*args, **kwargs)

    return call


def _async(
    original: Callable[..., Awaitable[T]], kind: type[_Frame]
) -> Callable[..., Awaitable[T]]:
    @wraps(original)
    async def call(*args: Any, **kwargs: Any) -> T:
        with _in_one(kind):
            return await original(*args, **kwargs)

    return call
