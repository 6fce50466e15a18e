"""Embeddings as OpenAI and everyone who copies them speak them."""

from __future__ import annotations

from collections.abc import Mapping

from wflo_otel.core.call import Operation
from wflo_otel.wire.api import Route
from wflo_otel.wire.body import JsonObject
from wflo_otel.wire.chat_answer import ChatFold
from wflo_otel.wire.request import JsonApi, Size, Texts
from wflo_otel.wire.sse import Fold


class EmbeddingsFold(ChatFold):
    """Reads a list of embeddings; only its head and its usage matter."""

    def whole(self, data: JsonObject) -> None:
        """Take a whole response."""
        self.event(data)
        if "data" in data:
            self.done()


class OpenAIEmbeddings(JsonApi):
    """``POST …/embeddings``. There is no output, so there is no cap."""

    @property
    def name(self) -> str:
        """``openai.embeddings``."""
        return "openai.embeddings"

    @property
    def operation(self) -> Operation:
        """Embeddings."""
        return Operation.EMBEDDINGS

    def _fold(self) -> Fold:
        return EmbeddingsFold(self.dialect)

    def _is_mine(self, route: Route, request: JsonObject) -> bool:
        return "input" in request and ("model" in request or route.model_hint is not None)

    def _size(self, request: JsonObject, texts: Texts) -> Size:
        given = request.get("input")
        if isinstance(given, list) and any(isinstance(each, Mapping) for each in given):
            texts.add_parts(given)
        else:
            texts.add_prompt(given)
        return Size(output_cap=0)

    def _cap(self, request: JsonObject, cap: int) -> bool:
        del request, cap
        return False
