"""What a request brings and what a response says, in the three dialects of the corpus.

It shares no code with the guard's own reading of the wire, so that the corpus can check it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

JsonObject = dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """One entry of a prompt: what a user said, or a tool's result with the call's id."""

    kind: Literal["user", "result", "other"]
    text: str = ""
    call: str = ""


@dataclass(frozen=True)
class Asked:
    """A request's system text and entries."""

    system: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class WireCall:
    """A tool call with its arguments as JSON text."""

    call: str
    tool: str
    arguments: str


@dataclass(frozen=True)
class Said:
    """A response: text, calls, tokens, and the pieces of text where it was streamed."""

    text: str
    calls: tuple[WireCall, ...]
    input_tokens: int
    output_tokens: int
    chunks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dialect:
    """How one API is read."""

    asked: Callable[[JsonObject], Asked]
    said: Callable[[JsonObject | list[JsonObject]], Said]


def dialect_of(path: str) -> Dialect:
    """The dialect spoken at a path."""
    return next(dialect for end, dialect in _DIALECTS.items() if path.endswith(end))


def _chat_asked(body: JsonObject) -> Asked:
    messages = body["messages"]
    system = [_text(each["content"]) for each in messages if each["role"] == "system"]
    kinds: dict[str, Literal["user", "result"]] = {"user": "user", "tool": "result"}
    entries = [
        Entry(
            kinds.get(each["role"], "other"),
            _text(each.get("content")),
            each.get("tool_call_id", ""),
        )
        for each in messages
        if each["role"] != "system"
    ]
    return Asked(" ".join(system), tuple(entries))


def _chat_said(body: JsonObject | list[JsonObject]) -> Said:
    if isinstance(body, list):
        return _chat_streamed(body)
    message = body["choices"][0]["message"]
    calls = [
        WireCall(each["id"], each["function"]["name"], each["function"]["arguments"])
        for each in message.get("tool_calls") or ()
    ]
    usage = body["usage"]
    tokens = usage["prompt_tokens"], usage["completion_tokens"]
    return Said(message["content"] or "", tuple(calls), *tokens)


def _chat_streamed(chunks: list[JsonObject]) -> Said:
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    pieces = tuple(delta["content"] for delta in deltas if delta.get("content"))
    parts = [part for delta in deltas for part in delta.get("tool_calls", ())]
    heads = [part for part in parts if "id" in part]
    calls = [
        WireCall(
            head["id"],
            head["function"]["name"],
            "".join(
                part["function"]["arguments"] for part in parts if part["index"] == head["index"]
            ),
        )
        for head in heads
    ]
    (usage,) = [chunk["usage"] for chunk in chunks if chunk.get("usage")]
    tokens = usage["prompt_tokens"], usage["completion_tokens"]
    return Said("".join(pieces), tuple(calls), *tokens, pieces)


def _responses_asked(body: JsonObject) -> Asked:
    asked = body["input"]
    items = [{"role": "user", "content": asked}] if isinstance(asked, str) else asked
    return Asked(body.get("instructions") or "", tuple(_item(each) for each in items))


def _item(item: JsonObject) -> Entry:
    if item.get("type") == "function_call_output":
        return Entry("result", _text(item["output"]), item["call_id"])
    if item.get("role") == "user":
        return Entry("user", _text(item["content"]))
    return Entry("other")


def _responses_said(body: JsonObject | list[JsonObject]) -> Said:
    if not isinstance(body, list):
        return _response_said(body, ())
    pieces = [each["delta"] for each in body if each["type"] == "response.output_text.delta"]
    (completed,) = [each for each in body if each["type"] == "response.completed"]
    return _response_said(completed["response"], tuple(pieces))


def _response_said(body: JsonObject, pieces: tuple[str, ...]) -> Said:
    output = body["output"]
    text = [_text(each["content"]) for each in output if each["type"] == "message"]
    calls = [
        WireCall(each["call_id"], each["name"], each["arguments"])
        for each in output
        if each["type"] == "function_call"
    ]
    usage = body["usage"]
    tokens = usage["input_tokens"], usage["output_tokens"]
    return Said("".join(text), tuple(calls), *tokens, pieces)


def _messages_asked(body: JsonObject) -> Asked:
    entries = [entry for each in body["messages"] for entry in _blocks(each)]
    return Asked(_text(body.get("system")), tuple(entries))


def _blocks(message: JsonObject) -> Iterator[Entry]:
    content = message["content"]
    if isinstance(content, str):
        yield Entry("user" if message["role"] == "user" else "other", content)
        return
    for block in content:
        if block["type"] == "tool_result":
            yield Entry("result", _text(block["content"]), block["tool_use_id"])
        else:
            yield Entry("other", block.get("text", ""))


def _messages_said(body: JsonObject | list[JsonObject]) -> Said:
    if isinstance(body, list):
        return _messages_streamed(body)
    calls = [
        WireCall(each["id"], each["name"], json.dumps(each["input"], ensure_ascii=False))
        for each in body["content"]
        if each["type"] == "tool_use"
    ]
    usage = body["usage"]
    tokens = usage["input_tokens"], usage["output_tokens"]
    return Said(_text(body["content"]), tuple(calls), *tokens)


def _messages_streamed(events: list[JsonObject]) -> Said:
    deltas = [each for each in events if each["type"] == "content_block_delta"]
    pieces = tuple(each["delta"]["text"] for each in deltas if "text" in each["delta"])
    uses = [
        each
        for each in events
        if each["type"] == "content_block_start" and each["content_block"]["type"] == "tool_use"
    ]
    calls = [
        WireCall(
            each["content_block"]["id"],
            each["content_block"]["name"],
            "".join(
                delta["delta"]["partial_json"]
                for delta in deltas
                if delta["index"] == each["index"]
            ),
        )
        for each in uses
    ]
    (before,) = [each["message"]["usage"] for each in events if each["type"] == "message_start"]
    (after,) = [each["usage"] for each in events if each["type"] == "message_delta"]
    tokens = before["input_tokens"], after["output_tokens"]
    return Said("".join(pieces), tuple(calls), *tokens, pieces)


def _text(content: object) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    assert isinstance(content, list)
    return "".join(part.get("text", "") for part in content)


_DIALECTS = {
    "/chat/completions": Dialect(_chat_asked, _chat_said),
    "/responses": Dialect(_responses_asked, _responses_said),
    "/messages": Dialect(_messages_asked, _messages_said),
}
