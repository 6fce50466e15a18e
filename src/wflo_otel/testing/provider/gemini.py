"""Gemini ``generateContent``. Reasoning stands beside the candidates' tokens."""

from __future__ import annotations

from collections.abc import Iterator

from wflo_otel.testing.provider.dialect import Dialect, Event, cap_of, event
from wflo_otel.testing.provider.output import Exchange
from wflo_otel.testing.provider.request import JsonObject


def _cap(body: JsonObject) -> int | None:
    return cap_of(body.get("generationConfig") or {}, "maxOutputTokens")


def _usage(exchange: Exchange) -> JsonObject:
    tokens = exchange.tokens
    usage: JsonObject = {
        "promptTokenCount": tokens.input,
        "candidatesTokenCount": tokens.output - tokens.reasoning,
        "totalTokenCount": tokens.input + tokens.output,
    }
    if tokens.cached:
        usage["cachedContentTokenCount"] = tokens.cached
    if tokens.reasoning:
        usage["thoughtsTokenCount"] = tokens.reasoning
    return usage


def _finish(exchange: Exchange) -> str:
    return "STOP" if exchange.output.whole else "MAX_TOKENS"


def _answer(exchange: Exchange, parts: list[JsonObject], **candidate: object) -> JsonObject:
    content = {"role": "model", "parts": parts}
    return {
        "candidates": [{"index": 0, "content": content, **candidate}],
        "modelVersion": exchange.model,
        "responseId": exchange.key,
    }


def _calls(exchange: Exchange) -> list[JsonObject]:
    return [
        {"functionCall": {"name": call.name, "args": call.parsed}} for call in exchange.output.calls
    ]


def _body(exchange: Exchange) -> JsonObject:
    output = exchange.output
    parts = [{"text": output.text}] if output.words else []
    whole = _answer(exchange, parts + _calls(exchange), finishReason=_finish(exchange))
    return whole | {"usageMetadata": _usage(exchange)}


def _events(exchange: Exchange) -> Iterator[Event]:
    output = exchange.output
    for word in output.words:
        yield event(_answer(exchange, [{"text": word}]), tokens=1)
    rest = output.tokens - len(output.words)
    last = _answer(exchange, _calls(exchange), finishReason=_finish(exchange))
    yield event(last | {"usageMetadata": _usage(exchange)}, tokens=rest)


GENERATE = Dialect("generate_content", _cap, _body, _events)
