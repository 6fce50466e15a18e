"""Tools and agents cost nothing by themselves; what is called inside them is theirs."""

from __future__ import annotations

import asyncio
import inspect
from decimal import Decimal

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

from decorated import watch
from kinds import KINDS, YIELDING, leave, made, run
from wflo_otel.context import current_caller
from wflo_otel.core.call import Operation, Status
from wflo_otel.core.policy import Mode, Policy
from wflo_otel.core.scope import agent_key, run_key
from wflo_otel.decorators import (
    record_usage,
    scope,
    track_agent_cost,
    track_llm_call,
    track_tool_call,
)
from wflo_otel.errors import BudgetExceededError, ConfigError, StoreError
from wflo_otel.seams.active import activate
from wflo_otel.seams.work import frame_of_caller

TRACKERS = {"tool": track_tool_call(tool_name="x"), "agent": track_agent_cost(agent_name="x")}
OPERATIONS = {"tool": Operation.EXECUTE_TOOL, "agent": Operation.INVOKE_AGENT}
tracked = pytest.mark.parametrize("what", TRACKERS)


@track_llm_call(model="gpt-4o")
def ask():
    record_usage(input_tokens=1000, output_tokens=100)


@tracked
@pytest.mark.parametrize("kind", KINDS)
def test_work_is_recorded_once_and_costs_nothing(what, kind):
    seen = watch()

    assert run(kind, TRACKERS[what](made(kind, lambda: 5))) == 5

    record = seen.record
    assert (record.operation, record.status, record.cost) == (OPERATIONS[what], Status.OK, 0)
    assert (record.caller.tool or record.caller.agent) == "x"
    assert seen.ledger_keys == []


@tracked
@pytest.mark.parametrize("kind", KINDS)
def test_work_that_fails_says_the_kind_of_failure_only(what, kind):
    seen = watch()

    def fails():
        raise ValueError("content")

    with pytest.raises(ValueError, match="content"):
        run(kind, TRACKERS[what](made(kind, fails)))

    assert (seen.record.status, seen.record.error_type) == (Status.ERROR, "ValueError")
    (span,) = seen.spans
    assert span.status.status_code is StatusCode.ERROR
    assert "content" not in span.to_json()


@tracked
@pytest.mark.parametrize("kind", KINDS)
def test_work_that_is_interrupted_is_cancelled(what, kind):
    seen = watch()

    def stops():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(kind, TRACKERS[what](made(kind, stops)))

    assert seen.record.status is Status.CANCELLED


@tracked
@pytest.mark.parametrize("kind", YIELDING)
def test_work_that_is_left_is_abandoned_and_no_failure(what, kind):
    seen = watch()

    leave(kind, TRACKERS[what](made(kind, lambda: 1)))

    assert seen.record.status is Status.ABANDONED
    (span,) = seen.spans
    assert span.status.status_code is StatusCode.UNSET


@tracked
async def test_a_cancelled_task_ends_its_work(what):
    seen = watch()
    begun = asyncio.Event()

    @TRACKERS[what]
    async def waits():
        begun.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(waits())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert seen.record.status is Status.CANCELLED


def test_the_spans_of_tools_and_agents_nest_as_the_calls_do():
    seen = watch()

    @track_agent_cost
    def researcher():
        search()

    @track_tool_call
    def search():
        ask()

    researcher()

    agent, tool, chat = (
        seen.span(name)
        for name in ("invoke_agent researcher", "execute_tool search", "chat gpt-4o")
    )
    assert tool.parent.span_id == agent.context.span_id
    assert chat.parent.span_id == tool.context.span_id
    assert (agent.kind, tool.kind) == (SpanKind.INTERNAL, SpanKind.INTERNAL)
    assert agent.attributes["gen_ai.agent.name"] == "researcher"
    assert tool.attributes["gen_ai.tool.name"] == "search"
    assert "wflo.cost.usd" not in agent.attributes
    assert chat.attributes["gen_ai.agent.name"] == "researcher"


