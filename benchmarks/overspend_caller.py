"""One process of :mod:`overspend`: callers that go on until the budget stops them."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TypedDict

import openai

from wflo_otel.bootstrap import configure
from wflo_otel.errors import BudgetExceededError


class Told(TypedDict):
    """What the other side says on the command line."""

    url: str
    callers: int
    model: str
    cap: int | None


async def call_until_stopped(client: openai.AsyncOpenAI, told: Told) -> None:
    """Call again and again; the budget ends it."""
    cap = openai.omit if told["cap"] is None else told["cap"]
    while True:
        try:
            await client.chat.completions.create(
                model=told["model"],
                messages=[{"role": "user", "content": "Write a page."}],
                max_tokens=cap,
            )
        except BudgetExceededError:
            return


async def main(told: Told) -> None:
    """Run all callers of this process."""
    async with openai.AsyncOpenAI(base_url=told["url"], api_key="key", max_retries=0) as client:
        await asyncio.gather(*[call_until_stopped(client, told) for _ in range(told["callers"])])


if __name__ == "__main__":
    configure()
    asyncio.run(main(json.loads(sys.argv[1])))
