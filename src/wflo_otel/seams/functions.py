"""Every kind of callable, once: what is done around a function, whatever kind it is.

A *flow* says what happens around one invocation: it makes a :class:`Run`, at once or as a
generator that yields each :class:`Admit` it wants answered first; the four drivers here answer,
blocking or awaiting. The rules: whatever ends an invocation (a return, an error, a cancelled
task, ``close()``, a ``break``, Ctrl-C) ends its run, once; a function's exception is told as a
value, so a user's ``StopIteration`` stays what it is; a generator's caller never sees the
context in which the generator runs. A run is no generator itself: one in a circle of garbage
would be closed before the function it belongs to.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeAlias, TypeVar, cast

from wflo_otel.core.call import Call
from wflo_otel.engine import Engine, Permit, Refusal
from wflo_otel.engine.tasks import on_event_loop
from wflo_otel.errors import ConfigError
from wflo_otel.seams.kinds import Kind, kind_of
from wflo_otel.seams.outcomes import Outcome, Raised, Returned

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Admit:
    """A flow asks whether a call may run; it is sent the permit, or the refusal."""

    engine: Engine
    call: Call
    adopting: Permit | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A function may run.

    Attributes:
        engine: where work is left that a finalizer must not do.
        inside: what is entered while the function works, a generator's anew at each step.
        seen: told of each value that a generator yields; it may raise to end it.
        end: told what came of it.
        instead: what is called in the function's place, of the same kind.
    """

    engine: Engine
    inside: AbstractContextManager[object]
    seen: Callable[[object], None]
    end: Callable[[Outcome], None]
    instead: Callable[..., Any] | None = None

    def work(self, fn: Callable[..., T]) -> Callable[..., T]:
        """What is to be called: the function, or what stands in for it."""
        return self.instead or fn


_Asking: TypeAlias = Generator[Admit, Permit | Refusal, Run]
Flow: TypeAlias = Run | _Asking


@dataclass(frozen=True, slots=True)
class Invocation:
    """A function, and what it is called with."""

    fn: Callable[..., object]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    @property
    def own_args(self) -> tuple[Any, ...]:
        """The positional arguments, without the object or the class whose method it is."""
        code = getattr(inspect.unwrap(self.fn), "__code__", None)
        is_method = code is not None and code.co_varnames[:1] in {("self",), ("cls",)}
        return self.args[1:] if is_method else self.args


FlowOf: TypeAlias = Callable[[Invocation], Flow]


def wrap(fn: Callable[P, R], flow_of: FlowOf) -> Callable[P, R]:
    """Return a callable of the same kind and signature that runs in a flow.

    Knows functions, coroutine functions, generator functions and async generator functions,
    also as methods, under ``@staticmethod`` and ``@classmethod``, in ``functools.partial``, and
    as objects with such a ``__call__``.

    Raises:
        ConfigError: it is a class, or cannot be called.
    """
    return rewrap(fn, lambda each: in_flow(each, flow_of))


def rewrap(fn: Callable[P, R], remade: Callable[[Callable[..., Any]], Any]) -> Callable[P, R]:
    """Return what ``remade`` makes of a function, with the function's name and signature.

    Raises:
        ConfigError: it is a class, or cannot be called.
    """
    if isinstance(fn, staticmethod | classmethod):
        rewrapped = type(fn)(rewrap(fn.__func__, remade))
        return cast("Callable[P, R]", rewrapped)
    if isinstance(fn, type) or not callable(fn):
        raise ConfigError(f"{fn!r} is no function; decorate functions, or the methods of a class")
    return functools.update_wrapper(cast("Callable[P, R]", remade(fn)), fn)


def in_flow(fn: Callable[..., Any], flow_of: FlowOf, kind: Kind | None = None) -> Any:
    """Return a callable that runs in a flow: of the same kind, or of the one that is named."""
    return _DRIVERS[kind or kind_of(fn)](fn, flow_of)


def name_of(fn: object) -> str:
    """Name a callable as people know it."""
    fn = inner_of(fn)
    return getattr(fn, "__name__", None) or type(fn).__name__


def inner_of(fn: object) -> object:
    """The function inside a method's descriptor, or inside a partial."""
    if isinstance(fn, staticmethod | classmethod):
        fn = fn.__func__
    while isinstance(fn, functools.partial):
        fn = fn.func
    return fn


def is_generator(fn: object) -> bool:
    """Whether it yields, one way or the other."""
    return kind_of(fn) in {Kind.GENERATOR, Kind.ASYNC_GENERATOR}


def _plain(fn: Callable[..., R], flow_of: FlowOf) -> Callable[..., R]:
    def call(*args: Any, **kwargs: Any) -> R:
        run = _begin(flow_of(Invocation(fn, args, kwargs)))
        try:
            with run.inside:
                value = run.work(fn)(*args, **kwargs)
        except BaseException as error:
            _end(run, Raised(error))
            raise
        if inspect.iscoroutine(value):  # a coroutine function behind somebody's plain wrapper
            return cast("R", _await(value, run))
        _end(run, Returned(value))
        return value

    return call


