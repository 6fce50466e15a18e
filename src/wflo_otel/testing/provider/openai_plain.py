"""OpenAI's older completions, and embeddings."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator

from wflo_otel.testing.provider.dialect import Dialect, Event, cap_of, event, no_output
from wflo_otel.testing.provider.openai_chat import DONE, usage, wants_usage
from wflo_otel.testing.provider.output import Exchange
from wflo_otel.testing.provider.request import JsonObject

_DIMENSIONS = 1536


def _cap(body: JsonObject) -> int | None:
    return cap_of(body, "max_tokens")


def _completion(exchange: Exchange, choices: list[JsonObject]) -> JsonObject:
    return {
        "id": f"cmpl-{exchange.key}",
        "object": "text_completion",
        "created": exchange.created,
        "model": exchange.model,
        "choices": choices,
    }


def _text(index: int, text: str, finish: str | None) -> JsonObject:
    return {"index": index, "text": text, "logprobs": None, "finish_reason": finish}


def _finish(exchange: Exchange) -> str:
    return "stop" if exchange.output.whole else "length"


def _completion_body(exchange: Exchange) -> JsonObject:
    text, finish = exchange.output.text, _finish(exchange)
    choices = [_text(index, text, finish) for index in range(exchange.choices)]
    return _completion(exchange, choices) | {"usage": usage(exchange)}


def _completion_events(exchange: Exchange) -> Iterator[Event]:
    asked = wants_usage(exchange.request.body)
    without: JsonObject = {"usage": None} if asked else {}
    for index in range(exchange.choices):
        for word in exchange.output.words:
            yield event(_completion(exchange, [_text(index, word, None)]) | without, tokens=1)
        yield event(_completion(exchange, [_text(index, "", _finish(exchange))]) | without)
    if asked:
        yield event(_completion(exchange, []) | {"usage": usage(exchange)})
    yield DONE


def _embeddings_body(exchange: Exchange) -> JsonObject:
    body = exchange.request.body
    vector = [0.5] * (body.get("dimensions") or _DIMENSIONS)
    embedding = _base64(vector) if body.get("encoding_format") == "base64" else vector
    texts = body.get("input")
    several = isinstance(texts, list) and not (texts and isinstance(texts[0], int))
    return {
        "object": "list",
        "model": exchange.model,
        "data": [
            {"object": "embedding", "index": index, "embedding": embedding}
            for index in range(len(texts) if isinstance(texts, list) and several else 1)
        ],
        "usage": {"prompt_tokens": exchange.tokens.input, "total_tokens": exchange.tokens.input},
    }


def _base64(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


COMPLETIONS = Dialect("completions", _cap, _completion_body, _completion_events)
EMBEDDINGS = Dialect("embeddings", no_output, _embeddings_body, None)
