"""Anthropic's Messages API."""

from __future__ import annotations

from collections.abc import Mapping

from wflo_otel.wire.anthropic_answer import MessagesFold
from wflo_otel.wire.api import Route
from wflo_otel.wire.body import JsonObject, items, mapping, objects, optional_count, text
from wflo_otel.wire.hints import add_to_user
from wflo_otel.wire.request import JsonApi, Size, Texts
from wflo_otel.wire.sse import Fold

#: The smallest thinking budget that Anthropic accepts; ``max_tokens`` must exceed the budget.
LEAST_THINKING = 1024

_AT_SERVER = ("web_search", "web_fetch", "code_execution", "advisor", "tool_search")


class AnthropicMessages(JsonApi):
    """``POST …/v1/messages``."""

    stand_in = "anthropic_compatible"

    @property
    def name(self) -> str:
        """``anthropic.messages``."""
        return "anthropic.messages"

    def _fold(self) -> Fold:
        return MessagesFold(self.dialect)

    def _is_mine(self, route: Route, request: JsonObject) -> bool:
        named = isinstance(request.get("model"), str) or route.model_hint is not None
        return named and isinstance(request.get("messages"), list)

    def _size(self, request: JsonObject, texts: Texts) -> Size:
        system = request.get("system")
        texts.add_parts(system)
        messages = items(request.get("messages"))
        for message in messages:
            texts.add_parts(mapping(message).get("content"))
        return Size(
            messages=len(messages) + (1 if system else 0),
            output_cap=optional_count(request.get("max_tokens")),
            tools=request.get("tools"),
            schema=_schema(request),
            server_tools=_uses_server(request),
        )

    def _hint(self, request: JsonObject, hint: str) -> bool:
        return add_to_user(request, hint)

    def least_cap(self, route: Route, body: bytes) -> int:
        """The smallest output cap: that of thinking, where the request sets a budget for it."""
        if b'"budget_tokens"' not in body:  # no need to read the body again
            return 1
        return super().least_cap(route, body)

    def _least(self, request: JsonObject) -> int:
        return 1 if _thinking_budget(request) is None else LEAST_THINKING + 1

    def _cap(self, request: JsonObject, cap: int) -> bool:
        """Lower a thinking budget that the cap would not exceed, to half of it.

        The half that is left is for what the user reads. The caller has made sure that the cap
        is at least ``_least``.
        """
        budget = _thinking_budget(request)
        if budget is not None and budget >= cap:
            thinking = mapping(request["thinking"])
            request["thinking"] = {**thinking, "budget_tokens": max(LEAST_THINKING, cap // 2)}
        request["max_tokens"] = cap
        return True


def _thinking_budget(request: Mapping[str, object]) -> int | None:
    thinking = mapping(request.get("thinking"))
    return optional_count(thinking.get("budget_tokens"))


def _uses_server(request: Mapping[str, object]) -> bool:
    """Whether Anthropic runs a tool itself: such tools have a type with a date."""
    kinds = (text(tool.get("type")) or "" for tool in objects(request.get("tools")))
    return bool(request.get("mcp_servers")) or any(kind.startswith(_AT_SERVER) for kind in kinds)


def _schema(request: Mapping[str, object]) -> object:
    shape = request.get("output_format") or mapping(request.get("output_config")).get("format")
    return mapping(shape).get("schema")
