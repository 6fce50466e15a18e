"""Vertex's older ``predict``: embeddings of text, and images, at the URLs of Google's models.

Embeddings tell their tokens one by one. What tells none (images, a model of one's own) is
charged as it was estimated.
"""

from __future__ import annotations

from collections.abc import Mapping

from wflo_otel.core.call import Answer, Operation
from wflo_otel.core.usage import Usage
from wflo_otel.wire.api import Route
from wflo_otel.wire.body import JsonObject, error_type, mapping, objects, optional_count
from wflo_otel.wire.request import JsonApi, Size, Texts
from wflo_otel.wire.sse import Fold

_TEXTS = ("content", "prompt", "text", "title")


class VertexPredict(JsonApi):
    """``POST …/publishers/google/models/{model}:predict``. There is no cap to write."""

    stand_in = "gcp.vertex_ai"

    @property
    def name(self) -> str:
        """``vertex.predict``."""
        return "vertex.predict"

    @property
    def operation(self) -> Operation:
        """Embeddings, as nearly all that is left there."""
        return Operation.EMBEDDINGS

    def _fold(self) -> Fold:
        return PredictionsFold()

    def _is_mine(self, route: Route, request: JsonObject) -> bool:
        del route
        return isinstance(request.get("instances"), list)

    def _size(self, request: JsonObject, texts: Texts) -> Size:
        for instance in objects(request.get("instances")):
            for key in _TEXTS:
                texts.add(instance.get(key))
            texts.media += any(key in instance for key in ("image", "video"))
        return Size(output_cap=0)

    def _cap(self, request: JsonObject, cap: int) -> bool:
        del request, cap
        return False


class PredictionsFold:
    """Reads a whole response; there are no streams."""

    def __init__(self) -> None:
        self.output_chars = 0
        self.output_chunks = 0
        self.plain: str | None = None
        self._tokens: int | None = None
        self._error: str | None = None
        self._done = False

    def event(self, data: JsonObject) -> bool:
        """Take what came as if it were whole."""
        self.whole(data)
        return False

    def whole(self, data: JsonObject) -> None:
        """Take a whole response."""
        counts = [_tokens(each) for each in objects(data.get("predictions"))]
        told = [each for each in counts if each is not None]
        self._tokens = sum(told) if told else None
        self._error = error_type(data)
        self._done = "predictions" in data

    def done(self) -> None:
        """An end mark came."""
        self._done = True

    def result(self) -> Answer:
        """What was said."""
        return Answer(
            usage=None if self._tokens is None else Usage(self._tokens),
            error_type=self._error,
            complete=self._done,
        )


def _tokens(prediction: Mapping[str, object]) -> int | None:
    statistics = mapping(mapping(prediction.get("embeddings")).get("statistics"))
    return optional_count(statistics.get("token_count"))
