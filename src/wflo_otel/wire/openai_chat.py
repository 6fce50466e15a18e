"""OpenAI chat completions, as OpenAI and everyone who copies them speak it."""

from __future__ import annotations

from collections.abc import Mapping

from wflo_otel.wire.api import Route
from wflo_otel.wire.body import JsonObject, items, mapping, objects, text, write
from wflo_otel.wire.chat_answer import ChatFold
from wflo_otel.wire.dialects import bare_model, provider_of_model
from wflo_otel.wire.request import JsonApi, Size, Texts, at_least_one, first_count
from wflo_otel.wire.sse import Fold

_CAP_KEYS = ("max_completion_tokens", "max_tokens")

#: Models that refuse ``max_tokens``; and the older ones at OpenAI that are known to take it.
_REASONING = ("o1", "o3", "o4", "gpt-5", "gpt-6", "codex")
_OLDER = ("gpt-3", "gpt-4", "gpt-35", "chatgpt-4o")


class OpenAIChat(JsonApi):
    """``POST …/chat/completions``."""

    @property
    def name(self) -> str:
        """``openai.chat``."""
        return "openai.chat"

    def with_usage(self, route: Route, body: bytes) -> bytes | None:
        """Set ``stream_options.include_usage`` where the host needs and takes it."""
        request = self._mine(route, body)
        if not request or request.get("stream") is not True or not self._must_ask(route, request):
            return None
        options = request.get("stream_options")
        if mapping(options).get("include_usage") is True:
            return None
        request["stream_options"] = {**mapping(options), "include_usage": True}
        return write(request)

    def _fold(self) -> Fold:
        return ChatFold(self.dialect)

    def _must_ask(self, route: Route, request: JsonObject) -> bool:
        if self.dialect.ask_usage is not None:
            return self.dialect.ask_usage
        model = text(request.get("model")) or route.model_hint
        return provider_of_model(model) == "openai"

    def _is_mine(self, route: Route, request: JsonObject) -> bool:
        return isinstance(request.get("messages"), list)

    def _size(self, request: JsonObject, texts: Texts) -> Size:
        for message in items(request.get("messages")):
            _gather(mapping(message), texts)
        schema = mapping(request.get("response_format")).get("json_schema")
        return Size(
            messages=len(items(request.get("messages"))),
            choices=at_least_one(request.get("n")),
            output_cap=first_count(request, _CAP_KEYS),
            tools=request.get("tools") or request.get("functions"),
            schema=schema,
            server_tools=_searches(request),
        )

    def _cap(self, request: JsonObject, cap: int) -> bool:
        present = [key for key in _CAP_KEYS if request.get(key) is not None]
        for key in present or [self._cap_key(request)]:
            request[key] = cap
        return True

    def _cap_key(self, request: JsonObject) -> str:
        model = bare_model(text(request.get("model")))
        if model.startswith(_REASONING):
            return "max_completion_tokens"
        if self.dialect.modern_cap and not model.startswith(_OLDER):
            return "max_completion_tokens"
        return "max_tokens"


def _searches(request: JsonObject) -> bool:
    """Whether the host searches by itself (OpenAI's way to say it, xAI's, OpenRouter's)."""
    options = request.get("web_search_options")
    return bool(options or request.get("search_parameters") or request.get("plugins"))


def _gather(message: Mapping[str, object], texts: Texts) -> None:
    texts.add_parts(message.get("content"))
    texts.add(message.get("name"))
    if calls := message.get("tool_calls"):
        for call in objects(calls):
            _gather_call(call.get("function") or call.get("custom"), texts)
    if old := message.get("function_call"):
        _gather_call(old, texts)


def _gather_call(call: object, texts: Texts) -> None:
    held = mapping(call)
    texts.add(held.get("name"))
    texts.add(held.get("arguments") or held.get("input"))
