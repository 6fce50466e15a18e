"""Probes of HTTP clients: a chat completion, sent by hand."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

from wflo_otel.cli.probes import Ways

#: What is asked everywhere.
CHAT: Final[dict[str, Any]] = {
    "model": "gpt-4o",
    "messages": [{"role": "user", "content": "Say hello"}],
}


def httpx() -> Ways:
    """``httpx``."""
    return _of_its_shape("httpx")


def httpx2() -> Ways:
    """``httpx2``."""
    return _of_its_shape("httpx2")


def _of_its_shape(name: str) -> Ways:
    library = import_module(name)

    async def awaited(url: str) -> None:
        async with library.AsyncClient() as client:
            await client.post(where(url), json=CHAT)

    def stream(url: str) -> None:
        with library.stream("POST", where(url), json=CHAT | {"stream": True}) as response:
            response.read()

    return {
        "sync": lambda url: library.post(where(url), json=CHAT),
        "async": awaited,
        "stream": stream,
    }


def aiohttp() -> Ways:
    """``aiohttp``."""
    library = import_module("aiohttp")

    async def send(url: str, body: Mapping[str, Any]) -> None:
        async with library.ClientSession() as client, client.post(where(url), json=body) as got:
            await got.read()

    return {
        "async": lambda url: send(url, CHAT),
        "stream": lambda url: send(url, CHAT | {"stream": True}),
    }


def where(url: str) -> str:
    """The address of OpenAI's chat completions at a provider."""
    return f"{url}/v1/chat/completions"
