"""Google's Interactions API: created by POST, fetched by GET.

Usage stands in the interaction that ends a stream; what it generates comes in steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wflo_otel.core.call import Answer, Heard, ToolResult
from wflo_otel.wire.api import Route
from wflo_otel.wire.body import (
    JsonObject,
    compact,
    error_type,
    items,
    mapping,
    objects,
    optional_count,
    plain_name,
    text,
)
from wflo_otel.wire.calls import CallPieces
from wflo_otel.wire.dialects import Dialect
from wflo_otel.wire.gemini_usage import interaction_usage
from wflo_otel.wire.heard import named, since_model, written
from wflo_otel.wire.request import JsonApi, Size, Texts
from wflo_otel.wire.sse import Fold

_ENDED = frozenset({"completed", "requires_action", "failed", "cancelled", "incomplete"})
#: Whose items have no role: what users say and send; every other kind is the model's.
_CONTENTS = ("text", "image", "audio", "video", "document", "file")
_USERS = frozenset({"user_input", "function_result", *_CONTENTS})
_KEPT = ("id", "model", "service_tier", "status", "usage")


class GeminiInteractions(JsonApi):
    """``POST …/interactions``, ``GET …/interactions/{id}``."""

    stand_in = "gcp.gemini"

    @property
    def name(self) -> str:
        """``gemini.interactions``."""
        return "gemini.interactions"

    def _fold(self) -> Fold:
        return InteractionFold(self.dialect)

    def _is_mine(self, route: Route, request: JsonObject) -> bool:
        del route
        return "input" in request and ("model" in request or "agent" in request)

    def _size(self, request: JsonObject, texts: Texts) -> Size:
        system, given = request.get("system_instruction"), request.get("input")
        texts.add(system)
        several = items(given) if isinstance(given, list) else [given]
        for each in several:
            texts.add_parts(each.get("content", [each]) if isinstance(each, dict) else each)
        tools = request.get("tools")
        config = mapping(request.get("generation_config"))
        return Size(
            messages=len(several) + (1 if system else 0),
            output_cap=optional_count(config.get("max_output_tokens")),
            tools=tools,
            schema=request.get("response_format"),
            hidden_history=bool(request.get("previous_interaction_id") or request.get("agent")),
            server_tools=any(tool.get("type") != "function" for tool in objects(tools)),
        )

    def _heard(self, request: JsonObject) -> Heard:
        given = request.get("input")
        run, new = since_model(given if isinstance(given, list) else [given], _is_models)
        results = [_result(step) for step in _steps(new, "function_result")]
        calls = [
            (text(step.get("id")) or "", text(step.get("name")) or "")
            for step in _steps(run, "function_call")
        ]
        has_history = bool(run or request.get("previous_interaction_id"))
        begins = not results and (any(new) or not has_history)
        return Heard(named(results, calls), begins=begins)

    def _hint(self, request: JsonObject, hint: str) -> bool:
        given = request.get("input")
        if isinstance(given, str):
            given = [{"type": "text", "text": given}]
        if not given or not isinstance(given, list):
            return False
        request["input"] = [*given, _said(hint, mapping(given[-1]))]
        return True

    def _cap(self, request: JsonObject, cap: int) -> bool:
        config = mapping(request.get("generation_config"))
        request["generation_config"] = {**config, "max_output_tokens": cap}
        return True


def _is_models(item: Mapping[str, object]) -> bool:
    if role := item.get("role"):
        return role == "model"
    kind = text(item.get("type"))
    return kind is not None and kind not in _USERS


def _steps(given: Sequence[object], kind: str) -> list[JsonObject]:
    """The steps of a kind, which stand for themselves or in a turn."""
    found = [step for item in objects(given) for step in (item, *objects(item.get("content")))]
    return [step for step in found if step.get("type") == kind]


def _said(words: str, last: Mapping[str, object]) -> JsonObject:
    """A user's words in the form of what stands before them: a turn, a content or a step."""
    content: JsonObject = {"type": "text", "text": words}
    if "role" in last:
        return {"role": "user", "content": [content]}
    if last.get("type") in _CONTENTS:
        return content
    return {"type": "user_input", "content": [content]}


def _result(step: Mapping[str, object]) -> ToolResult:
    call_id, name = text(step.get("call_id")) or "", text(step.get("name")) or ""
    return ToolResult(call_id, name, written(step.get("result")))


class InteractionFold:
    """Folds events, or one whole interaction, into an answer."""

    def __init__(self, dialect: Dialect) -> None:
        del dialect
        self.output_chars = 0
        self.output_chunks = 0
        self.plain: str | None = None
        self._last: Mapping[str, object] = {}
        self._calls = CallPieces()
        self._error: str | None = None
        self._done = False

    def event(self, data: JsonObject) -> bool:
        """Take one event. None carries nothing but usage."""
        kind = data.get("event_type")
        if kind == "step.start":
            self._take_step(data.get("index"), mapping(data.get("step")))
        elif kind == "step.delta":
            self._take_delta(data.get("index"), mapping(data.get("delta")))
        elif held := mapping(data.get("interaction")):
            self._take(held)
        self._error = error_type(data) or self._error
        return False

    def whole(self, data: JsonObject) -> None:
        """Take a whole interaction."""
        self._take(data)
        for at, step in enumerate(objects(data.get("steps"))):
            self._take_step(at, step)

    def done(self) -> None:
        """``[DONE]`` came."""
        self._done = True

    def result(self) -> Answer:
        """What was said so far."""
        last = self._last
        raw = mapping(last.get("usage"))
        status = plain_name(last.get("status"))
        has_ended = status in _ENDED
        return Answer(
            usage=interaction_usage(raw) if raw else None,
            response_id=text(last.get("id")),
            model=text(last.get("model")),
            service_tier=text(last.get("service_tier")),
            finish_reasons=(status,) if status is not None and has_ended else (),
            tool_calls=self._calls.result(),
            error_type=self._error,
            output_chars=self.output_chars,
            output_chunks=self.output_chunks,
            complete=self._done or has_ended,
        )

    def _take(self, interaction: Mapping[str, object]) -> None:
        self._last = {key: interaction.get(key) for key in _KEPT}
        self._error = error_type(interaction) or self._error

    def _take_step(self, index: object, step: Mapping[str, object]) -> None:
        place = index if isinstance(index, int) else -1
        if step.get("type") == "function_call":
            arguments = compact(step.get("arguments")) if step.get("arguments") else ""
            self.output_chars += len(arguments)
            self._calls.begin(place, text(step.get("id")), text(step.get("name")))
            self._calls.more(place, arguments)
        for part in objects(step.get("content")):
            self.output_chars += len(text(part.get("text")) or "")

    def _take_delta(self, index: object, delta: Mapping[str, object]) -> None:
        place = index if isinstance(index, int) else -1
        arguments = text(delta.get("arguments")) or ""
        self._calls.more(place, arguments)
        written = len(text(delta.get("text")) or "") + len(arguments)
        self.output_chars += written
        self.output_chunks += bool(written)
