"""A pydantic-ai agent over OpenAI's chat completions, with its own limit on requests."""

from __future__ import annotations

import asyncio
from typing import Any

import openai
from pydantic_ai import Agent as PydanticAgent
from pydantic_ai import Tool as PydanticTool
from pydantic_ai import UsageLimitExceeded
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.usage import UsageLimits

from loops_corpus.domain import Tool
from loops_corpus.frameworks import Cast, Ending
from loops_corpus.stage import Stage


def play(cast: Cast, stage: Stage, url: str) -> Ending:
    """Run the agent; the first of the cast plays alone."""
    return asyncio.run(_play(cast, stage, url))


async def _play(cast: Cast, stage: Stage, url: str) -> Ending:
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="key", max_retries=5) as client:
        agent = PydanticAgent(
            OpenAIChatModel(cast.model, provider=OpenAIProvider(openai_client=client)),
            instructions=cast.agents[0].instructions,
            tools=[_tool(tool, stage) for tool in cast.tools],
        )
        try:
            await agent.run(cast.task, usage_limits=UsageLimits(request_limit=cast.limit))
        except UsageLimitExceeded:
            return "limit"
    return "answer"


def _tool(tool: Tool, stage: Stage) -> PydanticTool:
    async def answer(**arguments: Any) -> str:
        return stage.answer(tool.name, arguments)

    return PydanticTool.from_schema(answer, tool.name, tool.about, tool.schema)
