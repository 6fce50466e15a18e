"""A workflow is a run: its budget holds, its agents are told apart, its states are kept."""

from __future__ import annotations

import asyncio
import gc
import threading
from decimal import Decimal

import pytest
from opentelemetry import trace

from decorated import watch
from wflo_otel import bootstrap
from wflo_otel.context import current_caller, runs
from wflo_otel.core.call import Operation, Status
from wflo_otel.core.policy import Budget, Budgets
from wflo_otel.core.scope import agent_key, run_key
from wflo_otel.decorators import (
    checkpoint,
    record_usage,
    track_agent_cost,
    track_llm_call,
    track_tool_call,
)
from wflo_otel.errors import BudgetExceededError, CheckpointNotFoundError, ConfigError
from wflo_otel.testing import FakeClock
from wflo_otel.workflow import WfloWorkflow, _close_all

#: 1,000 input and 100 output tokens of gpt-4o.
COST = Decimal("0.0035")


@track_llm_call(model="gpt-4o")
def ask():
    record_usage(input_tokens=1000, output_tokens=100)


@track_llm_call(model="gpt-4o")
async def ask_async():
    await asyncio.sleep(0)
    record_usage(input_tokens=1000, output_tokens=100)


def test_calls_in_a_block_are_charged_to_its_run_and_to_the_one_around_it():
    seen = watch()

    with WfloWorkflow("report") as workflow:
        ask()

    assert workflow.cost_usd == COST
    assert seen.ledger(run_key(workflow.run_id)).settled.usd == 3_500_000
    assert seen.ledger().settled.usd == 3_500_000


def test_calls_after_a_block_are_not_charged_to_it():
    watch()

    with WfloWorkflow() as workflow:
        ask()
    ask()

    assert workflow.cost_usd == COST
    assert current_caller().run_id != workflow.run_id


def test_the_budget_of_a_workflow_stops_its_run_only():
    watch()

    with WfloWorkflow("report", budget_usd=0) as workflow:
        with pytest.raises(BudgetExceededError) as raised:
            ask()
        with pytest.raises(BudgetExceededError, match="is stopped"):
            ask()
    ask()

    assert raised.value.scope == run_key(workflow.run_id)


def test_a_token_budget_holds():
    watch()

    with WfloWorkflow(tokens=0), pytest.raises(BudgetExceededError) as raised:
        ask()

    assert raised.value.unit == "tokens"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"budget_usd": "much"}, r"^budget_usd: 'much'"),
        ({"budget_usd": -1}, r"^budget_usd: -1"),
        ({"per_agent_budgets": {"writer": "x"}}, r"^per_agent_budgets\['writer'\]: 'x'"),
        ({"tokens": 1.5}, r"^tokens: 1\.5"),
        ({"tokens": -1}, r"^tokens: -1"),
    ],
)
def test_a_bad_number_is_refused_by_the_name_of_its_argument(options, message):
    with pytest.raises(ConfigError, match=message):
        WfloWorkflow(**options)


def test_an_agent_may_be_named_without_a_budget():
    watch()

    with WfloWorkflow(per_agent_budgets={"writer": None}) as workflow, workflow.agent("writer"):
        ask()

    assert workflow.get_cost_breakdown_by_agent()["writer"]["budget_usd"] is None


def test_the_span_of_a_workflow_holds_those_of_its_calls():
    seen = watch()

    with WfloWorkflow("report"):
        ask()

    workflow, chat = seen.span("invoke_workflow report"), seen.span("chat gpt-4o")
    assert chat.parent.span_id == workflow.context.span_id
    assert not trace.get_current_span().get_span_context().is_valid


def test_a_workflow_that_fails_says_so_and_lets_the_error_out():
    seen = watch()

    with pytest.raises(ValueError, match="bad"), WfloWorkflow("report"):
        raise ValueError("bad")

    record = seen.record
    assert (record.operation, record.status) == (Operation.INVOKE_WORKFLOW, Status.ERROR)
    (run,) = [run for run in seen.configuration.store.runs() if run.name == "report"]
    assert run.ended_at is not None
    assert run.parent == seen.run_id


async def test_an_asynchronous_block_is_a_run_too():
    watch()

    async with WfloWorkflow("report", budget_usd=1) as workflow:
        async with workflow.agent("writer"):
            await ask_async()
        kept = await workflow.checkpoint("draft", {"n": 1})

    assert workflow.get_cost_breakdown_by_agent()["writer"]["cost_usd"] == COST
    assert workflow.checkpoints() == [kept]


