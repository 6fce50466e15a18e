"""Bedrock's Converse API; its streams are binary frames.

Input that was cached or written to a cache stands beside the input.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator

from wflo_otel.testing.provider.dialect import Dialect, Event, cap_of
from wflo_otel.testing.provider.output import Exchange
from wflo_otel.testing.provider.request import JsonObject

_STRING = 7


def _cap(body: JsonObject) -> int | None:
    return cap_of(body.get("inferenceConfig") or {}, "maxTokens")


def _usage(exchange: Exchange) -> JsonObject:
    tokens = exchange.tokens
    return {
        "inputTokens": tokens.input - tokens.cached - tokens.cache_write,
        "outputTokens": tokens.output,
        "totalTokens": tokens.input + tokens.output,
        "cacheReadInputTokens": tokens.cached,
        "cacheWriteInputTokens": tokens.cache_write,
    }


def _stop(exchange: Exchange) -> str:
    if not exchange.output.whole:
        return "max_tokens"
    return "tool_use" if exchange.output.calls else "end_turn"


def _body(exchange: Exchange) -> JsonObject:
    output = exchange.output
    content: list[JsonObject] = [{"text": output.text}] if output.words else []
    content += [
        {"toolUse": {"toolUseId": f"tooluse_{index}", "name": call.name, "input": call.parsed}}
        for index, call in enumerate(output.calls)
    ]
    return {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": _stop(exchange),
        "usage": _usage(exchange),
        "metrics": {"latencyMs": 1},
    }


def _events(exchange: Exchange) -> Iterator[Event]:
    output = exchange.output
    yield frame("messageStart", {"role": "assistant"}, tokens=output.reasoning)
    for word in output.words:
        yield frame("contentBlockDelta", _delta(0, {"text": word}), tokens=1)
    yield frame("contentBlockStop", {"contentBlockIndex": 0})
    for index, call in enumerate(output.calls, 1):
        start = {"toolUse": {"toolUseId": f"tooluse_{index}", "name": call.name}}
        begin = {"contentBlockIndex": index, "start": start}
        yield frame("contentBlockStart", begin, tokens=1)
        for piece in call.pieces:
            delta = _delta(index, {"toolUse": {"input": piece}})
            yield frame("contentBlockDelta", delta, tokens=1)
        yield frame("contentBlockStop", {"contentBlockIndex": index})
    yield frame("messageStop", {"stopReason": _stop(exchange)})
    yield frame("metadata", {"usage": _usage(exchange), "metrics": {"latencyMs": 1}})


def _delta(index: int, delta: JsonObject) -> JsonObject:
    return {"contentBlockIndex": index, "delta": delta}


def frame(kind: str, payload: JsonObject, *, tokens: int = 0) -> Event:
    """Write an event as a binary frame."""
    facts = ((":event-type", kind), (":content-type", "application/json"))
    headers = b"".join(_header(*each) for each in (*facts, (":message-type", "event")))
    body = json.dumps(payload, separators=(",", ":")).encode()
    total = 12 + len(headers) + len(body) + 4
    prelude = struct.pack(">II", total, len(headers))
    head = prelude + struct.pack(">I", zlib.crc32(prelude))
    data = head + headers + body
    return Event(data + struct.pack(">I", zlib.crc32(data)), tokens)


def _header(name: str, value: str) -> bytes:
    text = value.encode()
    return bytes((len(name),)) + name.encode() + struct.pack(">BH", _STRING, len(text)) + text


CONVERSE = Dialect(
    "converse", _cap, _body, _events, stream_type="application/vnd.amazon.eventstream"
)
