"""What a response of the Responses API says about itself, whole or as events.

Usage stands in the response that ends a stream, and nowhere else. Tool calls are taken from the
items as they are done, because some hosts leave ``output`` empty at the end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from wflo_otel.core.call import Answer
from wflo_otel.wire.body import JsonObject, error_type, mapping, objects, plain_name, text
from wflo_otel.wire.calls import CallPieces
from wflo_otel.wire.dialects import Dialect
from wflo_otel.wire.openai_usage import responses_usage

#: Tools that run at the provider, by the item they leave, and how they are billed.
_SERVER_TOOLS = {
    "web_search_call": "web_search",
    "file_search_call": "file_search",
    "code_interpreter_call": "code_interpreter",
    "image_generation_call": "image_generation",
    "x_search_call": "x_search",
}
_TOOL_CALLS = frozenset({"function_call", "custom_tool_call"})
_ENDED = frozenset({"completed", "incomplete", "failed", "cancelled"})


class ResponsesFold:
    """Folds events, or one whole response, into an answer."""

    def __init__(self, dialect: Dialect) -> None:
        self.output_chars = 0
        self.output_chunks = 0
        self.plain: str | None = None
        self._dialect = dialect
        self._response: Mapping[str, object] = {}
        self._calls = CallPieces()
        self._server_tools: Counter[str] = Counter()
        self._error: str | None = None
        self._done = False

    def event(self, data: JsonObject) -> bool:
        """Take one event. None carries nothing but usage."""
        kind = data.get("type")
        self.plain = None
        if not isinstance(kind, str):
            self._error = error_type(data) or self._error
        elif kind.endswith(".delta"):
            if isinstance(piece := data.get("delta"), str) and piece:
                self.output_chars += len(piece)
                self.output_chunks += 1
                self.plain = piece
        elif kind == "response.output_item.done":
            self._take_item(mapping(data.get("item")))
        elif isinstance(response := data.get("response"), dict):
            self._take_response(response)
        elif kind == "error":
            self._error = error_type(data)
        return False

    def whole(self, data: JsonObject) -> None:
        """Take a whole response."""
        self._take_response(data)
        for item in objects(data.get("output")):
            self._count_text(item)

    def done(self) -> None:
        """``[DONE]`` came, which some hosts send."""
        self._done = True

    def result(self) -> Answer:
        """What was said so far."""
        response = self._response
        raw = mapping(response.get("usage"))
        cost = self._dialect.cost
        tools = tuple(sorted(self._server_tools.items()))
        status = plain_name(response.get("status"))
        return Answer(
            usage=responses_usage(raw, tools) if raw else None,
            response_id=text(response.get("id")),
            model=text(response.get("model")),
            service_tier=text(response.get("service_tier")),
            finish_reasons=_reasons(status, response) if status in _ENDED else (),
            tool_calls=self._calls.result(),
            provider_cost=cost(raw) if raw and cost is not None else None,
            error_type=self._error,
            output_chars=self.output_chars,
            output_chunks=self.output_chunks,
            complete=self._done or status in _ENDED,
        )

    def _take_response(self, response: Mapping[str, object]) -> None:
        self._response = {key: response.get(key) for key in _KEPT}
        self._error = error_type(response) or self._error
        items = objects(response.get("output"))
        if items:
            self._server_tools.clear()
        for item in items:
            self._take_item(item)

    def _take_item(self, item: Mapping[str, object]) -> None:
        kind = item.get("type")
        if kind in _TOOL_CALLS:
            call_id = text(item.get("call_id")) or text(item.get("id"))
            self._calls.replace(call_id, call_id, text(item.get("name")), _arguments(item))
        elif isinstance(kind, str) and kind in _SERVER_TOOLS and _is_billed(item):
            self._server_tools[_SERVER_TOOLS[kind]] += 1

    def _count_text(self, item: Mapping[str, object]) -> None:
        for part in (*objects(item.get("content")), *objects(item.get("summary"))):
            written = part.get("text") or part.get("refusal")
            if isinstance(written, str):
                self.output_chars += len(written)
        self.output_chars += len(_arguments(item))


_KEPT = ("id", "model", "service_tier", "status", "usage", "incomplete_details")


def _arguments(item: Mapping[str, object]) -> str:
    return text(item.get("arguments")) or text(item.get("input")) or ""


def _is_billed(item: Mapping[str, object]) -> bool:
    """A web search is billed for searching, not for opening the pages it found."""
    action = mapping(item.get("action")).get("type")
    return item.get("type") != "web_search_call" or action in {None, "search"}


def _reasons(status: str | None, response: Mapping[str, object]) -> tuple[str, ...]:
    why = plain_name(mapping(response.get("incomplete_details")).get("reason"))
    return (f"{status}:{why}" if why else f"{status}",)
