"""Small requests and responses of our own, in the shapes that providers use."""

from __future__ import annotations

import json
from typing import Any

from wflo_otel.core.call import Answer, Ask
from wflo_otel.wire.api import Route, StreamReader
from wflo_otel.wire.route import recognise

CHAT = "https://api.openai.com/v1/chat/completions"
RESPONSES = "https://api.openai.com/v1/responses"
COMPLETIONS = "https://api.openai.com/v1/completions"
EMBEDDINGS = "https://api.openai.com/v1/embeddings"
MESSAGES = "https://api.anthropic.com/v1/messages"


def route(url: str, method: str = "POST") -> Route:
    """The route of a URL that must be known."""
    found = recognise(method, url)
    assert found is not None, url
    return found


def asked(url: str, **request: Any) -> Ask:
    """What a request asks for."""
    where = route(url)
    ask = where.api.ask(where, json.dumps(request).encode())
    assert ask is not None
    return ask


def capped(url: str, cap: int, **request: Any) -> dict[str, Any] | None:
    """A request with a cap written into it."""
    where = route(url)
    body = where.api.with_cap(where, json.dumps(request).encode(), cap)
    return None if body is None else json.loads(body)


def least(url: str, **request: Any) -> int:
    """The smallest cap of a request."""
    where = route(url)
    return where.api.least_cap(where, json.dumps(request).encode())


def with_usage(url: str, **request: Any) -> dict[str, Any] | None:
    """A request that asks for usage, where that changes it."""
    where = route(url)
    body = where.api.with_usage(where, json.dumps(request).encode())
    return None if body is None else json.loads(body)


def answered(url: str, http_status: int = 200, **response: Any) -> Answer:
    """What a whole response says."""
    return route(url).api.answer(http_status, {}, json.dumps(response).encode())


def sse(*events: Any, named: bool = False) -> bytes:
    """A stream of these events; a text stands as it is."""
    return b"".join(_event(each, named) for each in events)


def _event(event: Any, named: bool) -> bytes:
    if isinstance(event, str):
        return f"data: {event}\n\n".encode()
    name = f"event: {event['type']}\n" if named else ""
    return f"{name}data: {json.dumps(event, ensure_ascii=False)}\n\n".encode()


def read(url: str, *events: Any, hide_usage: bool = False) -> tuple[Answer, bytes]:
    """What a stream says, and what is handed on of it."""
    reader = route(url).api.stream(hide_usage=hide_usage)
    passed = reader.feed(sse(*events)) + reader.finish()
    return reader.answer, passed


def read_bytes(url: str, data: bytes, size: int = 7) -> Answer:
    """What a stream of any form says when it arrives in pieces; its bytes must pass."""
    reader = route(url).api.stream()
    assert in_pieces(reader, data, size) == data
    return reader.answer


def ndjson(*lines: Any) -> bytes:
    """A stream of these objects, one a line."""
    return b"".join(json.dumps(each, ensure_ascii=False).encode() + b"\n" for each in lines)


def in_pieces(reader: StreamReader, data: bytes, size: int = 1) -> bytes:
    """Feed a stream in pieces of one size."""
    passed = [reader.feed(data[at : at + size]) for at in range(0, len(data), size)]
    return b"".join(passed) + reader.finish()


def chat_chunk(content: str | None = None, **more: Any) -> dict[str, Any]:
    """A chunk of a chat stream; ``more`` goes into its choice."""
    delta = {} if content is None else {"content": content}
    choice = {"index": 0, "delta": delta, "finish_reason": None, **more}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "model": "gpt-4o-2024-08-06",
        "choices": [choice],
    }


def usage_chunk(prompt: int, completion: int, **details: Any) -> dict[str, Any]:
    """The chunk that carries only the usage."""
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        **details,
    }
    return {"id": "chatcmpl-1", "choices": [], "usage": usage}
