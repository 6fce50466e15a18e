"""Functions that are wrapped: they stay what they are, and each execution is a run."""

import asyncio
import copy
import functools
import threading
from decimal import Decimal

import pytest

import wflo_otel as wflo
from decorated import watch
from wflo_otel.core.call import Operation


@wflo.track_llm_call(model="gpt-4o")
def ask(text):
    """Ask for an echo, for $0.0035."""
    wflo.record_usage(input_tokens=1_000, output_tokens=100)
    return text


def plain(text):
    return ask(text)


async def coroutine(text):
    await asyncio.sleep(0)
    return ask(text)


def generator(text):
    yield ask(text)
    yield ask(text)


async def async_generator(text):
    yield ask(text)
    await asyncio.sleep(0)
    yield ask(text)


KINDS = [(plain, "x"), (coroutine, "x"), (generator, ["x", "x"]), (async_generator, ["x", "x"])]


@pytest.fixture(autouse=True)
def seen():
    return watch()


@pytest.mark.parametrize(("fn", "result"), KINDS)
async def test_every_kind_of_function_is_executed_in_a_run(fn, result):
    wrapped = wflo.wrap(fn)

    assert await wrapped.execute("x") == result
    assert wrapped.cost_usd == Decimal("0.0035") * (2 if isinstance(result, list) else 1)


@pytest.mark.parametrize(("fn", "result"), KINDS)
def test_every_kind_of_function_is_executed_without_an_event_loop(fn, result):
    wrapped = wflo.wrap(fn)

    assert wrapped.execute_sync("x") == result
    assert wrapped.cost_usd > 0


async def test_a_wrapped_function_is_called_as_ever():
    assert wflo.wrap(plain)("x") == "x"
    assert await wflo.wrap(coroutine)("x") == "x"
    assert list(wflo.wrap(generator)("x")) == ["x", "x"]
    assert [each async for each in wflo.wrap(async_generator)("x")] == ["x", "x"]


def test_a_coroutine_behind_a_plain_wrapper_is_executed_too():
    def behind_it(text):
        return coroutine(text)

    behind = wflo.wrap(functools.partial(behind_it, "x"))

    assert behind.execute_sync() == "x"
    assert behind.cost_usd == Decimal("0.0035")


def test_a_function_that_is_not_async_does_not_hold_up_the_event_loop():
    came = []

    def waits():
        return done.wait(5)

    async def main():
        waiting = asyncio.ensure_future(wflo.wrap(waits).execute())
        await asyncio.sleep(0)
        came.append("on")
        done.set()
        return await waiting

    done = threading.Event()
    assert asyncio.run(main())
    assert came == ["on"]


def test_each_execution_is_a_run_of_its_own_with_its_span(seen):
    wrapped = wflo.wrap(plain)

    wrapped.execute_sync("x")
    first = wrapped.run_id
    wrapped.execute_sync("x")

    assert wrapped.run_id != first
    assert wrapped.cost_usd == Decimal("0.0035")
    done = [each for each in seen.records if each.operation is Operation.INVOKE_WORKFLOW]
    assert [each.caller.run_id for each in done] == [first, wrapped.run_id]
    assert {each.caller.workflow for each in done} == {"plain"}


async def test_executions_side_by_side_do_not_pay_for_each_other(seen):
    wrapped = wflo.wrap(coroutine, name="echo")

    await asyncio.gather(*(wrapped.execute("x") for _ in range(3)))

    chats = [each.caller for each in seen.records if each.operation is Operation.CHAT]
    assert len({each.run_id for each in chats}) == 3
    assert {each.workflow for each in chats} == {"echo"}


def test_a_budget_holds_for_each_execution():
    wrapped = wflo.wrap(generator, budget_usd="0.167")

    for _ in range(2):
        with pytest.raises(wflo.BudgetExceededError):
            wrapped.execute_sync("x")
        assert wrapped.cost_usd == Decimal("0.0035")


