"""The OpenAI Agents SDK, with its own hand-offs and its own limit."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import openai
from agents import Agent as SdkAgent
from agents import (
    FunctionTool,
    MaxTurnsExceeded,
    OpenAIResponsesModel,
    RunConfig,
    Runner,
    handoff,
)
from pydantic import BaseModel

from loops_corpus.domain import Tool
from loops_corpus.frameworks import Cast, Ending, hand_off_tool
from loops_corpus.stage import Stage


class Reason(BaseModel):
    """Why the work is handed over."""

    reason: str


def play(cast: Cast, stage: Stage, url: str) -> Ending:
    """Run the first agent."""
    return asyncio.run(_play(cast, stage, url))


async def _play(cast: Cast, stage: Stage, url: str) -> Ending:
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="key", max_retries=5) as client:
        model = OpenAIResponsesModel(cast.model, client)
        tools: list[Any] = [_tool(tool, stage) for tool in cast.tools]
        made = {
            each.name: SdkAgent(
                name=each.name, instructions=each.instructions, model=model, tools=tools
            )
            for each in cast.agents
        }
        for each in cast.agents:
            made[each.name].handoffs = [
                _hand_off(made[other.name], hand_off_tool(other)) for other in cast.hand_offs(each)
            ]
        config = RunConfig(tracing_disabled=True)
        first = made[cast.agents[0].name]
        try:
            await Runner.run(first, cast.task, max_turns=cast.limit, run_config=config)
        except MaxTurnsExceeded:
            return "limit"
    return "answer"


def _hand_off(agent: SdkAgent[Any], tool: Tool) -> Any:
    return handoff(
        agent,
        tool_name_override=tool.name,
        tool_description_override=tool.about,
        input_type=Reason,
        on_handoff=lambda _context, _reason: None,
    )


def _tool(tool: Tool, stage: Stage) -> FunctionTool:
    async def invoke(_: Any, arguments: str) -> str:
        return stage.answer(tool.name, json.loads(arguments))

    return FunctionTool(tool.name, tool.about, tool.schema, invoke, strict_json_schema=False)
