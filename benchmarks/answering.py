"""OpenAI clients whose transport answers from memory, on the HTTP library that the SDK uses.

The rule: nothing leaves the process, and what a transport does costs next to nothing, so that
what is put around the SDK is seen.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

import openai

http: Any = import_module(openai.DefaultHttpxClient.__mro__[1].__module__.partition(".")[0])

MODEL = "gpt-4o"
#: Chunks of the stream that have text; one with the usage and the end follow.
CHUNKS = 400
_TEXT = "A ledger holds. " * 12
_USAGE = {
    "prompt_tokens": 250,
    "completion_tokens": 48,
    "total_tokens": 298,
    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
}
_SAME = {
    "id": "chatcmpl-benchmark",
    "created": 1_790_000_000,
    "model": "gpt-4o-2024-08-06",
    "service_tier": "default",
    "system_fingerprint": "fp_benchmark",
}
_CHOICE = {"index": 0, "finish_reason": "stop", "logprobs": None}
_ANSWER = json.dumps(
    {
        **_SAME,
        "object": "chat.completion",
        "choices": [{**_CHOICE, "message": {"role": "assistant", "content": _TEXT}}],
        "usage": _USAGE,
    }
).encode()


def _chunk(delta: dict[str, object], finish: str | None = None) -> dict[str, object]:
    choice = {**_CHOICE, "delta": delta, "finish_reason": finish}
    return {**_SAME, "object": "chat.completion.chunk", "choices": [choice], "usage": None}


#: What each chunk of the stream says, as the SDK parses it.
DATAS = [
    json.dumps(each).encode()
    for each in (
        _chunk({"role": "assistant", "content": ""}),
        *[_chunk({"content": f" word{n % 10}"}) for n in range(CHUNKS)],
        _chunk({}, "stop"),
        {**_chunk({}), "choices": [], "usage": _USAGE},
    )
]
_EVENTS = [b"data: %s\n\n" % data for data in (*DATAS, b"[DONE]")]


class _Stream(http.SyncByteStream, http.AsyncByteStream):  # type: ignore[misc]
    """The chunks, each as the network would bring it."""

    def __iter__(self) -> Iterator[bytes]:
        return iter(_EVENTS)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for event in _EVENTS:
            yield event


def _answer(request: Any) -> Any:
    if b'"stream":true' in request.content:
        return http.Response(200, headers={"content-type": "text/event-stream"}, stream=_Stream())
    stream = http.ByteStream(_ANSWER)
    return http.Response(200, headers={"content-type": "application/json"}, stream=stream)


class _Transport(http.BaseTransport):  # type: ignore[misc]
    def handle_request(self, request: Any) -> Any:
        return _answer(request)


class Gate:
    """Where the answers of asynchronous calls wait while it is shut."""

    def __init__(self) -> None:
        self.waiting = 0
        self._is_open = asyncio.Event()
        self.open()

    def open(self) -> None:
        """Let all through."""
        self._is_open.set()

    def shut(self) -> None:
        """Hold back those that come."""
        self._is_open.clear()

    async def passed(self) -> None:
        """Wait until it is open."""
        self.waiting += 1
        await self._is_open.wait()
        self.waiting -= 1


class _AsyncTransport(http.AsyncBaseTransport):  # type: ignore[misc]
    """Lets all others send before it answers, and waits while the gate is shut."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def handle_async_request(self, request: Any) -> Any:
        await asyncio.sleep(0)
        await self._gate.passed()
        return _answer(request)


@dataclass(frozen=True, slots=True)
class Clients:
    """Both clients, and the loop that the second lives on."""

    sync: openai.OpenAI
    aio: openai.AsyncOpenAI
    loop: asyncio.AbstractEventLoop
    #: It holds the answers of the second back while it is shut.
    gate: Gate


@contextmanager
def clients() -> Iterator[Clients]:
    """Open both, and close them."""
    gate = Gate()
    sync = http.Client(transport=_Transport())
    aio = http.AsyncClient(transport=_AsyncTransport(gate))
    with asyncio.Runner() as runner, ExitStack() as closing:
        leaving = AsyncExitStack()
        closing.callback(lambda: runner.run(leaving.aclose()))
        one = closing.enter_context(openai.OpenAI(api_key="key", http_client=sync, max_retries=0))
        other = openai.AsyncOpenAI(api_key="key", http_client=aio, max_retries=0)
        runner.run(leaving.enter_async_context(other))
        yield Clients(one, other, runner.get_loop(), gate)


class Calls(Protocol):
    """A way to ask for one answer; the arguments are those of the OpenAI SDK."""

    def call(self, **asked: Any) -> Any:
        """Ask, and wait."""
        ...

    def acall(self, **asked: Any) -> Awaitable[Any]:
        """Ask, and let others run."""
        ...


class SdkCalls:
    """The SDK's own methods."""

    def __init__(self, of: Clients) -> None:
        self._of = of

    def call(self, **asked: Any) -> Any:
        """Ask, and wait."""
        return self._of.sync.chat.completions.create(**asked)

    def acall(self, **asked: Any) -> Awaitable[Any]:
        """Ask, and let others run."""
        return self._of.aio.chat.completions.create(**asked)


def asked(size: int, **more: object) -> dict[str, Any]:
    """What one call asks, with a prompt of so many bytes."""
    prompt = "Tell me more of it. " * (size // 20)
    messages = [{"role": "user", "content": prompt}]
    return {"model": MODEL, "messages": messages, "max_tokens": 200, **more}


STREAMED: dict[str, object] = {"stream": True, "stream_options": {"include_usage": True}}