def test_an_amount_that_is_none_is_told_at_once():
    with pytest.raises(wflo.ConfigError, match="budget_usd"):
        wflo.wrap(plain, budget_usd=-1)


def test_agents_and_checkpoints_of_the_last_execution_are_shown():
    @wflo.track_agent_cost(agent_name="writer")
    def writes(text):
        wflo.checkpoint("draft", {"text": text})
        return ask(text)

    wrapped = wflo.wrap(writes, per_agent_budgets={"writer": 1})
    wrapped.execute_sync("x")

    line = wrapped.get_cost_breakdown_by_agent()["writer"]
    assert (line["cost_usd"], line["budget_usd"]) == (wrapped.cost_usd, 1)
    assert [each.name for each in wrapped.checkpoints()] == ["draft"]


def test_before_the_first_execution_nothing_was_spent():
    wrapped = wflo.wrap(plain)

    assert (wrapped.run_id, wrapped.cost_usd) == (None, 0)
    assert (wrapped.get_cost_breakdown_by_agent(), wrapped.checkpoints()) == ({}, [])


def test_what_runs_while_a_generator_is_paused_is_not_the_executions(seen):
    wrapped = wflo.wrap(generator)
    with wflo.WfloWorkflow("around"):
        stream = wrapped("x")
        next(stream)
        ask("between")
        list(stream)

    runs = [each.caller.run_id for each in seen.records if each.operation is Operation.CHAT]
    assert [each == wrapped.run_id for each in runs] == [True, False, True]


def test_in_a_workflow_executions_are_part_of_its_run(seen):
    with wflo.WfloWorkflow("report", per_agent_budgets={"writer": "0.165"}) as workflow:
        wrapped = workflow.wrap(wflo.track_agent_cost(agent_name="writer")(plain))
        wrapped.execute_sync("x")
        with pytest.raises(wflo.BudgetExceededError):
            wrapped.execute_sync("x")

    assert wrapped.run_id == workflow.run_id
    assert wrapped.cost_usd == workflow.cost_usd == Decimal("0.0035")


def test_a_workflow_without_a_block_runs_what_it_wraps():
    workflow = wflo.WfloWorkflow("report", budget_usd="0.167")

    workflow.wrap(plain).execute_sync("x")
    workflow.close()

    assert workflow.cost_usd == Decimal("0.0035")


def test_inside_another_run_an_execution_is_charged_to_both():
    with wflo.WfloWorkflow("around") as around:
        wrapped = wflo.wrap(plain)
        wrapped.execute_sync("x")

    assert wrapped.run_id != around.run_id
    assert around.cost_usd == wrapped.cost_usd == Decimal("0.0035")


def test_an_error_comes_out_as_itself_and_ends_the_run(seen):
    def fails():
        raise LookupError("it is away")

    with pytest.raises(LookupError, match="it is away"):
        wflo.wrap(fails).execute_sync()

    (ended,) = (each for each in seen.records if each.operation is Operation.INVOKE_WORKFLOW)
    assert ended.error_type == "LookupError"


def test_the_wrapped_shows_what_the_function_has():
    wrapped = wflo.wrap(plain)

    assert wrapped.inner is plain
    assert wrapped.__name__ == "plain"
    assert "__code__" in dir(wrapped)
    assert repr(wrapped) == f"Wrapped({plain!r})"
    assert copy.copy(wrapped).inner is plain
    with pytest.raises(AttributeError, match="absent"):
        _ = wrapped.absent
    with pytest.raises(AttributeError):
        wrapped.retries = 3


@pytest.mark.parametrize("target", [object(), 3, "text", None])
def test_what_cannot_be_wrapped_is_told_what_can(target):
    with pytest.raises(wflo.ConfigError, match=r"a \w+ cannot be wrapped; a compiled LangGraph"):
        wflo.wrap(target)
