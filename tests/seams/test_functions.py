"""What holds around a function, whatever its kind."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import gc
import inspect

import pytest

from kinds import KINDS, YIELDING, leave, made, run
from wflo_otel.core.call import Status
from wflo_otel.errors import ConfigError
from wflo_otel.seams.functions import Run, is_generator, name_of, wrap
from wflo_otel.seams.outcomes import Raised, Returned, error_type_of, status_of

place = contextvars.ContextVar("place", default="outside")


class Later:
    """Stands where the engine is: keeps what finalizers leave."""

    def __init__(self):
        self.left = []

    def do_later(self, work):
        self.left.append(work)

    def tend(self):
        while self.left:
            self.left.pop(0)()


class Watched:
    """A flow that keeps what it sees."""

    def __init__(self, refusal=None, cut_at=None):
        self.later, self.refusal, self.cut_at = Later(), refusal, cut_at
        self.outcomes, self.chunks, self.entered = [], [], 0

    def __call__(self, invocation):
        if self.refusal is not None:
            raise self.refusal
        return Run(self.later, _Entered(self), self._seen, self.outcomes.append)

    def _seen(self, chunk):
        self.chunks.append(chunk)
        if len(self.chunks) == self.cut_at:
            raise RuntimeError("cut")

    @property
    def outcome(self):
        self.later.tend()
        (only,) = self.outcomes
        return only


class _Entered:
    def __init__(self, flow):
        self.flow = flow

    def __enter__(self):
        self.flow.entered += 1
        self.token = place.set("inside")

    def __exit__(self, *raised):
        place.reset(self.token)


@pytest.fixture
def flow():
    return Watched()


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrapped_function_is_of_the_same_kind(kind, flow):
    fn = made(kind, lambda: 1)

    wrapped = wrap(fn, flow)

    for is_kind in (
        inspect.iscoroutinefunction,
        inspect.isgeneratorfunction,
        inspect.isasyncgenfunction,
    ):
        assert is_kind(wrapped) == is_kind(fn)
    assert wrapped.__name__ == fn.__name__
    assert wrapped.__wrapped__ is fn


def test_a_wrapped_function_keeps_its_signature_and_doc(flow):
    def fn(one: int, *, two: str = "2") -> bool:
        """Doc."""

    wrapped = wrap(fn, flow)

    assert inspect.signature(wrapped) == inspect.signature(fn)
    assert wrapped.__doc__ == "Doc."


@pytest.mark.parametrize("kind", KINDS)
def test_a_return_ends_the_flow_once(kind, flow):
    assert run(kind, wrap(made(kind, lambda: 7), flow)) == 7

    assert isinstance(flow.outcome, Returned)


@pytest.mark.parametrize("kind", ["plain", "coroutine"])
def test_the_flow_sees_the_value(kind, flow):
    run(kind, wrap(made(kind, lambda: 7), flow))

    assert flow.outcome == Returned(7)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "error", [ValueError("bad"), KeyboardInterrupt(), asyncio.CancelledError()]
)
def test_what_a_function_raises_ends_the_flow_once_and_comes_out_unchanged(kind, error, flow):
    def fails():
        raise error

    with pytest.raises(type(error)) as raised:
        run(kind, wrap(made(kind, fails), flow))

    assert flow.outcome.error is raised.value
    if isinstance(error, ValueError):
        assert raised.value is error


@pytest.mark.parametrize("kind", KINDS)
def test_a_refused_function_does_not_run(kind):
    ran = []

    with pytest.raises(ConfigError, match="refused"):
        run(kind, wrap(made(kind, lambda: ran.append(1)), Watched(ConfigError("refused"))))

    assert ran == []


def test_a_users_stop_iteration_stays_what_it_is(flow):
    error = StopIteration("mine")

    def fails():
        raise error

    with pytest.raises(StopIteration) as raised:
        wrap(fails, flow)()

    assert raised.value is error
    assert flow.outcome.error is error


@pytest.mark.parametrize("kind", KINDS)
def test_a_function_runs_inside_and_its_caller_stays_outside(kind, flow):
    seen = []

    run(kind, wrap(made(kind, lambda: seen.append(place.get())), flow))

    assert set(seen) == {"inside"}
    assert place.get() == "outside"


def test_the_consumer_of_a_generator_is_outside_between_its_steps(flow):
    def two():
        yield 1
        yield 2

    assert [place.get() for _ in wrap(two, flow)()] == ["outside", "outside"]


async def test_the_consumer_of_an_async_generator_is_outside_between_its_steps(flow):
    async def two():
        yield 1
        yield 2

    assert [place.get() async for _ in wrap(two, flow)()] == ["outside", "outside"]


@pytest.mark.parametrize("kind", YIELDING)
def test_every_value_of_a_generator_is_seen(kind, flow):
    run(kind, wrap(made(kind, lambda: "x"), flow))

    assert flow.chunks == ["x", "x"]


@pytest.mark.parametrize("kind", YIELDING)
def test_a_generator_does_nothing_before_its_first_step(kind):
    wrapped = wrap(made(kind, lambda: 1), Watched(ConfigError("refused")))

    stream = wrapped()

    assert inspect.isgenerator(stream) or inspect.isasyncgen(stream)
    if inspect.isgenerator(stream):
        stream.close()


@pytest.mark.parametrize("kind", YIELDING)
def test_a_generator_that_is_left_ends_its_flow_as_abandoned(kind, flow):
    leave(kind, wrap(made(kind, lambda: 1), flow))
    gc.collect()

    assert status_of(flow.outcome) is Status.ABANDONED
    assert error_type_of(flow.outcome) is None


def test_a_finalizer_only_leaves_a_note(flow):
    stream = wrap(made("generator", lambda: 1), flow)()
    next(stream)

    stream.close()

    assert flow.outcomes == []
    assert isinstance(flow.outcome.error, GeneratorExit)


def test_a_generator_that_is_closed_closes_the_one_inside_first(flow):
    order = []

    def inner():
        try:
            yield 1
        finally:
            order.append((place.get(), len(flow.outcomes)))

    stream = wrap(inner, flow)()
    next(stream)
    stream.close()

    assert order == [("inside", 0)]


async def test_an_async_generator_that_is_closed_closes_the_one_inside_first(flow):
    order = []

    async def inner():
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            order.append((place.get(), len(flow.outcomes)))

    stream = wrap(inner, flow)()
    await anext(stream)
    await stream.aclose()

    assert order == [("inside", 0)]
    assert isinstance(flow.outcome.error, GeneratorExit)


async def test_an_async_generator_left_to_the_loop_ends_its_flow(flow):
    async def inner():
        yield 1
        yield 2

    async for _ in wrap(inner, flow)():
        break
    gc.collect()
    await asyncio.sleep(0.01)

    assert status_of(flow.outcome) is Status.ABANDONED


def test_what_is_sent_and_thrown_reaches_the_generator_and_its_value_comes_back(flow):
    def echo():
        got = yield "first"
        try:
            yield got
        except KeyError:
            return "value"

    stream = wrap(echo, flow)()

    assert next(stream) == "first"
    assert stream.send("sent") == "sent"
    with pytest.raises(StopIteration) as done:
        stream.throw(KeyError())
    assert done.value.value == "value"
    assert flow.outcome == Returned("value")


async def test_what_is_sent_and_thrown_reaches_the_async_generator(flow):
    async def echo():
        got = yield "first"
        try:
            yield got
        except KeyError:
            yield "caught"

    stream = wrap(echo, flow)()

    assert await anext(stream) == "first"
    assert await stream.asend("sent") == "sent"
    assert await stream.athrow(KeyError()) == "caught"
    with pytest.raises(StopAsyncIteration):
        await anext(stream)
    assert flow.outcome == Returned(None)


@pytest.mark.parametrize("kind", YIELDING)
def test_a_stream_that_is_cut_closes_the_generator_and_raises(kind):
    flow = Watched(cut_at=1)
    closed = []

    def sync():
        try:
            yield 1
            yield 2
        finally:
            closed.append(True)

    async def asynchronous():
        try:
            yield 1
            yield 2
        finally:
            closed.append(True)

    with pytest.raises(RuntimeError, match="cut"):
        run(kind, wrap(sync if kind == "generator" else asynchronous, flow))

    assert closed == [True]
    assert isinstance(flow.outcome.error, RuntimeError)


async def test_a_cancelled_task_ends_the_flow(flow):
    begun = asyncio.Event()

    async def waits():
        begun.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(wrap(waits, flow)())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert status_of(flow.outcome) is Status.CANCELLED


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (KeyboardInterrupt(), Status.CANCELLED),
        (SystemExit(), Status.CANCELLED),
        (ValueError(), Status.ERROR),
    ],
)
def test_a_status_says_how_it_ended(error, status):
    assert status_of(Raised(error)) is status
    assert error_type_of(Raised(error)) == type(error).__name__


def test_a_return_is_ok():
    assert status_of(Returned(1)) is Status.OK
    assert error_type_of(Returned(1)) is None


class Holder:
    """Every way a function stands in a class."""

    def __init__(self, flow):
        self.flow = flow

    @classmethod
    def of(cls, flow):
        class Made(cls):
            def method(self, value):
                return self, value

            method = wrap(method, flow)
            under = staticmethod(wrap(lambda value: value, flow))
            over = wrap(staticmethod(lambda value: value), flow)
            classy = wrap(classmethod(lambda cls, value: (cls, value)), flow)

        return Made


def test_methods_are_bound_as_before(flow):
    made_class = Holder.of(flow)
    holder = made_class(flow)

    assert holder.method(1) == (holder, 1)
    assert made_class.under(2) == holder.under(2) == 2
    assert made_class.over(3) == holder.over(3) == 3
    assert made_class.classy(4) == holder.classy(4) == (made_class, 4)
    assert len(flow.outcomes) == 7


def test_a_partial_is_wrapped_by_its_kind(flow):
    async def ask(one, two):
        return one, two

    wrapped = wrap(functools.partial(ask, 1), flow)

    assert inspect.iscoroutinefunction(wrapped)
    assert asyncio.run(wrapped(2)) == (1, 2)
    assert name_of(functools.partial(functools.partial(ask, 1), 2)) == "ask"


class Model:
    async def __call__(self, value):
        return value


class Stream:
    async def __call__(self, value):
        yield value


def test_callable_objects_are_wrapped_by_the_kind_of_their_call(flow):
    assert asyncio.run(wrap(Model(), flow)(5)) == 5
    assert run("async generator", wrap(Stream(), flow), 6) == 6
    assert flow.outcomes == [Returned(5), Returned(None)]
    assert name_of(Model()) == "Model"
    assert is_generator(Stream())
    assert not is_generator(Model())


def test_a_static_method_has_its_functions_name(flow):
    def ask():
        """Ask."""

    assert name_of(staticmethod(ask)) == "ask"
    assert name_of(classmethod(ask)) == "ask"


@pytest.mark.parametrize("thing", [Model, 3])
def test_a_class_and_what_cannot_be_called_are_refused(thing, flow):
    with pytest.raises(ConfigError, match="is no function"):
        wrap(thing, flow)


async def test_a_coroutine_behind_a_plain_wrapper_ends_its_flow_when_it_is_done(flow):
    async def ask():
        await asyncio.sleep(0)
        return place.get()

    def plain():
        return ask()

    coroutine = wrap(plain, flow)()

    assert flow.outcomes == []
    assert await coroutine == "inside"
    assert flow.outcome == Returned("inside")
