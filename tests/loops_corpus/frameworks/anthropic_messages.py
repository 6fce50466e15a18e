"""A bare loop over Anthropic's messages."""

from __future__ import annotations

from typing import Any

import anthropic

from loops_corpus.domain import Agent, Tool
from loops_corpus.frameworks import Cast, Ending, hand_off_tool, receiver
from loops_corpus.stage import Stage


def play(cast: Cast, stage: Stage, url: str) -> Ending:
    """Run the loop."""
    agent = cast.agents[0]
    messages: list[Any] = [{"role": "user", "content": cast.task}]
    with anthropic.Anthropic(base_url=url, api_key="key", max_retries=5) as client:
        for _ in range(cast.limit):
            said = _ask(client, cast, agent, messages)
            uses = [block for block in said.content if block.type == "tool_use"]
            if not uses:
                return "answer"
            messages.append({"role": "assistant", "content": said.content})
            messages.append({"role": "user", "content": [_result(stage, use) for use in uses]})
            agent = receiver(cast, uses[-1].name) or agent
    return "limit"


def _ask(client: anthropic.Anthropic, cast: Cast, agent: Agent, messages: list[Any]) -> Any:
    asked: dict[str, Any] = {
        "model": cast.model,
        "max_tokens": 4_096,
        "system": agent.instructions,
        "messages": messages,
        "tools": [_described(tool) for tool in cast.tools]
        + [_described(hand_off_tool(each)) for each in cast.hand_offs(agent)],
    }
    if not cast.streamed:
        return client.messages.create(**asked)
    with client.messages.stream(**asked) as stream:
        return stream.get_final_message()


def _described(tool: Tool) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.about, "input_schema": tool.schema}


def _result(stage: Stage, use: Any) -> dict[str, Any]:
    answer = stage.answer(use.name, use.input)
    return {"type": "tool_result", "tool_use_id": use.id, "content": answer}
