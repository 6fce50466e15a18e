"""A LangGraph state graph with a node for each agent, who hand the work to each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from langchain_core.messages import SystemMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

from loops_corpus.domain import Agent
from loops_corpus.frameworks import Cast, Ending, hand_off_tool, receiver
from loops_corpus.frameworks.langgraph_react import model_of, run, tool_of
from loops_corpus.stage import Stage


def play(cast: Cast, stage: Stage, url: str) -> Ending:
    """Run the graph, beginning with the first agent."""
    graph = StateGraph(MessagesState)
    for agent in cast.agents:
        tools = [tool_of(tool, stage) for tool in cast.tools]
        tools += [tool_of(hand_off_tool(each), stage) for each in cast.hand_offs(agent)]
        graph.add_node(agent.name, _asks(cast, agent, url, tools))
        graph.add_node(_tools_of(agent), ToolNode(tools))
        graph.add_conditional_edges(agent.name, _goes_on(agent), [_tools_of(agent), END])
        names = [each.name for each in cast.agents]
        graph.add_conditional_edges(_tools_of(agent), _goes_to(cast, agent), names)
    graph.add_edge(START, cast.agents[0].name)
    return "limit" if run(graph.compile(), cast) is None else "answer"


def _tools_of(agent: Agent) -> str:
    return f"{agent.name}_tools"


def _asks(cast: Cast, agent: Agent, url: str, tools: list[Any]) -> Callable[[Any], Any]:
    model = model_of(cast, url).bind_tools(tools)

    def node(state: MessagesState) -> dict[str, Any]:
        return {"messages": [model.invoke([SystemMessage(agent.instructions), *state["messages"]])]}

    return node


def _goes_on(agent: Agent) -> Callable[[Any], str]:
    return lambda state: _tools_of(agent) if state["messages"][-1].tool_calls else END


def _goes_to(cast: Cast, agent: Agent) -> Callable[[Any], str]:
    def edge(state: MessagesState) -> str:
        return (receiver(cast, str(state["messages"][-1].name)) or agent).name

    return edge
