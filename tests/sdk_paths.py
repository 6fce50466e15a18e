"""Every way in which the SDKs send a paid request, each as one function of a provider's URLs.

A path runs to its end and returns nothing; an asynchronous one runs its own loop.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

import anthropic
import openai
from pydantic import BaseModel

from wflo_otel.testing import ScriptedProvider

HELLO = [{"role": "user", "content": "Say hello to the world"}]
OPENAI_MODEL, CLAUDE, EMBEDDING = "gpt-4o", "claude-haiku-4-5", "text-embedding-3-small"


class Empty(BaseModel):
    """What a parsed answer is read into."""


@dataclass(frozen=True)
class Path:
    """One way to send a request."""

    name: str
    run: Callable[[ScriptedProvider], None]
    #: The reply's text, where the SDK reads it.
    text: str = "hello world"
    base: str = "openai"


def openai_client(provider, **options):
    return openai.OpenAI(base_url=provider.openai_url, api_key="key", **options)


def openai_async(provider, **options):
    return openai.AsyncOpenAI(base_url=provider.openai_url, api_key="key", **options)


def claude_client(provider, **options):
    return anthropic.Anthropic(base_url=provider.anthropic_url, api_key="key", **options)


def claude_async(provider, **options):
    return anthropic.AsyncAnthropic(base_url=provider.anthropic_url, api_key="key", **options)


def _chat(**more):
    return {"model": OPENAI_MODEL, "messages": HELLO, **more}


def _message(**more):
    return {"model": CLAUDE, "messages": HELLO, "max_tokens": 100, **more}


def _response(**more):
    return {"model": OPENAI_MODEL, "input": "Say hello to the world", **more}


def _openai_sync(use):
    def run(provider):
        with openai_client(provider) as client:
            use(client)

    return run


def _claude_sync(use):
    def run(provider):
        with claude_client(provider) as client:
            use(client)

    return run


def _openai_async(use):
    async def main(provider):
        async with openai_async(provider) as client:
            await use(client)

    return lambda provider: asyncio.run(main(provider))


def _claude_async(use):
    async def main(provider):
        async with claude_async(provider) as client:
            await use(client)

    return lambda provider: asyncio.run(main(provider))


def _stream(client):
    for chunk in client.chat.completions.create(**_chat(stream=True)):
        assert chunk.choices[0] is not None


async def _stream_async(client):
    async for chunk in await client.chat.completions.create(**_chat(stream=True)):
        assert chunk.choices[0] is not None


def _stream_helper(client):
    with client.chat.completions.stream(**_chat()) as stream:
        assert stream.get_final_completion().choices


async def _stream_helper_async(client):
    async with client.chat.completions.stream(**_chat()) as stream:
        assert (await stream.get_final_completion()).choices


def _streamed_raw(client):
    with client.chat.completions.with_streaming_response.create(**_chat()) as response:
        assert response.parse().choices


async def _streamed_raw_async(client):
    async with client.chat.completions.with_streaming_response.create(**_chat()) as response:
        assert (await response.parse()).choices


async def _raw_async(client):
    response = await client.chat.completions.with_raw_response.create(**_chat())
    assert response.parse().choices


def _completion(**more):
    return {"model": "gpt-3.5-turbo-instruct", "prompt": "Say hello", "max_tokens": 50, **more}


def _completions_stream(client):
    for chunk in client.completions.create(**_completion(stream=True)):
        assert chunk.choices[0] is not None


def _responses_stream(client):
    events = [each.type for each in client.responses.create(**_response(stream=True))]
    assert events[-1] == "response.completed"


async def _responses_stream_async(client):
    stream = await client.responses.create(**_response(stream=True))
    assert [each.type async for each in stream][-1] == "response.completed"


def _responses_helper(client):
    with client.responses.stream(**_response()) as stream:
        assert stream.get_final_response().output_text


async def _responses_helper_async(client):
    async with client.responses.stream(**_response()) as stream:
        assert (await stream.get_final_response()).output_text


def _messages_stream(client):
    events = [each.type for each in client.messages.create(**_message(stream=True))]
    assert events[-1] == "message_stop"


async def _messages_stream_async(client):
    stream = await client.messages.create(**_message(stream=True))
    assert [each.type async for each in stream][-1] == "message_stop"


def _messages_helper(client):
    with client.messages.stream(**_message()) as stream:
        assert stream.get_final_message().content


async def _messages_helper_async(client):
    async with client.messages.stream(**_message()) as stream:
        assert (await stream.get_final_message()).content


PATHS = [
    Path("chat", _openai_sync(lambda c: c.chat.completions.create(**_chat()))),
    Path("chat async", _openai_async(lambda c: c.chat.completions.create(**_chat()))),
    Path(
        "chat parse",
        _openai_sync(lambda c: c.chat.completions.parse(**_chat(response_format=Empty))),
        text="{}",
    ),
    Path(
        "chat parse async",
        _openai_async(lambda c: c.chat.completions.parse(**_chat(response_format=Empty))),
        text="{}",
    ),
    Path("chat stream", _openai_sync(_stream)),
    Path("chat stream async", _openai_async(_stream_async)),
    Path("chat stream helper", _openai_sync(_stream_helper)),
    Path("chat stream helper async", _openai_async(_stream_helper_async)),
    Path(
        "chat raw",
        _openai_sync(lambda c: c.chat.completions.with_raw_response.create(**_chat()).parse()),
    ),
    Path("chat raw async", _openai_async(_raw_async)),
    Path("chat streamed raw", _openai_sync(_streamed_raw)),
    Path("chat streamed raw async", _openai_async(_streamed_raw_async)),
    Path("responses", _openai_sync(lambda c: c.responses.create(**_response()))),
    Path("responses async", _openai_async(lambda c: c.responses.create(**_response()))),
    Path(
        "responses parse",
        _openai_sync(lambda c: c.responses.parse(**_response(text_format=Empty))),
        text="{}",
    ),
    Path(
        "responses parse async",
        _openai_async(lambda c: c.responses.parse(**_response(text_format=Empty))),
        text="{}",
    ),
    Path("responses stream", _openai_sync(_responses_stream)),
    Path("responses stream async", _openai_async(_responses_stream_async)),
    Path("responses stream helper", _openai_sync(_responses_helper)),
    Path("responses stream helper async", _openai_async(_responses_helper_async)),
    Path("completions", _openai_sync(lambda c: c.completions.create(**_completion()))),
    Path("completions stream", _openai_sync(_completions_stream)),
    Path(
        "embeddings",
        _openai_sync(lambda c: c.embeddings.create(model=EMBEDDING, input="one two three")),
    ),
    Path(
        "embeddings async",
        _openai_async(lambda c: c.embeddings.create(model=EMBEDDING, input="one two three")),
    ),
    Path("messages", _claude_sync(lambda c: c.messages.create(**_message())), base="anthropic"),
    Path(
        "messages async",
        _claude_async(lambda c: c.messages.create(**_message())),
        base="anthropic",
    ),
    Path("messages stream", _claude_sync(_messages_stream), base="anthropic"),
    Path("messages stream async", _claude_async(_messages_stream_async), base="anthropic"),
    Path("messages stream helper", _claude_sync(_messages_helper), base="anthropic"),
    Path("messages stream helper async", _claude_async(_messages_helper_async), base="anthropic"),
]


def _chain(provider, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of LangChain's own making
        from langchain_openai import ChatOpenAI
    return ChatOpenAI(model=OPENAI_MODEL, base_url=provider.openai_url, api_key="key", **options)


async def _chain_async(provider):
    async with openai.DefaultAsyncHttpxClient() as http:
        await _chain(provider, http_async_client=http).ainvoke("Say hello")


async def _chain_stream_async(provider):
    async with openai.DefaultAsyncHttpxClient() as http:
        assert [
            each async for each in _chain(provider, http_async_client=http).astream("Say hello")
        ]


if find_spec("langchain_openai") is not None:
    PATHS += [
        Path("langchain", lambda p: _chain(p).invoke("Say hello")),
        Path("langchain async", lambda p: asyncio.run(_chain_async(p))),
        Path("langchain stream", lambda p: list(_chain(p).stream("Say hello"))),
        Path("langchain stream async", lambda p: asyncio.run(_chain_stream_async(p))),
    ]
