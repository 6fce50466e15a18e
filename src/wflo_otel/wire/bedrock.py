"""Bedrock's Converse API, one shape for every vendor's models.

The URL names the model. Requests that are signed cannot be changed on their way; those with a
bearer token can.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace

from wflo_otel.core.call import Answer
from wflo_otel.wire.api import Route, StreamReader
from wflo_otel.wire.bedrock_answer import ConverseFold
from wflo_otel.wire.body import JsonObject, items, mapping, objects, optional_count, plain_name
from wflo_otel.wire.frames import Frames
from wflo_otel.wire.hints import add_to_user
from wflo_otel.wire.request import JsonApi, Size, Texts
from wflo_otel.wire.sse import Fold
from wflo_otel.wire.streams import ObjectReader

_FIRST_ERROR = 400


class Bedrock(JsonApi):
    """What both of Bedrock's APIs share: frames, and errors that are named in a header."""

    stand_in = "aws.bedrock"

    def answer(self, http_status: int, headers: Mapping[str, str], body: bytes) -> Answer:
        """Read a whole response, or an error's."""
        found = JsonApi.answer(self, http_status, headers, body)
        kind = plain_name(headers.get("x-amzn-errortype", "").partition(":")[0])
        if http_status < _FIRST_ERROR or kind is None:
            return found
        return replace(found, error_type=kind)

    def stream(self, *, hide_usage: bool = False) -> StreamReader:
        """Begin to read frames."""
        del hide_usage
        return ObjectReader(self._fold(), Frames())

    def _hint(self, request: JsonObject, hint: str) -> bool:
        return add_to_user(request, hint)

    @abstractmethod
    def _fold(self) -> Fold:
        """Begin to read a response."""


class BedrockConverse(Bedrock):
    """``POST /model/{model}/converse``, ``POST /model/{model}/converse-stream``."""

    @property
    def name(self) -> str:
        """``bedrock.converse``."""
        return "bedrock.converse"

    def _fold(self) -> Fold:
        return ConverseFold()

    def _is_mine(self, route: Route, request: JsonObject) -> bool:
        del route
        return isinstance(request.get("messages"), list)

    def _size(self, request: JsonObject, texts: Texts) -> Size:
        system, messages = request.get("system"), items(request.get("messages"))
        gather(system, texts)
        for message in messages:
            gather(mapping(message).get("content"), texts)
        tools = mapping(request.get("toolConfig")).get("tools")
        return Size(
            messages=len(messages) + (1 if system else 0),
            output_cap=optional_count(mapping(request.get("inferenceConfig")).get("maxTokens")),
            tools=tools,
            server_tools=any("systemTool" in tool for tool in objects(tools)),
        )

    def _least(self, request: JsonObject) -> int:
        return thinking_budget(mapping(request.get("additionalModelRequestFields"))) + 1

    def _cap(self, request: JsonObject, cap: int) -> bool:
        request["inferenceConfig"] = {**mapping(request.get("inferenceConfig")), "maxTokens": cap}
        return True


def thinking_budget(fields: Mapping[str, object]) -> int:
    """How many tokens a model may think; the output's cap must be larger. 0 without a budget."""
    return optional_count(mapping(fields.get("thinking")).get("budget_tokens")) or 0


def gather(content: object, texts: Texts) -> None:
    """Take a message's content: Bedrock's parts, or those of the model's own vendor."""
    if not isinstance(content, list):
        texts.add_parts(content)
        return
    for part in content:
        if isinstance(part, dict) and "type" not in part:
            _gather_part(part, texts)
        else:
            texts.add_parts([part])


def _gather_part(part: JsonObject, texts: Texts) -> None:
    if "text" in part:
        texts.add(part["text"])
    elif tool := mapping(part.get("toolUse")):
        texts.add(tool.get("name"))
        texts.add(tool.get("input"))
    elif result := mapping(part.get("toolResult")):
        for each in objects(result.get("content")):
            _gather_given(each, texts)
    elif reasoning := mapping(part.get("reasoningContent")):
        texts.add(mapping(reasoning.get("reasoningText")).get("text"))
    elif "cachePoint" not in part:
        texts.media += 1


def _gather_given(part: JsonObject, texts: Texts) -> None:
    """Take what a tool gave back; its own parts hold no further ones."""
    if "text" in part or "json" in part:
        texts.add(part.get("text", part.get("json")))
    else:
        texts.media += 1
