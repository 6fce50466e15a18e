"""LangGraph graphs that know nothing of us: their nodes are steps, their agents agents."""

import operator
from typing import Annotated, TypedDict

import pytest

pytest.importorskip("langgraph", reason="langgraph is not installed in this environment")

from langchain_openai import ChatOpenAI
from langgraph.graph import END, START, StateGraph
from langgraph.types import RetryPolicy, Send

from wflo_otel.bootstrap import configure, shutdown
from wflo_otel.core.attribution import by_agent, by_step
from wflo_otel.core.money import to_usd
from wflo_otel.errors import BudgetExceededError
from wflo_otel.integrations import langgraph as integration
from wflo_otel.testing import Reply


class State(TypedDict):
    text: Annotated[list[str], operator.add]


@pytest.fixture
def model(wflo_provider, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    monkeypatch.setenv("OPENAI_BASE_URL", wflo_provider.openai_url)
    wflo_provider.default = Reply(input_tokens=1_000, output_tokens=50)
    return ChatOpenAI(model="gpt-4o-mini")


def graph_of(**nodes):
    graph = StateGraph(State)
    previous = START
    for name, node in nodes.items():
        graph.add_node(name, node)
        graph.add_edge(previous, name)
        previous = name
    graph.add_edge(previous, END)
    return graph.compile()


def asks(model):
    def node(state):
        return {"text": [model.invoke("go on").content]}

    return node


def asks_async(model):
    async def node(state):
        return {"text": [(await model.ainvoke("go on")).content]}

    return node


def records(configured):
    return configured.store.records(configured.run.run_id)


def test_each_node_has_its_cost_and_together_they_are_the_bill(model, wflo_provider):
    configured = configure()

    graph_of(plan=asks(model), write=asks(model)).invoke({"text": []})

    lines = by_step(records(configured))
    assert {name: line.calls for name, line in lines.items()} == {"plan": 1, "write": 1}
    assert to_usd(sum(line.cost for line in lines.values())) == wflo_provider.bill.total_usd


async def test_async_and_sync_nodes_of_an_async_run_are_told_apart(model):
    configured = configure()

    await graph_of(plan=asks(model), write=asks_async(model)).ainvoke({"text": []})

    assert set(by_step(records(configured))) == {"plan", "write"}


def test_parallel_branches_are_told_apart(model):
    configured = configure()
    graph = StateGraph(State)
    graph.add_node("left", asks(model))
    graph.add_node("right", asks(model))
    graph.add_conditional_edges(START, lambda state: [Send("left", state), Send("right", state)])

    graph.compile().invoke({"text": []})

    assert {name: line.calls for name, line in by_step(records(configured)).items()} == {
        "left": 1,
        "right": 1,
    }


def test_a_named_agent_is_the_agent_of_its_nodes(model):
    configured = configure()
    agent = graph_of(model=asks(model)).with_config(metadata={"lc_agent_name": "researcher"})

    agent.invoke({"text": []})

    assert set(by_agent(records(configured))) == {"researcher"}


@pytest.mark.parametrize("retried", [False, True])
def test_a_stop_leaves_the_graph_unwrapped_and_is_not_retried(model, wflo_provider, retried):
    configure(budget_usd="0.000001")
    graph = StateGraph(State)
    graph.add_node("plan", asks(model), retry_policy=RetryPolicy() if retried else None)
    graph.add_edge(START, "plan")

    with pytest.raises(BudgetExceededError):
        graph.compile().invoke({"text": []})

    assert wflo_provider.requests == []


def test_without_a_configuration_a_graph_runs_as_ever(model, wflo_provider):
    configure()
    shutdown()

    graph_of(plan=asks(model)).invoke({"text": []})

    assert len(wflo_provider.requests) == 1


def test_installing_twice_wraps_once():
    from langgraph.pregel import _runner

    configure()
    guarded = _runner.run_with_retry

    integration.install(_runner)

    assert _runner.run_with_retry is guarded