@pytest.mark.parametrize("kind", YIELDING)
def test_the_consumer_of_an_agents_stream_is_not_the_agent(kind):
    watch()
    seen = []

    def look():
        seen.append(current_caller().agent)

    def between():
        seen.append((current_caller().agent, trace.get_current_span().get_span_context().is_valid))

    stream = track_agent_cost(agent_name="x")(made(kind, look))()
    if kind == "generator":
        for _ in stream:
            between()
    else:

        async def consume():
            async for _ in stream:
                between()

        asyncio.run(consume())

    assert seen == ["x", (None, False), "x", (None, False)]


def test_a_span_that_a_generator_opens_across_a_yield_is_current_again_in_its_next_step():
    watch()
    tracer = trace.get_tracer("test")
    current = []

    @track_tool_call
    def search():
        with tracer.start_as_current_span("inner") as span:
            yield 1
            current.append(trace.get_current_span() is span)
        yield 2

    assert list(search()) == [1, 2]
    assert current == [True]


def test_an_agents_budget_holds_in_each_run():
    seen = watch()

    @track_agent_cost(agent_name="researcher", budget_usd=0)
    def research():
        ask()

    with pytest.raises(BudgetExceededError) as raised:
        research()

    assert raised.value.scope == agent_key(seen.run_id, "researcher")
    ask()


@pytest.mark.parametrize("amount", ["much", -1, float("nan"), True])
def test_a_bad_budget_is_refused_when_it_is_written(amount):
    with pytest.raises(ConfigError, match=r"^budget_usd: "):
        track_agent_cost(agent_name="researcher", budget_usd=amount)


@pytest.mark.parametrize("kind", KINDS)
def test_a_stopped_run_refuses_tools(kind):
    seen = watch()
    ran = []
    seen.configuration.store.stop(run_key(seen.run_id), "by hand")

    with pytest.raises(BudgetExceededError, match=r"by hand.*the tool search") as raised:
        run(kind, track_tool_call(tool_name="search")(made(kind, lambda: ran.append(1))))

    assert ran == []
    assert raised.value.stopped
    span = seen.span("execute_tool search")
    assert span.attributes["wflo.decision"] == "refuse"
    assert seen.records == []


def test_a_stopped_run_refuses_no_tool_in_shadow_mode():
    seen = watch(policy=Policy(mode=Mode.SHADOW))
    seen.configuration.store.stop(run_key(seen.run_id), "by hand")

    assert track_tool_call(lambda: 1)() == 1


def test_a_tool_runs_where_the_state_cannot_answer():
    seen = watch()

    def fails(*_):
        raise StoreError("gone")

    seen.configuration.store.ledgers = fails
    seen.configuration.store.record = fails

    assert track_tool_call(lambda: 1)() == 1


def test_a_model_call_inside_a_tool_is_charged_to_the_tool():
    seen = watch()

    track_tool_call(tool_name="search")(made("plain", ask))()

    model, tool = seen.records
    assert (model.caller.tool, tool.caller.tool) == ("search", "search")
    assert seen.cost_usd == Decimal("0.0035")


def test_a_scope_says_for_whom_a_block_calls():
    seen = watch()

    with scope(tenant="acme", user="u1", step="plan"):
        ask()

    caller = seen.record.caller
    assert (caller.tenant, caller.user, caller.step) == ("acme", "u1", "plan")
    assert current_caller().tenant is None


@pytest.mark.parametrize("decorator", [track_llm_call, track_tool_call, track_agent_cost])
def test_a_decorator_may_be_bare_or_with_options(decorator):
    watch()

    async def fn(one: int) -> int:
        return one

    for decorated in (decorator(fn), decorator()(fn)):
        assert inspect.iscoroutinefunction(decorated)
        assert inspect.signature(decorated) == inspect.signature(fn)
        assert asyncio.run(decorated(3)) == 3


def test_without_any_run_the_caller_is_told_to_configure():
    watch()
    from wflo_otel.context import runs

    runs.clear()
    try:
        with pytest.raises(ConfigError, match="configure"):
            frame_of_caller()
    finally:
        activate(None)