def test_the_breakdown_shows_each_agent_and_sums_to_the_run():
    watch()

    @track_tool_call
    def search():
        ask()

    @track_agent_cost(agent_name="writer", budget_usd=1)
    def write():
        search()
        search()

    budgets = {"researcher": 2.00, "editor": 1.50, "*": 9}
    with WfloWorkflow(budget_usd=10.00, per_agent_budgets=budgets) as workflow:
        with workflow.agent("researcher"):
            ask()
            with pytest.raises(ValueError, match="bad"):
                track_llm_call(model="gpt-4o", prompt=_bad)(ask)()
        write()
        ask()

    found = workflow.get_cost_breakdown_by_agent()
    assert list(found) == ["researcher", "editor", "writer", "-"]
    assert sum(each["cost_usd"] for each in found.values()) == workflow.cost_usd == 4 * COST
    assert found["editor"]["calls"] == 0
    assert found["editor"]["remaining_usd"] == Decimal("1.5")
    assert found["researcher"]["budget_usd"] == 2
    assert found["researcher"]["remaining_usd"] == 2 - COST
    assert found["writer"]["budget_usd"] == 1
    assert found["writer"]["tools"] == {"search": 2}
    assert (found["writer"]["calls"], found["writer"]["errors"]) == (2, 0)
    assert (found["writer"]["input_tokens"], found["writer"]["output_tokens"]) == (2000, 200)
    assert found["writer"]["models"] == ["gpt-4o"]
    assert found["-"]["budget_usd"] is None


def _bad(*_):
    raise ValueError("bad")


def test_an_agents_time_is_that_of_its_invocations():
    clock = FakeClock()
    watch(clock=clock)

    with WfloWorkflow() as workflow, workflow.agent("writer"):
        clock.advance(2)
        ask()
        clock.advance(3)

    assert workflow.get_cost_breakdown_by_agent()["writer"]["duration_s"] == 5


def test_a_policys_budget_for_an_agent_is_shown_where_it_is_the_tightest():
    watch(budgets=Budgets(agents={"writer": Budget(usd=10**9)}))

    with WfloWorkflow(per_agent_budgets={"writer": 5}) as workflow:
        pass

    assert workflow.get_cost_breakdown_by_agent()["writer"]["budget_usd"] == 1


def test_an_agents_budget_is_given_by_the_block():
    watch()

    with (
        WfloWorkflow() as workflow,
        workflow.agent("writer", budget_usd=0),
        pytest.raises(BudgetExceededError) as raised,
    ):
        ask()

    assert raised.value.scope == agent_key(workflow.run_id, "writer")


def test_an_agents_budget_from_code_is_shown_also_with_a_state_on_disk(tmp_path):
    bootstrap.configure(state=f"sqlite:///{tmp_path}/state.db")

    with WfloWorkflow() as workflow:
        with workflow.agent("writer", budget_usd=2):
            ask()
        shown = workflow.get_cost_breakdown_by_agent()["writer"]

    assert shown["budget_usd"] == 2
    assert shown["remaining_usd"] == 2 - shown["cost_usd"]


def test_an_agent_block_that_fails_is_recorded_so():
    seen = watch()

    with pytest.raises(KeyError), WfloWorkflow() as workflow, workflow.agent("writer"):
        raise KeyError

    agent, _ = seen.records
    assert (agent.operation, agent.error_type) == (Operation.INVOKE_AGENT, "KeyError")


def test_a_workflow_without_a_block_takes_the_calls_that_belong_to_no_other():
    seen = watch()
    workflow = WfloWorkflow("report", budget_usd=10.00)

    @track_agent_cost(agent_name="researcher")
    def research():
        ask()

    research()

    assert workflow.get_cost_breakdown_by_agent()["researcher"]["cost_usd"] == COST
    assert seen.cost_usd == COST
    assert [run.name for run in seen.configuration.store.runs() if run.parent] == ["report"]
    workflow.close()
    research()
    assert workflow.cost_usd == COST


def test_of_two_workflows_without_a_block_neither_takes_the_calls():
    watch()
    one, two = WfloWorkflow("one"), WfloWorkflow("two")

    ask()

    assert one.cost_usd == two.cost_usd == 0
    one.close()
    ask()
    assert two.cost_usd == COST
    two.close()


def test_a_workflow_that_nobody_holds_takes_no_calls():
    seen = watch()
    workflow = WfloWorkflow("gone", budget_usd=0)
    del workflow
    gc.collect()

    ask()

    assert seen.record.caller.workflow != "gone"


def test_a_workflow_that_nobody_holds_any_more_while_a_run_is_used_is_ignored():
    watch()
    workflow = WfloWorkflow()
    run = workflow._run
    del workflow
    gc.collect()

    assert current_caller().run_id == run.run_id
    runs.withdraw(run)


def test_a_workflow_without_a_block_closes_its_run():
    seen = watch()
    workflow = WfloWorkflow("report")
    workflow.checkpoint("draft", 1)

    asyncio.run(workflow.aclose())
    workflow.close()

    (run,) = [run for run in seen.configuration.store.runs() if run.name == "report"]
    assert run.ended_at is not None
    assert len(workflow.checkpoints()) == 1


