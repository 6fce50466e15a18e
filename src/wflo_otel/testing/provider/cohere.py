"""Cohere's chat and embeddings, version 2. What is billed stands in units of its own."""

from __future__ import annotations

from collections.abc import Iterator

from wflo_otel.testing.provider.dialect import Dialect, Event, cap_of, event, no_output
from wflo_otel.testing.provider.output import CallPiece, Exchange
from wflo_otel.testing.provider.request import JsonObject

_DIMENSIONS = 1536
#: Tokens of the template around a conversation: they are counted, and not billed.
_TEMPLATE = 60


def _cap(body: JsonObject) -> int | None:
    return cap_of(body, "max_tokens")


def _usage(exchange: Exchange) -> JsonObject:
    billed = {"input_tokens": exchange.tokens.input, "output_tokens": exchange.tokens.output}
    tokens = billed | {"input_tokens": exchange.tokens.input + _TEMPLATE}
    return {"billed_units": billed, "tokens": tokens}


def _finish(exchange: Exchange) -> str:
    if not exchange.output.whole:
        return "MAX_TOKENS"
    return "TOOL_CALL" if exchange.output.calls else "COMPLETE"


def _tool_call(exchange: Exchange, index: int, call: CallPiece, arguments: str) -> JsonObject:
    return {
        "id": f"{call.name}_{exchange.key}{index}",
        "type": "function",
        "function": {"name": call.name, "arguments": arguments},
    }


def _body(exchange: Exchange) -> JsonObject:
    output = exchange.output
    message: JsonObject = {"role": "assistant"}
    if output.words:
        message["content"] = [{"type": "text", "text": output.text}]
    if output.calls:
        message["tool_calls"] = [
            _tool_call(exchange, index, call, call.arguments)
            for index, call in enumerate(output.calls)
        ]
    return {
        "id": exchange.key,
        "finish_reason": _finish(exchange),
        "message": message,
        "usage": _usage(exchange),
    }


def _events(exchange: Exchange) -> Iterator[Event]:
    output = exchange.output
    begun = _message(role="assistant")
    yield _event("message-start", tokens=output.reasoning, id=exchange.key, delta=begun)
    if output.words:
        yield from _text_events(output.words)
    for index, call in enumerate(output.calls):
        yield from _call_events(exchange, index, call)
    end = {"finish_reason": _finish(exchange), "usage": _usage(exchange)}
    yield _event("message-end", id=exchange.key, delta=end)


def _message(**held: object) -> JsonObject:
    return {"message": held}


def _text_events(words: tuple[str, ...]) -> Iterator[Event]:
    begun = _message(content={"type": "text", "text": ""})
    yield _event("content-start", index=0, delta=begun)
    for word in words:
        yield _event("content-delta", tokens=1, index=0, delta=_message(content={"text": word}))
    yield _event("content-end", index=0)


def _call_events(exchange: Exchange, index: int, call: CallPiece) -> Iterator[Event]:
    begun = _message(tool_calls=_tool_call(exchange, index, call, ""))
    yield _event("tool-call-start", tokens=1, index=index, delta=begun)
    for piece in call.pieces:
        delta = _message(tool_calls={"function": {"arguments": piece}})
        yield _event("tool-call-delta", tokens=1, index=index, delta=delta)
    yield _event("tool-call-end", index=index)


def _event(kind: str, *, tokens: int = 0, **fields: object) -> Event:
    return event({"type": kind, **fields}, name=kind, tokens=tokens)


def _embed_body(exchange: Exchange) -> JsonObject:
    body = exchange.request.body
    texts = body.get("texts") or body.get("inputs") or []
    vector = [0.5] * (body.get("output_dimension") or _DIMENSIONS)
    return {
        "id": exchange.key,
        "response_type": "embeddings_by_type",
        "embeddings": {"float": [vector for _ in texts]},
        "texts": body.get("texts"),
        "meta": {
            "api_version": {"version": "2"},
            "billed_units": {"input_tokens": exchange.tokens.input},
        },
    }


CHAT = Dialect("cohere_chat", _cap, _body, _events)
EMBED = Dialect("cohere_embed", no_output, _embed_body, None)
