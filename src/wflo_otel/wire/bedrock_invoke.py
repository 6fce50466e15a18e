"""Bedrock's InvokeModel: each vendor's own bodies, told apart by their shape.

Counts stand in the body where the vendor has them, else in the response's headers, else in the
metrics that Bedrock adds to a stream's last event.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from wflo_otel.core.call import Answer
from wflo_otel.core.usage import Usage
from wflo_otel.wire.api import Route
from wflo_otel.wire.bedrock import Bedrock, gather, thinking_budget
from wflo_otel.wire.bedrock_invoke_answer import InvokeFold
from wflo_otel.wire.body import JsonObject, items, mapping, optional_count
from wflo_otel.wire.request import Size, Texts, at_least_one
from wflo_otel.wire.sse import Fold

_FIRST_ERROR = 400
_INPUTS = ("messages", "prompt", "inputText", "message", "texts", "inputs", "input", "query")
_BESIDE = ("documents", "inputImage", "images", "preamble", "chat_history")
#: Where vendors have the cap: the object it stands in, and its name there.
_CAPS = (
    (None, "max_tokens"),
    (None, "max_completion_tokens"),
    (None, "max_gen_len"),
    (None, "max_tokens_to_sample"),
    (None, "maxTokens"),
    ("textGenerationConfig", "maxTokenCount"),
    ("inferenceConfig", "maxTokens"),
    ("inferenceConfig", "max_new_tokens"),
)
_HEADER = "x-amzn-bedrock-{}-token-count"


class BedrockInvoke(Bedrock):
    """``POST /model/{model}/invoke``, ``POST /model/{model}/invoke-with-response-stream``."""

    @property
    def name(self) -> str:
        """``bedrock.invoke``."""
        return "bedrock.invoke"

    def answer(self, http_status: int, headers: Mapping[str, str], body: bytes) -> Answer:
        """Read a whole response; its headers count where its body does not."""
        found = Bedrock.answer(self, http_status, headers, body)
        if found.usage is not None or http_status >= _FIRST_ERROR:
            return found
        return replace(found, usage=_of_headers(headers))

    def _fold(self) -> Fold:
        return InvokeFold(self.dialect)

    def _is_mine(self, route: Route, request: JsonObject) -> bool:
        del route
        return any(key in request for key in _INPUTS)

    def _size(self, request: JsonObject, texts: Texts) -> Size:
        messages = items(request.get("messages"))
        gather(request.get("system"), texts)
        for message in messages:
            gather(mapping(message).get("content"), texts)
        for key in (*_INPUTS[1:], *_BESIDE):
            texts.add(request.get(key))
        caps = (optional_count(_inside(request, where).get(key)) for where, key in _CAPS)
        return Size(
            messages=len(messages) or 1,
            choices=at_least_one(request.get("num_generations")),
            output_cap=next((cap for cap in caps if cap is not None), None),
            tools=request.get("tools") or request.get("toolConfig"),
        )

    def _least(self, request: JsonObject) -> int:
        return thinking_budget(request) + 1

    def _cap(self, request: JsonObject, cap: int) -> bool:
        """Lower the cap where there is one; what a vendor calls it is not guessed."""
        is_written = False
        for where, key in _CAPS:
            held = _inside(request, where)
            if key not in held:
                continue
            if where is None:
                request[key] = cap
            else:
                request[where] = {**held, key: cap}
            is_written = True
        return is_written


def _inside(request: JsonObject, where: str | None) -> Mapping[str, object]:
    return request if where is None else mapping(request.get(where))


def _of_headers(headers: Mapping[str, str]) -> Usage | None:
    kinds = ("input", "output", "cache-read-input", "cache-write-input")
    found = [_number(headers.get(_HEADER.format(kind))) for kind in kinds]
    if found[0] is None and found[1] is None:
        return None
    asked, given, read, write = (each or 0 for each in found)
    return Usage(
        input_tokens=asked + read + write,
        output_tokens=given,
        cache_read_tokens=read,
        cache_write_tokens=write,
    )


def _number(value: str | None) -> int | None:
    if value is None or not value.isascii() or not value.isdigit() or len(value) > len("1" * 12):
        return None
    return int(value)
