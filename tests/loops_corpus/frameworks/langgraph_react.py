"""LangGraph's prebuilt agent: a model, its tools, and the recursion limit."""

from __future__ import annotations

import warnings
from typing import Any

from langchain_core.messages import BaseMessage
from langchain_core.tools import BaseTool, StructuredTool
from langchain_openai import ChatOpenAI
from langgraph.errors import GraphRecursionError
from langgraph.prebuilt import create_react_agent

from loops_corpus.domain import Tool
from loops_corpus.frameworks import Cast, Ending
from loops_corpus.stage import Stage

#: What the prebuilt agent says instead of running into its limit.
_GAVE_UP = "Sorry, need more steps to process this request."


def play(cast: Cast, stage: Stage, url: str) -> Ending:
    """Run the agent; the first of the cast plays alone."""
    tools = [tool_of(tool, stage) for tool in cast.tools]
    (agent, *_) = cast.agents
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it has moved to a package that brings much more
        graph = create_react_agent(model_of(cast, url), tools, prompt=agent.instructions)
        said = run(graph, cast)
    if said is None or said[-1].content == _GAVE_UP:
        return "limit"
    return "answer"


def model_of(cast: Cast, url: str) -> ChatOpenAI:
    """The model behind a proxy."""
    return ChatOpenAI(
        model=cast.model,
        base_url=f"{url}/v1",
        api_key="key",
        max_retries=5,
        streaming=cast.streamed,
        stream_usage=cast.streamed,
    )


def tool_of(tool: Tool, stage: Stage) -> BaseTool:
    """A tool whose answer the script has."""

    def answer(**arguments: Any) -> str:
        return stage.answer(tool.name, arguments)

    return StructuredTool.from_function(
        answer, name=tool.name, description=tool.about, args_schema=tool.schema
    )


def run(graph: Any, cast: Cast) -> list[BaseMessage] | None:
    """Run a graph to its end, or to its limit: then there is nothing to return."""
    started = {"messages": [{"role": "user", "content": cast.task}]}
    try:
        return graph.invoke(started, {"recursion_limit": 2 * cast.limit})["messages"]
    except GraphRecursionError:
        return None
