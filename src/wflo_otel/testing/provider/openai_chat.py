"""OpenAI chat completions."""

from __future__ import annotations

from collections.abc import Iterator

from wflo_otel.testing.provider.dialect import Dialect, Event, cap_of, event
from wflo_otel.testing.provider.output import Exchange, Output
from wflo_otel.testing.provider.request import JsonObject

DONE = Event(b"data: [DONE]\n\n")


def usage(exchange: Exchange) -> JsonObject:
    """Return the usage object; cached tokens and reasoning are parts of their totals."""
    tokens = exchange.tokens
    details: JsonObject = {"cached_tokens": tokens.cached, "audio_tokens": 0}
    if tokens.cache_write:
        details["cache_write_tokens"] = tokens.cache_write
    return {
        "prompt_tokens": tokens.input,
        "completion_tokens": tokens.output,
        "total_tokens": tokens.input + tokens.output,
        "prompt_tokens_details": details,
        "completion_tokens_details": {
            "reasoning_tokens": tokens.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def wants_usage(body: JsonObject) -> bool:
    """Tell whether the stream is to end with a usage chunk."""
    return bool((body.get("stream_options") or {}).get("include_usage"))


def _cap(body: JsonObject) -> int | None:
    return cap_of(body, "max_completion_tokens", "max_tokens")


def _finish(output: Output) -> str:
    if not output.whole:
        return "length"
    return "tool_calls" if output.calls else "stop"


def _call_id(exchange: Exchange, choice: int, index: int) -> str:
    return f"call_{exchange.key}{choice}{index}"


def _head(exchange: Exchange, kind: str) -> JsonObject:
    return {
        "id": f"chatcmpl-{exchange.key}",
        "object": kind,
        "created": exchange.created,
        "model": exchange.model,
        "service_tier": "default",
        "system_fingerprint": "fp_scripted",
    }


def _body(exchange: Exchange) -> JsonObject:
    choices = [_choice(exchange, index) for index in range(exchange.choices)]
    return _head(exchange, "chat.completion") | {"choices": choices, "usage": usage(exchange)}


def _choice(exchange: Exchange, index: int) -> JsonObject:
    output = exchange.output
    message: JsonObject = {
        "role": "assistant",
        "content": output.text or (None if output.calls else ""),
        "refusal": None,
        "annotations": [],
    }
    if output.calls:
        message["tool_calls"] = [
            {
                "id": _call_id(exchange, index, position),
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for position, call in enumerate(output.calls)
        ]
    finish = _finish(output)
    return {"index": index, "message": message, "logprobs": None, "finish_reason": finish}


def _events(exchange: Exchange) -> Iterator[Event]:
    for choice in range(exchange.choices):
        yield from _choice_events(exchange, choice)
    if wants_usage(exchange.request.body):
        head = _head(exchange, "chat.completion.chunk")
        yield event(head | {"choices": [], "usage": usage(exchange)})
    yield DONE


def _choice_events(exchange: Exchange, choice: int) -> Iterator[Event]:
    output = exchange.output
    opening = {"role": "assistant", "content": "", "refusal": None}
    yield _chunk(exchange, choice, opening, tokens=output.reasoning)
    for word in output.words:
        yield _chunk(exchange, choice, {"content": word}, tokens=1)
    for index, call in enumerate(output.calls):
        start = {
            "index": index,
            "id": _call_id(exchange, choice, index),
            "type": "function",
            "function": {"name": call.name, "arguments": ""},
        }
        yield _chunk(exchange, choice, {"tool_calls": [start]}, tokens=1)
        for piece in call.pieces:
            delta = {"index": index, "function": {"arguments": piece}}
            yield _chunk(exchange, choice, {"tool_calls": [delta]}, tokens=1)
    yield _chunk(exchange, choice, {}, finish=_finish(output))


def _chunk(
    exchange: Exchange, index: int, delta: JsonObject, *, tokens: int = 0, finish: str | None = None
) -> Event:
    choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
    data = _head(exchange, "chat.completion.chunk") | {"choices": [choice]}
    if wants_usage(exchange.request.body):
        data["usage"] = None
    return event(data, tokens=tokens)


CHAT = Dialect("chat", _cap, _body, _events)
