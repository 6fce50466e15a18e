"""OpenAI's and Anthropic's SDK, sync and async, as one function each that asks and may retry."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import anthropic
import openai
import pytest

from sdk_paths import (
    CLAUDE,
    HELLO,
    OPENAI_MODEL,
    claude_async,
    claude_client,
    openai_async,
    openai_client,
)


@dataclass(frozen=True)
class Sdk:
    """One way to ask, with the SDK's own retries switched off unless said."""

    name: str
    ask: Callable[..., Any]
    rate_limited: type[Exception]


def _ask(client_of, send):
    def ask(provider, max_retries=0, **more):
        with client_of(provider, max_retries=max_retries) as client:
            return send(client, **more)

    return ask


def _ask_async(client_of, send):
    async def ask(provider, max_retries=0, **more):
        async with client_of(provider, max_retries=max_retries) as client:
            return await send(client, **more)

    return ask


def chat(client, **more):
    return client.chat.completions.create(model=OPENAI_MODEL, messages=HELLO, **more)


def message(client, **more):
    return client.messages.create(model=CLAUDE, messages=HELLO, max_tokens=100, **more)


SDKS = [
    Sdk("openai", _ask(openai_client, chat), openai.RateLimitError),
    Sdk("openai async", _ask_async(openai_async, chat), openai.RateLimitError),
    Sdk("anthropic", _ask(claude_client, message), anthropic.RateLimitError),
    Sdk("anthropic async", _ask_async(claude_async, message), anthropic.RateLimitError),
]
of_each_sdk = pytest.mark.parametrize("sdk", SDKS, ids=lambda sdk: sdk.name)


def called(fn, *args, **kwargs):
    value = fn(*args, **kwargs)
    return asyncio.run(value) if asyncio.iscoroutine(value) else value
