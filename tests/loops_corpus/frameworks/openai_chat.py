"""A bare loop over OpenAI's chat completions, as programs without a framework write it."""

from __future__ import annotations

import json
from typing import Any

import openai

from loops_corpus.domain import Agent, Tool
from loops_corpus.frameworks import Cast, Ending, hand_off_tool, receiver
from loops_corpus.stage import Stage


def play(cast: Cast, stage: Stage, url: str) -> Ending:
    """Run the loop."""
    agent = cast.agents[0]
    messages: list[Any] = [{"role": "user", "content": cast.task}]
    with openai.OpenAI(base_url=f"{url}/v1", api_key="key", max_retries=5) as client:
        for _ in range(cast.limit):
            said = _ask(client, cast, agent, messages)
            messages.append(said)
            if not said.get("tool_calls"):
                return "answer"
            for call in said["tool_calls"]:
                messages.append(_result(stage, call))
                agent = receiver(cast, call["function"]["name"]) or agent
    return "limit"


def _ask(client: openai.OpenAI, cast: Cast, agent: Agent, messages: list[Any]) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "model": cast.model,
        "messages": [{"role": "system", "content": agent.instructions}, *messages],
        "tools": [_described(tool) for tool in _tools(cast, agent)],
    }
    if not cast.streamed:
        said = client.chat.completions.create(**asked).choices[0].message
        return said.model_dump(exclude_none=True, exclude={"annotations"})
    with client.chat.completions.stream(**asked, stream_options={"include_usage": True}) as stream:
        final = stream.get_final_completion().choices[0].message
    return final.model_dump(exclude_none=True, include={"role", "content", "tool_calls"})


def _tools(cast: Cast, agent: Agent) -> list[Tool]:
    return [*cast.tools, *(hand_off_tool(each) for each in cast.hand_offs(agent))]


def _described(tool: Tool) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.about, "parameters": tool.schema}
    return {"type": "function", "function": function}


def _result(stage: Stage, call: dict[str, Any]) -> dict[str, Any]:
    function = call["function"]
    answer = stage.answer(function["name"], json.loads(function["arguments"]))
    return {"role": "tool", "tool_call_id": call["id"], "content": answer}
