"""What ``with_retry`` does with functions of every kind."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import logging
import threading
import traceback

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from decorated import watch
from kinds import KINDS, YIELDING, leave, made, run
from wflo_otel.core.policy import Retry
from wflo_otel.decorators import checkpoint, track_agent_cost, track_llm_call, track_tool_call
from wflo_otel.errors import BudgetExceededError, ConfigError, PolicyViolationError
from wflo_otel.retries import with_retry
from wflo_otel.testing import FakeClock

steady = functools.partial(with_retry, jitter=False)


class Flaky:
    """Fails so many times, then gives a value; remembers what it was called with."""

    def __init__(self, failures, value="done", error=TimeoutError):
        self.left, self.value, self.error = failures, value, error
        self.calls = []

    def __call__(self, *args, **kwargs):
        self.calls.append((args, kwargs))
        if len(self.calls) > self.left:
            return self.value
        raise self.error("secret") if isinstance(self.error, type) else self.error


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def seen(clock):
    return watch(clock=clock)


def spans_named(seen, name):
    return [span for span in seen.spans if span.name == name]


@pytest.mark.parametrize("kind", KINDS)
def test_a_failure_that_may_pass_is_tried_again_after_growing_pauses(kind, seen, clock):
    work = Flaky(2)

    assert run(kind, steady(made(kind, work)), 1, two=2) == "done"

    assert work.calls[:3] == [((1,), {"two": 2})] * 3
    assert clock.pauses == [0.1, 0.2]


@pytest.mark.parametrize("kind", KINDS)
def test_what_succeeds_at_once_is_called_once(kind, seen, clock):
    work = Flaky(0)

    run(kind, steady(made(kind, work)))

    assert len(work.calls) == (2 if kind in YIELDING else 1)
    assert clock.pauses == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_last_error_comes_out_as_it_was_raised(kind, seen):
    error = ConnectionResetError("mine")
    fn = steady(max_attempts=2)(made(kind, Flaky(9, error=error)))

    with pytest.raises(ConnectionResetError) as raised:
        run(kind, fn)

    assert raised.value is error
    assert error.args == ("mine",)
    assert error.__cause__ is None
    assert error.__context__ is None
    assert traceback.extract_tb(error.__traceback__)[-1].name == "__call__"
    (note,) = error.__notes__
    assert note.endswith("gave up after 2 attempts (attempts)")


def test_an_error_that_is_raised_again_and_again_carries_its_note_once(seen):
    error = TimeoutError()
    for _ in range(2):
        with pytest.raises(TimeoutError):
            steady(max_attempts=2)(Flaky(9, error=error))()

    assert len(error.__notes__) == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "error", [ValueError("bad"), KeyboardInterrupt(), asyncio.CancelledError(), SystemExit()]
)
def test_what_would_fail_again_or_ends_the_program_is_not_tried_again(kind, error, seen, clock):
    work = Flaky(1, error=error)

    with pytest.raises(type(error)):
        run(kind, steady(made(kind, work)))

    assert len(work.calls) == 1
    assert clock.pauses == []
    assert not hasattr(error, "__notes__")


@pytest.mark.parametrize("kind", KINDS)
def test_a_refusal_is_never_tried_again_whatever_on_says(kind, seen):
    work = Flaky(9, error=BudgetExceededError("no room"))

    with pytest.raises(BudgetExceededError):
        run(kind, with_retry(on=Exception)(made(kind, work)))

    assert len(work.calls) == 1


def test_on_replaces_what_is_tried_again(seen):
    work = Flaky(1, error=KeyError)
    assert with_retry(on=[KeyError, ValueError])(work)() == "done"

    timeout = Flaky(1)
    with pytest.raises(TimeoutError):
        with_retry(on=KeyError)(timeout)()
    assert len(timeout.calls) == 1


@pytest.mark.parametrize("kind", YIELDING)
def test_a_stream_is_not_begun_again_once_it_has_yielded(kind, seen, clock):
    begun = []

    def generator():
        begun.append(1)
        yield 1
        raise TimeoutError

    async def async_generator():
        begun.append(1)
        yield 1
        raise TimeoutError

    fn = generator if kind == "generator" else async_generator
    with pytest.raises(TimeoutError):
        run(kind, steady(fn))

    assert begun == [1]
    assert clock.pauses == []


def test_what_is_sent_and_thrown_reaches_the_generator_that_was_begun(seen):
    heard = []
    failing = Flaky(1)

    @steady
    def talk():
        failing()
        heard.append((yield "first"))
        try:
            yield "second"
        except KeyError:
            heard.append("thrown")
        return "returned"

    talking = talk()
    assert [next(talking), talking.send("sent")] == ["first", "second"]
    with pytest.raises(StopIteration) as stopped:
        talking.throw(KeyError())

    assert heard == ["sent", "thrown"]
    assert stopped.value.value == "returned"


def test_what_is_sent_and_thrown_reaches_the_async_generator_that_was_begun(seen):
    heard = []
    failing = Flaky(1)

    @steady
    async def talk():
        failing()
        heard.append((yield "first"))
        try:
            yield "second"
        except KeyError:
            heard.append("thrown")

    async def listen():
        talking = talk()
        assert [await anext(talking), await talking.asend("sent")] == ["first", "second"]
        with pytest.raises(StopAsyncIteration):
            await talking.athrow(KeyError())

    asyncio.run(listen())
    assert heard == ["sent", "thrown"]


@pytest.mark.parametrize("kind", YIELDING)
def test_a_stream_without_values_is_one_attempt(kind, seen):
    def generator():
        return
        yield

    async def async_generator():
        return
        yield

    async def collect():
        return [each async for each in steady(async_generator)()]

    if kind == "generator":
        assert list(steady(generator)()) == []
    else:
        assert asyncio.run(collect()) == []
    assert len([span for span in seen.spans if span.name.startswith("attempt")]) == 1


@pytest.mark.parametrize("kind", YIELDING)
def test_a_stream_that_is_left_is_closed_and_ends_its_span(kind, seen):
    leave(kind, steady(made(kind, lambda: 1)))
    gc.collect()

    (span,) = [span for span in seen.spans if span.name.startswith("attempt")]
    assert span.status.status_code is StatusCode.UNSET


def test_a_stop_iteration_of_a_plain_function_stays_what_it_is(seen):
    @steady
    def ends():
        raise StopIteration(7)

    with pytest.raises(StopIteration) as raised:
        ends()
    assert raised.value.value == 7


def test_methods_partials_and_objects_are_tried_again(seen):
    class Client:
        def __init__(self):
            self.work = Flaky(1)

        @steady
        def ask(self, what):
            """Ask."""
            return self.work(what)

        @steady
        @staticmethod
        def fixed(work):
            return work()

        @classmethod
        @steady
        def made(cls, work):
            return cls.__name__, work()

    client = Client()
    assert client.ask("x") == "done"
    assert Client.ask.__doc__ == "Ask."
    assert Client.fixed(Flaky(1)) == "done"
    assert Client.made(Flaky(1)) == ("Client", "done")
    assert steady(functools.partial(Flaky(1), 1))() == "done"


@pytest.mark.parametrize("kind", KINDS)
def test_the_kind_and_the_signature_stay(kind):
    fn = made(kind, lambda: 1)
    wrapped = with_retry(fn)

    for is_kind in (
        inspect.iscoroutinefunction,
        inspect.isgeneratorfunction,
        inspect.isasyncgenfunction,
    ):
        assert is_kind(wrapped) == is_kind(fn)
    assert inspect.signature(wrapped) == inspect.signature(fn)


def test_a_coroutine_behind_a_plain_wrapper_is_tried_again(seen, clock):
    work = Flaky(1)

    async def inner():
        return work()

    assert asyncio.run(steady(functools.partial(lambda each: each(), inner))()) == "done"
    assert clock.pauses == [0.1]


class Stuck(FakeClock):
    """A clock on which a pause lasts until it is cancelled."""

    async def pause_async(self, seconds):
        self.pauses.append(seconds)
        await asyncio.Event().wait()

    def pause(self, seconds):
        raise KeyboardInterrupt


@pytest.mark.parametrize("kind", ["coroutine", "async generator"])
def test_a_pause_can_be_cancelled(kind):
    clock = Stuck()
    watch(clock=clock)
    work = Flaky(9)

    async def cancel():
        fn = steady(made(kind, work))
        doing = asyncio.ensure_future(fn() if kind == "coroutine" else anext(fn()))
        while not clock.pauses:
            await asyncio.sleep(0)
        doing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await doing

    asyncio.run(cancel())
    assert len(work.calls) == 1


@pytest.mark.parametrize("kind", ["plain", "generator"])
def test_a_pause_can_be_interrupted(kind):
    watch(clock=Stuck())
    work = Flaky(9)

    with pytest.raises(KeyboardInterrupt):
        run(kind, steady(made(kind, work)))

    assert len(work.calls) == 1


class BusyError(Exception):
    status_code = 429

    def __init__(self, seconds):
        super().__init__("secret")
        self.headers = {"Retry-After": str(seconds)}


def test_a_provider_is_waited_for_as_long_as_it_asks(seen, clock, caplog):
    with caplog.at_level(logging.WARNING):
        assert steady(max_delay_ms=1000, name="api")(Flaky(1, error=BusyError(45)))() == "done"

    assert clock.pauses == [45.0]
    assert caplog.messages == ["wflo: api waits 45 s, as it was asked to"]


def test_a_provider_that_asks_beyond_the_deadline_is_not_waited_for(seen, clock):
    with pytest.raises(BusyError) as raised:
        steady(deadline_s=30)(Flaky(1, error=BusyError(45)))()

    assert clock.pauses == []
    assert not hasattr(raised.value, "__notes__")


def test_the_deadline_counts_from_the_first_attempt(seen, clock):
    def slow():
        clock.advance(2)
        raise TimeoutError

    with pytest.raises(TimeoutError):
        steady(max_attempts=9, deadline_s=3)(slow)()

    assert clock.pauses == [0.1]


def test_an_outage_is_not_answered_with_a_storm(seen):
    calls = []

    @steady(max_attempts=3, name="api")
    def call(n):
        calls.append(n)
        if n % 2:
            raise TimeoutError

    failed = 0
    for n in range(400):
        try:
            call(n)
        except TimeoutError:
            failed += 1

    assert failed == 200
    assert 400 < len(calls) <= 440


def test_without_a_retry_budget_every_call_has_its_attempts(seen):
    work = Flaky(10**6)
    for _ in range(20):
        with pytest.raises(TimeoutError):
            steady(max_attempts=3, retry_budget=None)(work)()

    assert len(work.calls) == 60


def test_functions_of_one_name_share_a_retry_budget_and_others_do_not(seen):
    def used_up(decorate):
        work = Flaky(10**6)
        for _ in range(20):
            with pytest.raises(TimeoutError):
                decorate(work)()
        return len(work.calls) - 20

    shared = steady(name="shared")
    assert used_up(shared) == 10
    assert used_up(shared) == 0
    assert used_up(steady(name="own")) == 10


def test_threads_share_a_retry_budget_to_the_last_retry(seen):
    calls = []

    @steady(name="api", max_attempts=2)
    def call():
        calls.append(1)
        raise TimeoutError

    def work():
        for _ in range(25):
            with pytest.raises(TimeoutError):
                call()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(calls) == 200 + 20


def test_each_attempt_has_a_span_with_its_number(seen):
    with pytest.raises(TimeoutError):
        steady(max_attempts=2, name="api")(Flaky(9))()

    first, second = spans_named(seen, "attempt api")
    for number, span in enumerate((first, second), 1):
        assert span.kind is SpanKind.INTERNAL
        assert span.attributes["wflo.retry.attempt"] == number
        assert span.attributes["wflo.retry.component"] == "api"
        assert span.attributes["wflo.run.id"] == seen.run_id
        assert span.attributes["error.type"] == "TimeoutError"
        assert span.status.status_code is StatusCode.ERROR
    assert "secret" not in str([span.to_json() for span in (first, second)])


def test_the_span_around_tells_of_each_failed_attempt(seen):
    @track_agent_cost(agent_name="writer")
    @steady(max_attempts=2, name="api")
    def call():
        raise TimeoutError("secret")

    with pytest.raises(TimeoutError):
        call()

    events = seen.span("invoke_agent writer").events
    assert [event.name for event in events] == ["wflo.retry.attempt"] * 2
    again, last = (dict(event.attributes) for event in events)
    assert again == {
        "wflo.retry.component": "api",
        "wflo.retry.attempt": 1,
        "wflo.retry.outcome": "again",
        "wflo.retry.delay": 0.1,
        "error.type": "TimeoutError",
        "wflo.run.id": seen.run_id,
    }
    assert (last["wflo.retry.outcome"], "wflo.retry.delay" in last) == ("attempts", False)


def test_attempts_inside_a_model_call_are_added_up_on_its_span(seen):
    response = {"model": "gpt-4o", "usage": {"prompt_tokens": 1000, "completion_tokens": 100}}

    @track_llm_call(model="gpt-4o")
    @with_retry(max_attempts=3, jitter=False)
    @checkpoint
    async def my_function():
        return response if len(calls) == 2 else calls.append(1) or failing()

    def failing():
        raise TimeoutError

    calls = []
    asyncio.run(my_function())

    assert seen.record.cost == 3_500_000
    chat = seen.span("chat gpt-4o")
    attempts = spans_named(seen, "attempt my_function")
    assert [span.parent.span_id for span in attempts] == [chat.context.span_id] * 3
    assert [each.name for each in seen.configuration.store.checkpoints(seen.run_id)] == [
        "my_function"
    ]


def test_each_attempt_around_a_model_call_is_its_own_call(seen):
    work = Flaky(1, value={"model": "gpt-4o", "usage": {"prompt_tokens": 10}})

    steady(name="api")(track_llm_call(model="gpt-4o")(work))()

    chats = spans_named(seen, "chat gpt-4o")
    attempts = spans_named(seen, "attempt api")
    assert [span.parent.span_id for span in chats] == [each.context.span_id for each in attempts]
    assert [record.status.value for record in seen.records] == ["error", "ok"]


def test_a_refusal_inside_an_attempt_stops_at_once(clock):
    seen = watch(usd="0", clock=clock)
    work = Flaky(0)

    with pytest.raises(PolicyViolationError):
        steady(on=Exception, name="api")(track_llm_call(model="gpt-4o")(work))()

    assert work.calls == []
    assert len(spans_named(seen, "attempt api")) == 1


def test_a_tool_that_is_tried_again_inside_is_one_tool_call(seen):
    track_tool_call(tool_name="search")(steady(Flaky(1)))()

    assert [record.operation.value for record in seen.records] == ["execute_tool"]


def test_attempts_nest(seen, clock):
    work = Flaky(3)

    assert steady(max_attempts=2)(steady(max_attempts=2)(work))() == "done"
    assert clock.pauses == [0.1, 0.1, 0.1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_attempts": 0}, "with_retry: max_attempts must be"),
        ({"backoff": "fibonacci"}, "with_retry: backoff must be one of"),
        ({"initial_delay_ms": -1}, "with_retry: initial_delay_ms must be a number from 0"),
        ({"name": "a\x00b"}, "with_retry: name must be printable text"),
        ({"name": " "}, "with_retry: name must be printable text"),
        ({"on": ()}, "with_retry: on is empty"),
        ({"on": "TimeoutError"}, "with_retry: on must name exception classes, not 'T'"),
        ({"on": [TimeoutError, 3]}, "with_retry: on must name exception classes, not 3"),
        ({"on": BudgetExceededError}, "with_retry: on names BudgetExceededError: what a policy"),
        ({"on": KeyboardInterrupt}, "with_retry: on names KeyboardInterrupt: cancellations"),
        ({"on": BaseException}, "with_retry: on names BaseException: .* name Exception"),
    ],
)
def test_bad_options_are_named_where_they_are_given(options, message):
    with pytest.raises(ConfigError, match=message):
        with_retry(**options)(lambda: 1)


def test_the_keywords_are_the_options_of_the_policy():
    declared = {
        name: each.default for name, each in inspect.signature(with_retry).parameters.items()
    }

    for name in Retry.__dataclass_fields__:
        assert declared[name] == getattr(Retry(), name)
