"""OpenAI Responses, with responses that are kept and polled.

A response with ``background`` is ``queued`` when it is created and ``in_progress`` at the
first poll; from the second poll on it is complete and carries its usage.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import count

from wflo_otel.testing.provider.dialect import Dialect, Event, cap_of, event
from wflo_otel.testing.provider.output import CallPiece, Exchange
from wflo_otel.testing.provider.request import JsonObject


def _cap(body: JsonObject) -> int | None:
    return cap_of(body, "max_output_tokens")


def _usage(exchange: Exchange) -> JsonObject:
    tokens = exchange.tokens
    details: JsonObject = {"cached_tokens": tokens.cached}
    if tokens.cache_write:
        details["cache_write_tokens"] = tokens.cache_write
    return {
        "input_tokens": tokens.input,
        "input_tokens_details": details,
        "output_tokens": tokens.output,
        "output_tokens_details": {"reasoning_tokens": tokens.reasoning},
        "total_tokens": tokens.input + tokens.output,
    }


def response_id(exchange: Exchange) -> str:
    """Return the id under which the response is fetched again."""
    return f"resp_{exchange.key}"


def _open(exchange: Exchange, status: str) -> JsonObject:
    asked = exchange.request.body
    return {
        "id": response_id(exchange),
        "object": "response",
        "created_at": exchange.created,
        "status": status,
        "background": bool(asked.get("background")),
        "error": None,
        "incomplete_details": None,
        "instructions": asked.get("instructions"),
        "max_output_tokens": asked.get("max_output_tokens"),
        "metadata": {},
        "model": exchange.model,
        "output": [],
        "parallel_tool_calls": True,
        "previous_response_id": asked.get("previous_response_id"),
        "reasoning": {"effort": None, "summary": None},
        "service_tier": "default",
        "store": True,
        "temperature": 1.0,
        "text": asked.get("text") or {"format": {"type": "text"}},
        "tool_choice": asked.get("tool_choice") or "auto",
        "tools": asked.get("tools") or [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": None,
        "user": None,
    }


def _status(exchange: Exchange) -> str:
    return "completed" if exchange.output.whole else "incomplete"


def _body(exchange: Exchange) -> JsonObject:
    body = _open(exchange, _status(exchange))
    if not exchange.output.whole:
        body["incomplete_details"] = {"reason": "max_output_tokens"}
    return body | {"output": list(_items(exchange)), "usage": _usage(exchange)}


def _items(exchange: Exchange) -> Iterator[JsonObject]:
    output, status = exchange.output, _status(exchange)
    if output.reasoning:
        yield _reasoning(exchange)
    if output.words or not output.calls:
        yield _message(exchange, [_part(output.text)], status)
    for index, call in enumerate(output.calls):
        yield _function_call(exchange, index, call, call.arguments, status)


def _reasoning(exchange: Exchange) -> JsonObject:
    return {"id": f"rs_{exchange.key}", "type": "reasoning", "summary": []}


def _part(text: str) -> JsonObject:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _message(exchange: Exchange, content: list[JsonObject], status: str) -> JsonObject:
    item = {"id": f"msg_{exchange.key}", "type": "message", "role": "assistant"}
    return item | {"status": status, "content": content}


def _function_call(
    exchange: Exchange, index: int, call: CallPiece, arguments: str, status: str
) -> JsonObject:
    return {
        "id": f"fc_{exchange.key}{index}",
        "type": "function_call",
        "status": status,
        "call_id": f"call_{exchange.key}{index}",
        "name": call.name,
        "arguments": arguments,
    }


class _Stream:
    """Numbers the events of one stream, and its output items."""

    def __init__(self) -> None:
        self._numbers = count()
        self._items = count()

    def event(self, kind: str, *, tokens: int = 0, **fields: object) -> Event:
        data = {"type": f"response.{kind}", "sequence_number": next(self._numbers), **fields}
        return event(data, name=f"response.{kind}", tokens=tokens)

    def next_item(self) -> int:
        return next(self._items)


def events_of(exchange: Exchange) -> Iterator[Event]:
    """Give a response as a stream, from its first event."""
    output, stream = exchange.output, _Stream()
    for kind in ("created", "in_progress"):
        yield stream.event(kind, response=_open(exchange, "in_progress"))
    if output.reasoning:
        yield from _reasoning_events(exchange, stream)
    if output.words or not output.calls:
        yield from _message_events(exchange, stream)
    for index, call in enumerate(output.calls):
        yield from _call_events(exchange, stream, index, call)
    yield stream.event(_status(exchange), response=_body(exchange))


def _reasoning_events(exchange: Exchange, stream: _Stream) -> Iterator[Event]:
    at, item, tokens = stream.next_item(), _reasoning(exchange), exchange.output.reasoning
    yield stream.event("output_item.added", output_index=at, item=item, tokens=tokens)
    yield stream.event("output_item.done", output_index=at, item=item)


def _message_events(exchange: Exchange, stream: _Stream) -> Iterator[Event]:
    at, text = stream.next_item(), exchange.output.text
    place: JsonObject = {"item_id": f"msg_{exchange.key}", "output_index": at, "content_index": 0}
    started = _message(exchange, [], "in_progress")
    yield stream.event("output_item.added", output_index=at, item=started)
    yield stream.event("content_part.added", **place, part=_part(""))
    for word in exchange.output.words:
        yield stream.event("output_text.delta", **place, delta=word, logprobs=[], tokens=1)
    yield stream.event("output_text.done", **place, text=text, logprobs=[])
    yield stream.event("content_part.done", **place, part=_part(text))
    item = _message(exchange, [_part(text)], _status(exchange))
    yield stream.event("output_item.done", output_index=at, item=item)


def _call_events(
    exchange: Exchange, stream: _Stream, index: int, call: CallPiece
) -> Iterator[Event]:
    at = stream.next_item()
    started = _function_call(exchange, index, call, "", "in_progress")
    item = _function_call(exchange, index, call, call.arguments, _status(exchange))
    place: JsonObject = {"item_id": item["id"], "output_index": at}
    yield stream.event("output_item.added", output_index=at, item=started, tokens=1)
    for piece in call.pieces:
        yield stream.event("function_call_arguments.delta", **place, delta=piece, tokens=1)
    yield stream.event(
        "function_call_arguments.done", **place, name=call.name, arguments=call.arguments
    )
    yield stream.event("output_item.done", output_index=at, item=item)


def _created(exchange: Exchange) -> JsonObject:
    if exchange.request.body.get("background"):
        return _open(exchange, "queued")
    return _body(exchange)


RESPONSES = Dialect("responses", _cap, _created, events_of)


class KeptResponses:
    """Responses by id, for ``GET /responses/{id}``. Safe from any thread."""

    def __init__(self) -> None:
        self._kept: dict[str, Exchange] = {}
        self._polls: dict[str, int] = {}
        self._lock = threading.Lock()

    def keep(self, exchange: Exchange) -> None:
        """Keep a response under its id."""
        with self._lock:
            self._kept[response_id(exchange)] = exchange

    def find(self, key: str) -> Exchange | None:
        """Return what was kept under a response's id."""
        return self._kept.get(key)

    def poll(self, exchange: Exchange) -> JsonObject:
        """Return the body that fetching the response answers now."""
        key = response_id(exchange)
        with self._lock:
            self._polls[key] = polls = self._polls.get(key, 0) + 1
        if exchange.request.body.get("background") and polls == 1:
            return _open(exchange, "in_progress")
        return _body(exchange)
