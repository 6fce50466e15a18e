"""A function that calls a model is admitted, measured and charged once."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from types import SimpleNamespace

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

from decorated import watch
from kinds import KINDS, YIELDING, leave, made, run
from wflo_otel.context import current_caller
from wflo_otel.core.call import Answer, Ask, Operation, Outcome, Status
from wflo_otel.core.policy import Budget, Budgets, OnExceeded
from wflo_otel.core.usage import Usage
from wflo_otel.decorators import record_usage, track_agent_cost, track_llm_call
from wflo_otel.engine import Permit
from wflo_otel.errors import BudgetExceededError, ConfigError, UnpricedModelError
from wflo_otel.seams.active import active
from wflo_otel.seams.open_call import outer_permit

#: 1,000 input and 100 output tokens of gpt-4o: $2.50 and $10.00 per million.
COST = Decimal("0.0035")
RESPONSE = {"model": "gpt-4o", "usage": {"prompt_tokens": 1000, "completion_tokens": 100}}


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_is_charged_by_the_usage_in_its_result(kind):
    seen = watch()

    run(kind, track_llm_call(model="gpt-4o")(made(kind, lambda: RESPONSE)))

    assert seen.cost_usd == COST
    assert seen.record.usage == Usage(input_tokens=1000, output_tokens=100)
    assert seen.record.status is Status.OK
    assert seen.record.streaming is (kind in YIELDING)
    assert seen.ledger().settled.usd == 3_500_000
    assert seen.ledger().open_calls == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_refused_call_does_not_run(kind):
    seen = watch(usd="0")
    ran = []

    with pytest.raises(BudgetExceededError) as raised:
        run(kind, track_llm_call(model="gpt-4o")(made(kind, lambda: ran.append(1))))

    assert ran == []
    assert raised.value.stopped
    span = seen.span("chat gpt-4o")
    assert span.attributes["wflo.decision"] == "refuse"
    assert span.attributes["error.type"] == "BudgetExceededError"
    assert span.status.status_code is StatusCode.ERROR


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_is_charged_nothing_and_recorded(kind):
    seen = watch(usd="1")

    def fails():
        raise ValueError("content")

    with pytest.raises(ValueError, match="content"):
        run(kind, track_llm_call(model="gpt-4o")(made(kind, fails)))

    assert (seen.record.status, seen.record.error_type) == (Status.ERROR, "ValueError")
    assert seen.cost_usd == 0
    assert seen.ledger().pending.usd == 0
    span = seen.span("chat gpt-4o")
    assert span.attributes["error.type"] == "ValueError"
    assert "content" not in str(span.to_json())


@pytest.mark.parametrize("kind", ["plain", "coroutine"])
def test_an_error_after_the_usage_was_told_is_charged(kind):
    seen = watch()

    def fails():
        record_usage(input_tokens=1000, output_tokens=100)
        raise ValueError("bad")

    with pytest.raises(ValueError, match="bad"):
        run(kind, track_llm_call(model="gpt-4o")(made(kind, fails)))

    assert seen.cost_usd == COST
    assert seen.record.status is Status.ERROR


@pytest.mark.parametrize("kind", KINDS)
def test_an_interrupted_call_ends_as_cancelled(kind):
    seen = watch(usd="1")

    def stops():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(kind, track_llm_call(model="gpt-4o")(made(kind, stops)))

    assert seen.record.status is Status.CANCELLED
    assert seen.ledger().open_calls == 0


@pytest.mark.parametrize("kind", YIELDING)
def test_a_stream_that_is_left_is_charged_for_what_was_seen(kind):
    seen = watch(usd="1")

    leave(kind, track_llm_call(model="gpt-4o")(made(kind, lambda: "word " * 40)))

    record = seen.record
    assert record.status is Status.ABANDONED
    assert 20 < record.usage.output_tokens < 80
    assert record.cost_source == "estimate"
    assert seen.ledger().pending.usd == 0


def test_a_stream_is_cut_when_its_budget_is_spent():
    seen = watch(usd="0.01")
    closed = []

    @track_llm_call(model="gpt-4o")
    def talk():
        try:
            for _ in range(10_000):
                yield "word " * 20
        finally:
            closed.append(True)

    words = 0

    def listen():
        nonlocal words
        for _ in talk():
            words += 20

    with pytest.raises(BudgetExceededError) as raised:
        listen()

    assert closed == [True]
    assert raised.value.sent
    assert seen.record.status is Status.CUT
    assert 500 < words < 2000
    assert seen.cost_usd <= Decimal("0.0101")


async def test_a_cancelled_task_settles_its_call():
    seen = watch(usd="1")
    begun = asyncio.Event()

    @track_llm_call(model="gpt-4o")
    async def ask(prompt):
        begun.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(ask("hello"))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert seen.record.status is Status.CANCELLED
    assert seen.ledger().open_calls == 0


def test_the_span_is_current_while_the_function_runs_and_carries_the_numbers():
    seen = watch()
    current = []

    @track_llm_call(model="gpt-4o")
    def ask(prompt):
        current.append(trace.get_current_span())
        return RESPONSE

    ask("secret prompt")

    span = seen.span("chat gpt-4o")
    assert current[0].get_span_context() == span.context
    assert span.kind is SpanKind.CLIENT
    assert span.attributes["gen_ai.usage.input_tokens"] == 1000
    assert span.attributes["wflo.cost.usd"] == 0.0035
    assert span.attributes["gen_ai.provider.name"] == "openai"
    assert span.status.status_code is StatusCode.UNSET
    assert "secret" not in span.to_json()
    assert seen.record.span_id == format(span.context.span_id, "016x")
    assert seen.record.caller.step == "ask"


def test_a_result_without_usage_is_estimated_and_marked():
    seen = watch()

    @track_llm_call(model="gpt-4o")
    def ask(messages):
        return "word " * 100

    ask([{"role": "user", "content": "word " * 200}])

    usage = seen.record.usage
    assert 100 < usage.input_tokens < 400
    assert 50 < usage.output_tokens < 200
    assert seen.record.cost_source == "estimate"
    assert seen.span("chat gpt-4o").attributes["wflo.usage.estimated"] is True


def test_usage_may_be_read_by_a_function_of_the_user():
    seen = watch()
    read = track_llm_call(model="gpt-4o", usage=lambda result: result["counts"])

    read(lambda: {"counts": {"input_tokens": 1000, "output_tokens": 100}})()

    assert seen.cost_usd == COST


def test_a_usage_function_that_fails_loses_no_charge():
    seen = watch(usd="1")

    def empty():
        return {}

    with pytest.raises(KeyError):
        track_llm_call(model="gpt-4o", usage=lambda result: result["none"])(empty)()

    assert seen.record.cost_source == "estimate"
    assert seen.ledger().open_calls == 0


def test_the_prompt_may_be_named_by_a_function_of_the_user():
    seen = watch()

    @track_llm_call(model="gpt-4o", prompt=lambda self, question: question.text)
    def ask(self, question):
        return "yes"

    ask(object(), SimpleNamespace(text="word " * 200))

    assert seen.record.usage.input_tokens > 100


def test_a_function_tells_its_usage_itself():
    seen = watch()

    @track_llm_call
    def ask():
        record_usage(
            input_tokens=1000,
            output_tokens=100,
            cache_read_tokens=900,
            reasoning_tokens=50,
            model="gpt-4o",
            cost_usd="0.5",
        )

    ask()

    record = seen.record
    assert (record.model, record.cost_source) == ("gpt-4o", "provider")
    assert seen.cost_usd == Decimal("0.5")
    assert record.usage == Usage(1000, 100, cache_read_tokens=900, reasoning_tokens=50)


def test_usage_told_outside_a_call_is_refused():
    watch()

    with pytest.raises(ConfigError, match="inside of a function under @track_llm_call"):
        record_usage(input_tokens=1)


def test_a_model_that_the_response_names_is_priced():
    seen = watch()

    track_llm_call(lambda: RESPONSE)()

    assert seen.cost_usd == COST
    assert seen.record.model == "gpt-4o"


def test_a_model_without_a_price_is_refused_under_a_budget():
    watch(usd="1")

    with pytest.raises(UnpricedModelError, match="no-such-model"):
        track_llm_call(model="no-such-model")(lambda: None)()


def test_without_a_policy_nothing_is_refused():
    seen = watch()

    for _ in range(3):
        track_llm_call(model="gpt-4o")(lambda: RESPONSE)()

    assert seen.cost_usd == 3 * COST


@dataclass
class InnerSeam:
    """Sees the wire, as the guard of an HTTP client does: adopts, settles, tells its usage."""

    usage: Usage = field(default_factory=lambda: Usage(1000, 100))
    waits: list[float] = field(default_factory=list)

    def send(self):
        now = active()
        ask = Ask(Operation.CHAT, "openai", "gpt-4o", output_cap=1000)
        call = now.call(ask, current_caller())
        permit = now.engine.admit(call, adopting=outer_permit())
        if not isinstance(permit, Permit):
            raise permit.error()
        self.waits.append(permit.waited_s)
        outcome = Outcome(Status.OK, Answer(usage=self.usage, model="gpt-4o", complete=True))
        now.engine.settle(permit, outcome)


@pytest.mark.parametrize("kind", ["plain", "coroutine"])
def test_an_inner_seam_that_sees_the_wire_is_charged_in_place_of_the_outer(kind):
    seen = watch(usd="1")
    inner = InnerSeam()

    def ask():
        inner.send()
        return RESPONSE

    run(kind, track_llm_call(model="gpt-4o")(made(kind, ask)))

    assert seen.record.cost == 3_500_000
    assert seen.ledger().open_calls == 0


@pytest.mark.parametrize("kind", YIELDING)
def test_only_the_first_call_inside_a_generator_takes_the_permit_over(kind):
    seen = watch()
    inner = InnerSeam()

    def ask():
        inner.send()
        return "text"

    run(kind, track_llm_call(model="gpt-4o")(made(kind, ask)))

    assert len({record.call_id for record in seen.records}) == 2
    assert seen.cost_usd == 2 * COST


def test_two_seams_on_a_budget_that_fits_one_call_are_admitted_at_once():
    # The outer reserves 16,384 tokens of output: $0.164. Twice that does not fit.
    seen = watch(usd="0.20", clamp=False)
    inner = InnerSeam()

    track_llm_call(model="gpt-4o")(inner.send)()

    assert inner.waits[0] < 0.01
    assert seen.cost_usd == COST


def test_a_function_off_the_wire_is_refused_where_it_would_need_a_smaller_cap():
    # A call of 16,384 tokens of output costs at most $0.164.
    seen = watch(usd="0.20", on_exceeded=OnExceeded.REFUSE)
    tell = partial(record_usage, input_tokens=1000, output_tokens=10_000)
    ask = track_llm_call(model="gpt-4o")(made("plain", tell))
    ask()

    with pytest.raises(BudgetExceededError):
        ask()

    assert seen.cost_usd == Decimal("0.1025")


def test_a_function_on_the_wire_may_run_with_a_smaller_cap():
    seen = watch(usd="0.165")
    ask = track_llm_call(model="gpt-4o")(InnerSeam().send)

    ask()
    ask()

    assert seen.cost_usd == 2 * COST


def test_nested_decorators_charge_once_on_one_span():
    seen = watch(usd="0.20", clamp=False)
    ask = track_llm_call(model="gpt-4o")(lambda: RESPONSE)

    track_llm_call(model="gpt-4o")(ask)()

    assert seen.cost_usd == COST
    assert seen.span("chat gpt-4o").attributes["wflo.cost.usd"] == 0.0035
    assert "wflo.charges" not in seen.span("chat gpt-4o").attributes


def test_a_refusal_inside_passes_through_untouched():
    seen = watch(usd="0.01", on_exceeded=OnExceeded.REFUSE)
    inner = InnerSeam(Usage(input_tokens=4000))

    @track_llm_call
    def ask():
        inner.send()
        inner.send()

    with pytest.raises(BudgetExceededError):
        ask()

    assert [record.status for record in seen.records] == [Status.OK]
    assert seen.span("chat").attributes["error.type"] == "BudgetExceededError"


def test_a_refusal_of_something_else_inside_is_no_failed_call():
    seen = watch(usd="1")

    def refused():
        raise BudgetExceededError("a tool was refused")

    with pytest.raises(BudgetExceededError, match="a tool was refused"):
        track_llm_call(model="gpt-4o")(refused)()

    assert seen.records == []
    assert seen.ledger().open_calls == 0


def test_an_inner_call_on_another_thread_adopts_too():
    seen = watch(usd="1")
    inner = InnerSeam()

    @track_llm_call(model="gpt-4o")
    def ask():
        thread = threading.Thread(target=inner.send)
        thread.start()
        thread.join()

    ask()

    assert seen.record.cost == 3_500_000


async def test_fifty_tasks_stay_within_a_budget():
    # A call costs $0.1025; nine fit into a dollar.
    seen = watch(usd="1")

    @track_llm_call(model="gpt-4o")
    async def ask():
        await asyncio.sleep(0.001)
        record_usage(input_tokens=1000, output_tokens=10_000)

    ended = await asyncio.gather(*(ask() for _ in range(50)), return_exceptions=True)

    answered = [each for each in ended if each is None]
    assert all(each is None or isinstance(each, BudgetExceededError) for each in ended)
    assert len(answered) == 9
    assert seen.cost_usd == 9 * Decimal("0.1025")
    assert seen.ledger().pending.usd == 0


def test_twenty_threads_stay_within_a_budget():
    seen = watch(usd="1")

    @track_llm_call(model="gpt-4o")
    def ask():
        record_usage(input_tokens=1000, output_tokens=10_000)

    def one(_):
        try:
            ask()
        except BudgetExceededError:
            return 0
        return 1

    with ThreadPoolExecutor(20) as pool:
        answered = sum(pool.map(one, range(50)))

    assert answered == 9
    assert seen.cost_usd == 9 * Decimal("0.1025")


async def test_a_plain_function_on_a_loop_is_refused_rather_than_blocking_it():
    watch(usd="0.20", clamp=False)
    ask = track_llm_call(model="gpt-4o")(lambda: None)

    @track_llm_call(model="gpt-4o")
    async def holds(begun, end):
        begun.set()
        await end.wait()

    begun, end = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(holds(begun, end))
    await begun.wait()
    with pytest.raises(BudgetExceededError):
        ask()
    end.set()
    await task


async def test_a_task_that_is_cancelled_while_it_waits_leaves_nothing_behind():
    seen = watch(usd="0.20", clamp=False)

    @track_llm_call(model="gpt-4o")
    async def holds(end):
        await end.wait()

    end = asyncio.Event()
    first = asyncio.create_task(holds(end))
    second = asyncio.create_task(holds(end))
    await asyncio.sleep(0.01)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    end.set()
    await first

    assert seen.ledger().open_calls == 0
    assert len([span for span in seen.spans if span.name == "chat gpt-4o"]) == 2


def test_a_call_is_charged_to_the_agent_around_it():
    seen = watch(budgets=Budgets(agents={"*": Budget(usd=10**9)}))

    @track_agent_cost(agent_name="researcher")
    def research():
        return track_llm_call(model="gpt-4o")(lambda: RESPONSE)()

    research()

    assert seen.ledger(f"run:{seen.run_id}/agent:researcher").settled.usd == 3_500_000
