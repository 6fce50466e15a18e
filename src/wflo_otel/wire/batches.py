"""Results of batches: one answer a line, each paid for once by its id, at the batch price.

Handing a batch in is free. A file that holds other lines has no parts, and costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from wflo_otel.core.call import Answer
from wflo_otel.wire.anthropic_answer import MessagesFold
from wflo_otel.wire.api import Route
from wflo_otel.wire.body import JsonObject, error_type, mapping, read_object, text
from wflo_otel.wire.chat_answer import ChatFold
from wflo_otel.wire.dialects import Dialect
from wflo_otel.wire.request import JsonApi, Size, Texts
from wflo_otel.wire.responses_answer import ResponsesFold
from wflo_otel.wire.sse import Fold

#: More lines than a batch may have (100,000 at Anthropic, 50,000 at OpenAI).
MAX_PARTS = 200_000
#: How the catalogue, and OpenAI, call the price of a batch.
TIER = "batch"
_FIRST_ERROR = 400


class BatchResults(JsonApi):
    """``GET …/files/{id}/content``, ``…/batches/{id}/output``, ``…/batches/{id}/results``."""

    @property
    def name(self) -> str:
        """``batch.results``."""
        return "batch.results"

    def answer(self, http_status: int, headers: Mapping[str, str], body: bytes) -> Answer:
        """Read a whole file of results."""
        del headers
        if http_status >= _FIRST_ERROR:
            failed = error_type(read_object(body))
            return Answer(error_type=failed or str(http_status))
        lines = body.split(b"\n", MAX_PARTS)[:MAX_PARTS]
        found = (self._part(line) for line in lines if line.strip())
        return Answer(parts=tuple(part for part in found if part is not None), complete=True)

    def _part(self, line: bytes) -> Answer | None:
        """The answer in a line; ``None``: it holds none that used anything."""
        read = read_object(line) or {}
        body = mapping(mapping(read.get("response")).get("body"))
        message = mapping(mapping(read.get("result")).get("message"))
        held = dict(message or body)
        fold = _fold_of(held, self.dialect, is_message=bool(message))
        fold.whole(held)
        part = fold.result()
        if part.usage is None:
            return None
        named = part.response_id or text(read.get("id")) or text(read.get("custom_id"))
        return replace(part, response_id=named, service_tier=TIER)

    def _fold(self) -> Fold:
        return ChatFold(self.dialect)

    def _is_mine(self, route: Route, request: JsonObject) -> bool:
        del route, request
        return True

    def _size(self, request: JsonObject, texts: Texts) -> Size:
        del request, texts
        return Size()

    def _cap(self, request: JsonObject, cap: int) -> bool:
        del request, cap
        return False


def _fold_of(held: JsonObject, dialect: Dialect, *, is_message: bool) -> Fold:
    if is_message:
        return MessagesFold(dialect)
    if held.get("object") == "response":
        return ResponsesFold(dialect)
    return ChatFold(dialect)
