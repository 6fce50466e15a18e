"""Cohere's own API, versions 1 and 2: chat, embeddings, rerank.

The first version streams lines, the second events. Rerank is copied by many servers.
"""

from __future__ import annotations

from wflo_otel.core.call import Operation
from wflo_otel.wire.api import Route, StreamReader
from wflo_otel.wire.body import JsonObject, items, mapping, objects, optional_count
from wflo_otel.wire.cohere_answer import CohereFold
from wflo_otel.wire.request import JsonApi, Size, Texts
from wflo_otel.wire.sse import Fold
from wflo_otel.wire.streams import EitherReader, Lines


class CohereChat(JsonApi):
    """``POST /v1/chat``, ``POST /v2/chat``."""

    stand_in = "cohere"

    @property
    def name(self) -> str:
        """``cohere.chat``."""
        return "cohere.chat"

    def stream(self, *, hide_usage: bool = False) -> StreamReader:
        """Begin to read events or lines."""
        del hide_usage
        return EitherReader(self._fold(), Lines())

    def _fold(self) -> Fold:
        return CohereFold(self.dialect)

    def _is_mine(self, route: Route, request: JsonObject) -> bool:
        """At a host that is not known a model must be named: others have a ``/v1/chat`` too."""
        has_text = isinstance(request.get("messages"), list) or "message" in request
        return has_text and ("model" in request or route.provider_hint == "cohere")

    def _size(self, request: JsonObject, texts: Texts) -> Size:
        messages = [*items(request.get("messages")), *items(request.get("chat_history"))]
        for message in map(mapping, messages):
            texts.add_parts(message.get("content"))
            texts.add(message.get("message"))
            texts.add(message.get("tool_plan"))
            for call in objects(message.get("tool_calls")):
                texts.add(call.get("function"))
        for key in ("preamble", "message", "documents"):
            texts.add(request.get(key) or None)
        shape = mapping(request.get("response_format"))
        return Size(
            messages=len(messages) + ("message" in request),
            output_cap=optional_count(request.get("max_tokens")),
            tools=request.get("tools"),
            schema=shape.get("json_schema") or shape.get("schema"),
            server_tools=bool(request.get("connectors")),
        )

    def _cap(self, request: JsonObject, cap: int) -> bool:
        request["max_tokens"] = cap
        return True


class CohereEmbed(CohereChat):
    """``POST /v1/embed``, ``POST /v2/embed``. There is no output, so there is no cap."""

    @property
    def name(self) -> str:
        """``cohere.embed``."""
        return "cohere.embed"

    @property
    def operation(self) -> Operation:
        """Embeddings."""
        return Operation.EMBEDDINGS

    def _is_mine(self, route: Route, request: JsonObject) -> bool:
        del route
        return any(key in request for key in ("texts", "inputs", "images"))

    def _size(self, request: JsonObject, texts: Texts) -> Size:
        texts.add_parts(request.get("texts"))
        for each in items(request.get("inputs")):
            texts.add_parts(mapping(each).get("content"))
        texts.media += len(items(request.get("images")))
        return Size(output_cap=0)

    def _cap(self, request: JsonObject, cap: int) -> bool:
        del request, cap
        return False


class CohereRerank(CohereEmbed):
    """``POST …/rerank``: orders documents by a query."""

    @property
    def name(self) -> str:
        """``cohere.rerank``."""
        return "cohere.rerank"

    def _is_mine(self, route: Route, request: JsonObject) -> bool:
        del route
        return "query" in request and "documents" in request

    def _size(self, request: JsonObject, texts: Texts) -> Size:
        texts.add(request.get("query"))
        texts.add_parts(request.get("documents"))
        return Size(output_cap=0)
