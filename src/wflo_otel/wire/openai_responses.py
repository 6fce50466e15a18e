"""OpenAI's Responses API: created by POST, fetched, polled and resumed by GET."""

from __future__ import annotations

from collections.abc import Mapping

from wflo_otel.core.call import Heard, ToolResult
from wflo_otel.wire.api import Route
from wflo_otel.wire.body import JsonObject, items, mapping, objects, optional_count, text
from wflo_otel.wire.heard import named, since_model, written
from wflo_otel.wire.request import JsonApi, Size, Texts
from wflo_otel.wire.responses_answer import ResponsesFold
from wflo_otel.wire.sse import Fold

#: The smallest ``max_output_tokens`` that OpenAI accepts (its API reference).
LEAST_OUTPUT = 16

_HISTORY = ("previous_response_id", "conversation")
_STORED = (*_HISTORY, "prompt")
#: Tools that the caller runs; every other kind runs at the provider.
_OWN_TOOLS = frozenset(
    {"function", "custom", "namespace", "local_shell", "shell", "apply_patch", "computer"}
    | {"computer_use_preview"}
)
#: What callers send back; every other item without a role is the model's own.
_RESULTS = frozenset(
    {"function_call_output", "custom_tool_call_output", "computer_call_output"}
    | {"local_shell_call_output", "shell_call_output", "apply_patch_call_output"}
)
_TEXT_FIELDS = ("name", "arguments", "input", "output")


class OpenAIResponses(JsonApi):
    """``POST …/responses``, ``GET …/responses/{id}``."""

    @property
    def name(self) -> str:
        """``openai.responses``."""
        return "openai.responses"

    def _fold(self) -> Fold:
        return ResponsesFold(self.dialect)

    def _is_mine(self, route: Route, request: JsonObject) -> bool:
        del route
        has_content = "input" in request or any(key in request for key in _STORED)
        return has_content and ("model" in request or "prompt" in request)

    def _size(self, request: JsonObject, texts: Texts) -> Size:
        hidden = any(request.get(key) for key in _STORED)
        messages = 1 if request.get("instructions") else 0
        texts.add(request.get("instructions"))
        given = request.get("input")
        if isinstance(given, list):
            messages += len(given)
            for item in given:
                hidden = _gather(mapping(item), texts) or hidden
        else:
            messages += 1 if given else 0
            texts.add(given)
        shape = mapping(mapping(request.get("text")).get("format"))
        return Size(
            messages=messages,
            output_cap=optional_count(request.get("max_output_tokens")),
            tools=request.get("tools"),
            schema=shape.get("schema"),
            hidden_history=hidden,
            server_tools=any(map(_is_at_server, objects(request.get("tools")))),
        )

    def _heard(self, request: JsonObject) -> Heard:
        given = request.get("input")
        several = items(given) if isinstance(given, list) else [given] if given else ()
        run, new = since_model(several, _is_models)
        results = [_result(item) for item in objects(new) if _is_result(item)]
        calls = [(text(call.get("call_id")) or "", text(call.get("name")) or "") for call in run]
        has_history = bool(run) or any(request.get(key) for key in _HISTORY)
        begins = not results and (any(map(_is_users, new)) or not has_history)
        return Heard(named(results, calls), begins=begins)

    def _hint(self, request: JsonObject, hint: str) -> bool:
        given = request.get("input")
        if not given or not isinstance(given, str | list):
            return False
        before = [_user_item(given)] if isinstance(given, str) else given
        request["input"] = [*before, _user_item(hint)]
        return True

    def least_cap(self, route: Route, body: bytes) -> int:
        """The smallest output cap: that of every request, so the body is not read for it."""
        del route, body
        return LEAST_OUTPUT

    def _least(self, request: JsonObject) -> int:
        del request
        return LEAST_OUTPUT

    def _cap(self, request: JsonObject, cap: int) -> bool:
        request["max_output_tokens"] = cap
        return True


class OpenAICompact(OpenAIResponses):
    """``POST …/responses/compact``: shortens a history. Paid for, and takes no cap.

    The tools' results in it go to the model with the next request, so none is heard here.
    """

    def _heard(self, request: JsonObject) -> Heard:
        del request
        return Heard()

    def _hint(self, request: JsonObject, hint: str) -> bool:
        del request, hint
        return False

    def _cap(self, request: JsonObject, cap: int) -> bool:
        del request, cap
        return False


def _is_at_server(tool: Mapping[str, object]) -> bool:
    kind = text(tool.get("type"))
    return kind is not None and kind not in _OWN_TOOLS


def _is_result(item: Mapping[str, object]) -> bool:
    return text(item.get("type")) in _RESULTS


def _is_models(item: Mapping[str, object]) -> bool:
    if role := item.get("role"):
        return role == "assistant"
    kind = text(item.get("type"))
    return kind not in {None, "mcp_approval_response"} and kind not in _RESULTS


def _is_users(item: object) -> bool:
    return isinstance(item, str) or mapping(item).get("role") == "user"


def _user_item(words: str) -> JsonObject:
    content = [{"type": "input_text", "text": words}]
    return {"type": "message", "role": "user", "content": content}


def _result(item: Mapping[str, object]) -> ToolResult:
    call_id = text(item.get("call_id")) or text(item.get("id")) or ""
    return ToolResult(call_id, "", written(item.get("output")))


def _gather(item: Mapping[str, object], texts: Texts) -> bool:
    """Take an input item; return whether it stands for content that cannot be seen."""
    if item.get("type") == "item_reference":
        return True
    if "content" in item:
        texts.add_parts(item["content"])
    for key in _TEXT_FIELDS:
        if (value := item.get(key)) is not None:
            texts.add_parts(value)
    if "summary" in item:
        texts.add_parts(item["summary"])
    return bool(item.get("encrypted_content"))
