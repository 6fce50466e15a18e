"""A bare loop over OpenAI's Responses, which keeps the history on the server."""

from __future__ import annotations

import json
from typing import Any

import openai

from loops_corpus.domain import Agent, Tool
from loops_corpus.frameworks import Cast, Ending, hand_off_tool, receiver
from loops_corpus.stage import Stage


def play(cast: Cast, stage: Stage, url: str) -> Ending:
    """Run the loop; each request carries only what is new."""
    agent = cast.agents[0]
    new: list[Any] = [{"role": "user", "content": cast.task}]
    previous: str | None = None
    with openai.OpenAI(base_url=f"{url}/v1", api_key="key", max_retries=5) as client:
        for _ in range(cast.limit):
            said = _ask(client, cast, agent, new, previous)
            calls = [each for each in said.output if each.type == "function_call"]
            if not calls:
                return "answer"
            previous, new = said.id, [_result(stage, call) for call in calls]
            agent = receiver(cast, calls[-1].name) or agent
    return "limit"


def _ask(
    client: openai.OpenAI, cast: Cast, agent: Agent, new: list[Any], previous: str | None
) -> Any:
    asked: dict[str, Any] = {
        "model": cast.model,
        "instructions": agent.instructions,
        "input": new,
        "tools": [_described(tool) for tool in cast.tools]
        + [_described(hand_off_tool(each)) for each in cast.hand_offs(agent)],
    }
    if previous is not None:
        asked["previous_response_id"] = previous
    if not cast.streamed:
        return client.responses.create(**asked)
    for event in client.responses.create(**asked, stream=True):
        if event.type == "response.completed":
            said = event.response
    return said


def _described(tool: Tool) -> dict[str, Any]:
    described = {"name": tool.name, "description": tool.about, "parameters": tool.schema}
    return {"type": "function", "strict": False, **described}


def _result(stage: Stage, call: Any) -> dict[str, Any]:
    answer = stage.answer(call.name, json.loads(call.arguments))
    return {"type": "function_call_output", "call_id": call.call_id, "output": answer}