def test_open_workflows_are_closed_with_the_process():
    seen = watch()
    workflow = WfloWorkflow("report")
    workflow.checkpoint("draft", 1)

    _close_all()

    (run,) = [run for run in seen.configuration.store.runs() if run.name == "report"]
    assert run.ended_at is not None


def test_a_workflow_that_was_never_used_closes_quietly():
    seen = watch()

    WfloWorkflow("unused").close()

    assert [run.name for run in seen.configuration.store.runs() if run.name == "unused"] == []


def test_a_workflow_goes_on_after_a_new_configuration():
    watch()
    workflow = WfloWorkflow("report")
    workflow.checkpoint("draft", 1)

    seen = watch()
    ask()

    assert workflow.cost_usd == COST
    assert "report" in [run.name for run in seen.configuration.store.runs()]
    workflow.close()


def test_each_block_is_a_run_of_its_own():
    watch()
    workflow = WfloWorkflow()

    with workflow:
        ask()
        first = workflow.run_id
    with workflow:
        second = workflow.run_id

    assert first != second
    assert workflow.cost_usd == 0


def test_a_run_is_joined_by_its_id():
    watch()

    for _ in range(2):
        with WfloWorkflow(run_id="shared", budget_usd=1) as workflow:
            ask()

    assert workflow.run_id == "shared"
    assert workflow.cost_usd == 2 * COST


def test_a_workflow_is_open_once_at_a_time():
    watch()

    with (
        WfloWorkflow() as workflow,
        pytest.raises(ConfigError, match="open already"),
        workflow,
    ):
        pass


def test_a_workflow_inside_another_is_charged_to_both():
    watch()

    with WfloWorkflow("outer", budget_usd=1) as outer, outer.agent("boss"):
        with WfloWorkflow("inner", budget_usd=1) as inner:
            ask()
        ask()

    assert inner.cost_usd == COST
    assert outer.cost_usd == 2 * COST
    assert outer.name == "outer"
    assert WfloWorkflow().name is None


def test_a_threads_calls_belong_to_the_run_it_was_started_in():
    watch()

    with WfloWorkflow() as workflow:
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()

    assert workflow.cost_usd == COST


async def test_workflows_in_tasks_are_told_apart():
    watch()

    async def one(calls):
        async with WfloWorkflow() as workflow:
            await asyncio.gather(*(ask_async() for _ in range(calls)))
        return workflow.cost_usd

    assert await asyncio.gather(*map(one, range(5))) == [calls * COST for calls in range(5)]


async def test_fifty_tasks_stay_within_the_budget_of_a_workflow():
    watch()

    @track_llm_call(model="gpt-4o")
    async def large():
        await asyncio.sleep(0.001)
        record_usage(input_tokens=1000, output_tokens=10_000)

    async with WfloWorkflow(budget_usd=1.00) as workflow:
        ended = await asyncio.gather(*(large() for _ in range(50)), return_exceptions=True)

    assert ended.count(None) == 9
    assert workflow.cost_usd == Decimal("0.9225")


def test_a_stream_that_was_left_is_charged_when_the_cost_is_asked_for():
    watch()

    @track_llm_call(model="gpt-4o")
    def talk():
        yield "word " * 100
        yield "word " * 100

    with WfloWorkflow() as workflow:
        for _ in talk():
            break
        assert workflow.cost_usd > 0


def test_a_checkpoint_in_an_agents_block_names_the_agent():
    watch()

    with WfloWorkflow() as workflow:
        with workflow.agent("writer"):
            workflow.checkpoint("inside", 1)
        workflow.checkpoint("outside", {"n": (1, 2)})

    inside, outside = workflow.checkpoints()
    assert (inside.agent, outside.agent) == ("writer", None)
    assert outside.parent == inside.checkpoint_id
    assert workflow.load(outside.checkpoint_id) == {"n": (1, 2)}


def test_a_checkpoint_of_an_outer_workflow_is_saved_in_its_run():
    watch()

    with WfloWorkflow("outer") as outer, WfloWorkflow("inner"):
        outer.checkpoint("draft", 1)
        checkpoint("other", 2)

    assert [each.name for each in outer.checkpoints()] == ["draft"]


def test_a_checkpoint_that_is_not_there_is_named():
    watch()

    with WfloWorkflow() as workflow, pytest.raises(CheckpointNotFoundError, match="no checkpoint"):
        workflow.load("none")


def test_a_workflow_configures_what_nobody_has():
    bootstrap.shutdown()

    with WfloWorkflow("report") as workflow:
        ask()

    assert workflow.cost_usd == COST
