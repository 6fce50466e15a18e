"""LangGraph graphs that are wrapped: every way to run them is a run of its own."""

import operator
from typing import Annotated, TypedDict

import pytest

pytest.importorskip("langgraph", reason="langgraph is not installed in this environment")

from langchain_core.runnables import RunnableLambda
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph

import wflo_otel as wflo
from wflo_otel.bootstrap import configure
from wflo_otel.core.policy import After, Checkpoints, Policy
from wflo_otel.testing import Reply


class State(TypedDict):
    text: Annotated[list[str], operator.add]


async def listed(stream):
    return [each async for each in stream]


#: Every way to run a graph, on one input.
WAYS = {
    "invoke": lambda graph, given: graph.invoke(given),
    "stream": lambda graph, given: list(graph.stream(given)),
    "batch": lambda graph, given: graph.batch([given]),
    "batch_as_completed": lambda graph, given: list(graph.batch_as_completed([given])),
    "transform": lambda graph, given: list(graph.transform(iter([given]))),
    "execute_sync": lambda graph, given: graph.execute_sync(given),
}
ASYNC_WAYS = {
    "ainvoke": lambda graph, given: graph.ainvoke(given),
    "astream": lambda graph, given: listed(graph.astream(given)),
    "abatch": lambda graph, given: graph.abatch([given]),
    "abatch_as_completed": lambda graph, given: listed(graph.abatch_as_completed([given])),
    "astream_events": lambda graph, given: listed(graph.astream_events(given, version="v2")),
    "execute": lambda graph, given: graph.execute(given),
}


@pytest.fixture
def model(wflo_provider, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    monkeypatch.setenv("OPENAI_BASE_URL", wflo_provider.openai_url)
    wflo_provider.default = Reply(input_tokens=1_000, output_tokens=50)
    return ChatOpenAI(model="gpt-4o-mini")


@pytest.fixture
def workflow(model):
    configure()

    def node(state):
        return {"text": [model.invoke("go on").content]}

    graph = StateGraph(State)
    graph.add_node("plan", node)
    graph.add_node("write", node)
    graph.add_edge(START, "plan")
    graph.add_edge("plan", "write")
    return graph.compile(name="report")


async def test_the_snippet_of_wrap_runs_as_it_stands(workflow, wflo_provider):
    def create_langgraph_workflow():
        return workflow

    workflow = create_langgraph_workflow()
    wflo_workflow = wflo.wrap(workflow)
    result = await wflo_workflow.execute()

    assert len(result["text"]) == 2
    assert wflo_workflow.cost_usd == wflo_provider.bill.total_usd > 0


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_run_a_graph_is_a_run(workflow, wflo_provider, way):
    wrapped = wflo.wrap(workflow)

    given = WAYS[way](wrapped, {"text": []})

    assert given
    assert wrapped.cost_usd == wflo_provider.bill.total_usd > 0


@pytest.mark.parametrize("way", ASYNC_WAYS)
async def test_every_way_to_await_a_graph_is_a_run(workflow, wflo_provider, way):
    wrapped = wflo.wrap(workflow)

    given = await ASYNC_WAYS[way](wrapped, {"text": []})

    assert given
    assert wrapped.cost_usd == wflo_provider.bill.total_usd > 0


def test_wrapped_or_not_a_graph_answers_the_same(workflow):
    assert wflo.wrap(workflow).invoke({"text": []}) == workflow.invoke({"text": []})


def test_the_graphs_other_methods_are_there(workflow):
    wrapped = wflo.wrap(workflow)

    assert wrapped.get_graph().nodes.keys() == workflow.get_graph().nodes.keys()
    assert wrapped.inner is workflow


def test_a_budget_stops_the_graph_between_its_nodes(workflow, wflo_provider):
    wrapped = wflo.wrap(workflow, budget_usd="0.0002")

    with pytest.raises(wflo.BudgetExceededError):
        wrapped.invoke({"text": []})

    assert len(wflo_provider.requests) == 1


async def test_streams_that_run_out_of_sight_are_refused(workflow):
    wrapped = wflo.wrap(workflow)

    with pytest.raises(wflo.ConfigError, match=r"astream_events\(version='v3'\)"):
        await listed(wrapped.astream_events({"text": []}, version="v3"))
    with pytest.raises(wflo.ConfigError, match=r"stream_events\(version='v3'\)"):
        list(wrapped.stream_events({"text": []}, version="v3"))


async def test_a_workflow_wraps_a_graph_as_its_own_part(workflow, wflo_provider):
    async with wflo.WfloWorkflow("day") as day:
        await day.wrap(workflow).ainvoke({"text": []})

    assert day.cost_usd == wflo_provider.bill.total_usd > 0


def test_any_runnable_of_langchain_is_wrapped(model, wflo_provider):
    configure()
    wrapped = wflo.wrap(RunnableLambda(lambda text: model.invoke(text).content))

    assert wrapped.invoke("go on")
    assert wrapped.cost_usd == wflo_provider.bill.total_usd > 0


def test_a_graph_that_was_not_compiled_is_told_so():
    with pytest.raises(wflo.ConfigError, match="a StateGraph cannot be wrapped; a compiled"):
        wflo.wrap(StateGraph(State))


def test_after_a_stop_a_graph_goes_on_from_its_last_node_and_pays_it_once(model, wflo_provider):
    configure(Policy(checkpoints=Checkpoints(after=(After.NODE,))))

    def node(state):
        return {"text": [model.invoke("go on").content]}

    graph = StateGraph(State)
    graph.add_sequence([("plan", node), ("write", node)])
    graph.add_edge(START, "plan")
    program = graph.compile(checkpointer=InMemorySaver())
    thread = {"configurable": {"thread_id": "t"}}
    first = wflo.wrap(program, budget_usd="0.0002")
    with pytest.raises(wflo.BudgetExceededError) as stopped:
        first.invoke({"text": []}, thread, durability="sync")

    second = wflo.wrap(program, budget_usd=1)
    assert len(second.invoke(None, thread)["text"]) == 2

    assert len(wflo_provider.requests) == 2
    assert first.cost_usd + second.cost_usd == wflo_provider.bill.total_usd
    assert first.checkpoints()[-1].checkpoint_id == stopped.value.checkpoint
    assert [each.name for each in first.checkpoints()][-2:] == ["plan", "step 1"]
