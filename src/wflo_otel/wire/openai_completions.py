"""OpenAI's older text completions, and those of the servers that copy them."""

from __future__ import annotations

from wflo_otel.core.call import Operation
from wflo_otel.wire.api import Route
from wflo_otel.wire.body import JsonObject, optional_count
from wflo_otel.wire.openai_chat import OpenAIChat
from wflo_otel.wire.request import Size, Texts, at_least_one


class OpenAICompletions(OpenAIChat):
    """``POST …/completions``: chat's responses and streams, with a prompt for messages."""

    @property
    def name(self) -> str:
        """``openai.completions``."""
        return "openai.completions"

    @property
    def operation(self) -> Operation:
        """A text completion."""
        return Operation.TEXT_COMPLETION

    def _is_mine(self, route: Route, request: JsonObject) -> bool:
        return "prompt" in request and ("model" in request or route.model_hint is not None)

    def _size(self, request: JsonObject, texts: Texts) -> Size:
        prompts = texts.add_prompt(request.get("prompt"))
        texts.add(request.get("suffix"))
        each = max(at_least_one(request.get("n")), at_least_one(request.get("best_of")))
        return Size(
            choices=prompts * each,
            output_cap=optional_count(request.get("max_tokens")),
        )

    def _cap(self, request: JsonObject, cap: int) -> bool:
        request["max_tokens"] = cap
        return True
