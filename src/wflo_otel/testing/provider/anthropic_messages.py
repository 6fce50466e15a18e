"""Anthropic messages. Input that was cached or written to a cache stands beside the input."""

from __future__ import annotations

from collections.abc import Iterator

from wflo_otel.testing.provider.dialect import Dialect, Event, cap_of, event
from wflo_otel.testing.provider.output import CallPiece, Exchange
from wflo_otel.testing.provider.request import JsonObject


def _cap(body: JsonObject) -> int | None:
    return cap_of(body, "max_tokens")


def _usage(exchange: Exchange, output_tokens: int) -> JsonObject:
    tokens = exchange.tokens
    usage: JsonObject = {
        "input_tokens": tokens.input - tokens.cached - tokens.cache_write,
        "cache_creation_input_tokens": tokens.cache_write,
        "cache_read_input_tokens": tokens.cached,
        "cache_creation": {
            "ephemeral_5m_input_tokens": tokens.cache_write,
            "ephemeral_1h_input_tokens": 0,
        },
        "output_tokens": output_tokens,
        "service_tier": "standard",
    }
    if tokens.reasoning:
        usage["output_tokens_details"] = {"thinking_tokens": tokens.reasoning}
    return usage


def _stop_reason(exchange: Exchange) -> str:
    if not exchange.output.whole:
        return "max_tokens"
    return "tool_use" if exchange.output.calls else "end_turn"


def _head(exchange: Exchange) -> JsonObject:
    return {
        "id": f"msg_{exchange.key}",
        "type": "message",
        "role": "assistant",
        "model": exchange.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _body(exchange: Exchange) -> JsonObject:
    output = exchange.output
    content: list[JsonObject] = [{"type": "text", "text": output.text}] if output.words else []
    content += [
        _tool_use(exchange, index, call) | {"input": call.parsed}
        for index, call in enumerate(output.calls)
    ]
    return _head(exchange) | {
        "content": content,
        "stop_reason": _stop_reason(exchange),
        "usage": _usage(exchange, exchange.tokens.output),
    }


def _tool_use(exchange: Exchange, index: int, call: CallPiece) -> JsonObject:
    return {
        "type": "tool_use",
        "id": f"toolu_{exchange.key}{index}",
        "name": call.name,
        "input": {},
    }


def _events(exchange: Exchange) -> Iterator[Event]:
    output = exchange.output
    message = _head(exchange) | {"usage": _usage(exchange, 1)}
    yield _event("message_start", tokens=output.reasoning, message=message)
    yield _event("ping")
    blocks = 0
    if output.words:
        yield from _text_events(output.words)
        blocks = 1
    for index, call in enumerate(output.calls):
        yield from _tool_events(blocks + index, _tool_use(exchange, index, call), call)
    delta = {"stop_reason": _stop_reason(exchange), "stop_sequence": None}
    yield _event("message_delta", delta=delta, usage=_usage(exchange, exchange.tokens.output))
    yield _event("message_stop")


def _text_events(words: tuple[str, ...]) -> Iterator[Event]:
    yield _event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    for word in words:
        delta = {"type": "text_delta", "text": word}
        yield _event("content_block_delta", index=0, delta=delta, tokens=1)
    yield _event("content_block_stop", index=0)


def _tool_events(block: int, started: JsonObject, call: CallPiece) -> Iterator[Event]:
    yield _event("content_block_start", index=block, content_block=started, tokens=1)
    for piece in call.pieces:
        delta = {"type": "input_json_delta", "partial_json": piece}
        yield _event("content_block_delta", index=block, delta=delta, tokens=1)
    yield _event("content_block_stop", index=block)


def _event(kind: str, *, tokens: int = 0, **fields: object) -> Event:
    return event({"type": kind, **fields}, name=kind, tokens=tokens)


MESSAGES = Dialect("messages", _cap, _body, _events)