def _coroutine(
    fn: Callable[..., Coroutine[Any, Any, R]], flow_of: FlowOf
) -> Callable[..., Coroutine[Any, Any, R]]:
    async def call(*args: Any, **kwargs: Any) -> R:
        run = await _begin_async(flow_of(Invocation(fn, args, kwargs)))
        return await _await(run.work(fn)(*args, **kwargs), run)

    return call


async def _await(work: Coroutine[Any, Any, R], run: Run) -> R:
    try:
        with run.inside:
            value = await work
    except BaseException as error:
        _end(run, Raised(error))
        raise
    _end(run, Returned(value))
    return value


def _generator(
    fn: Callable[..., Generator[Any, Any, R]], flow_of: FlowOf
) -> Callable[..., Generator[Any, Any, R]]:
    def generate(*args: Any, **kwargs: Any) -> Generator[Any, Any, R]:
        run = _begin(flow_of(Invocation(fn, args, kwargs)))
        try:
            value = yield from _steps(run.work(fn)(*args, **kwargs), run)
        except BaseException as error:
            _end(run, Raised(error))
            raise
        _end(run, Returned(value))
        return value

    return generate


def _steps(inner: Generator[Any, Any, R], run: Run) -> Generator[Any, Any, R]:
    step: Callable[[], Any] = functools.partial(next, inner)
    try:
        while True:
            try:
                with run.inside:
                    value = step()
            except StopIteration as done:
                return cast("R", done.value)
            run.seen(value)
            try:
                sent = yield value
            except GeneratorExit:
                raise
            except BaseException as error:  # noqa: BLE001  # it is the generator's to handle
                step = functools.partial(inner.throw, error)
            else:
                step = functools.partial(inner.send, sent)
    finally:
        with run.inside:
            inner.close()


def _async_generator(
    fn: Callable[..., AsyncGenerator[Any, Any]], flow_of: FlowOf
) -> Callable[..., AsyncGenerator[Any, Any]]:
    async def generate(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        run = await _begin_async(flow_of(Invocation(fn, args, kwargs)))
        inner = run.work(fn)(*args, **kwargs)
        step: Callable[[], Any] = functools.partial(inner.asend, None)
        try:
            while True:
                try:
                    with run.inside:
                        value = await step()
                except StopAsyncIteration:
                    break
                run.seen(value)
                try:
                    sent = yield value
                except GeneratorExit:
                    raise
                except BaseException as error:  # noqa: BLE001  # it is the generator's to handle
                    step = functools.partial(inner.athrow, error)
                else:
                    step = functools.partial(inner.asend, sent)
        except BaseException as error:
            await _close(inner, run, error)
            raise
        _end(run, Returned(None))

    return generate


async def _close(inner: AsyncGenerator[Any, Any], run: Run, error: BaseException) -> None:
    """Close an async generator; first what is inside of it ends, then its run."""
    try:
        with run.inside:
            await inner.aclose()
    finally:
        _end(run, Raised(error))


_DRIVERS: Mapping[Kind, Callable[[Callable[..., Any], FlowOf], Any]] = {
    Kind.PLAIN: _plain,
    Kind.COROUTINE: _coroutine,
    Kind.GENERATOR: _generator,
    Kind.ASYNC_GENERATOR: _async_generator,
}


def _begin(flow: Flow) -> Run:
    if isinstance(flow, Run):
        return flow
    step = _next(flow, None)
    while isinstance(step, Admit):
        with _closing_if_it_fails(flow):
            may_wait = not on_event_loop()
            answer = step.engine.admit(step.call, adopting=step.adopting, may_wait=may_wait)
        step = _next(flow, answer)
    return step


async def _begin_async(flow: Flow) -> Run:
    if isinstance(flow, Run):
        return flow
    step = _next(flow, None)
    while isinstance(step, Admit):
        with _closing_if_it_fails(flow):
            answer = await step.engine.admit_async(step.call, adopting=step.adopting)
        step = _next(flow, answer)
    return step


def _next(flow: _Asking, answer: Permit | Refusal | None) -> Admit | Run:
    try:
        return next(flow) if answer is None else flow.send(answer)
    except StopIteration as done:
        return cast("Run", done.value)


@contextmanager
def _closing_if_it_fails(flow: _Asking) -> Iterator[None]:
    """Whoever waits for an answer may be cancelled."""
    try:
        yield
    except BaseException:
        flow.close()
        raise


def _end(run: Run, outcome: Outcome) -> None:
    """End a run. A closed generator may be in a finalizer, where no lock may be taken."""
    if isinstance(outcome, Raised) and isinstance(outcome.error, GeneratorExit):
        run.engine.do_later(functools.partial(run.end, outcome))
    else:
        run.end(outcome)
