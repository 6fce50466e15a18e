"""What an Anthropic message says about itself, whole or as events.

A stream tells usage twice: at its start a lower bound, at its end the whole. The end overrides
the start field by field; the two are never added.
"""

from __future__ import annotations

from collections.abc import Mapping

from wflo_otel.core.call import Answer
from wflo_otel.wire.anthropic_usage import answering_model, messages_usage
from wflo_otel.wire.body import (
    JsonObject,
    compact,
    error_type,
    mapping,
    objects,
    plain_name,
    text,
)
from wflo_otel.wire.calls import CallPieces
from wflo_otel.wire.dialects import Dialect

#: What is remembered of a usage.
_KEPT = (
    "input_tokens",
    "output_tokens",
    "output_tokens_details",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "cache_creation",
    "server_tool_use",
    "iterations",
    "service_tier",
    "cost",
    "is_byok",
)
_DELTA_TEXTS = ("text", "partial_json", "thinking")


class MessagesFold:
    """Folds events, or one whole message, into an answer."""

    def __init__(self, dialect: Dialect) -> None:
        self.output_chars = 0
        self.output_chunks = 0
        self.plain: str | None = None
        self._dialect = dialect
        self._id: str | None = None
        self._model: str | None = None
        self._usage: dict[str, object] = {}
        self._reason: str | None = None
        self._calls = CallPieces()
        #: How many blocks have begun: some gateways use an index twice.
        self._begun = 0
        self._error: str | None = None
        self._done = False

    def event(self, data: JsonObject) -> bool:
        """Take one event. None carries nothing but usage."""
        kind = data.get("type")
        self.plain = None
        if kind == "content_block_delta":
            self._take_delta(data.get("delta"))
        elif kind == "content_block_start":
            self._take_block(mapping(data.get("content_block")))
        elif kind == "message_start":
            self._take_message(mapping(data.get("message")))
        elif kind == "message_delta":
            self._take_usage(data.get("usage"))
            self._take_reason(mapping(data.get("delta")).get("stop_reason"))
        elif kind == "message_stop":
            self._done = True
        elif failed := error_type(data):
            self._error = failed
        return False

    def whole(self, data: JsonObject) -> None:
        """Take a whole message."""
        self._take_message(data)
        for block in objects(data.get("content")):
            self._take_block(block)
        self._done = data.get("type") == "message"

    def done(self) -> None:
        """``[DONE]`` came, which some gateways send."""
        self._done = True

    def result(self) -> Answer:
        """What was said so far."""
        raw = self._usage
        cost = self._dialect.cost
        model = answering_model(raw) or self._model
        return Answer(
            usage=messages_usage(raw, model) if raw else None,
            response_id=self._id,
            model=model,
            service_tier=text(raw.get("service_tier")),
            finish_reasons=(self._reason,) if self._reason else (),
            tool_calls=self._calls.result(),
            provider_cost=cost(raw) if raw and cost is not None else None,
            error_type=self._error,
            output_chars=self.output_chars,
            output_chunks=self.output_chunks,
            complete=self._done or self._reason is not None,
        )

    def _take_message(self, message: Mapping[str, object]) -> None:
        self._id = text(message.get("id")) or self._id
        self._model = text(message.get("model")) or self._model
        self._take_usage(message.get("usage"))
        self._take_reason(message.get("stop_reason"))

    def _take_usage(self, usage: object) -> None:
        told = mapping(usage)
        self._usage.update((key, told[key]) for key in _KEPT if told.get(key) is not None)

    def _take_reason(self, reason: object) -> None:
        if reason:
            self._reason = plain_name(reason) or "other"

    def _take_block(self, block: Mapping[str, object]) -> None:
        """A block begins, or is whole: the input of a tool is then in it."""
        self._begun += 1
        for key in ("text", "thinking"):
            if isinstance(written := block.get(key), str):
                self.output_chars += len(written)
        if block.get("type") != "tool_use":
            return
        self._calls.begin(self._begun, text(block.get("id")), text(block.get("name")))
        if given := block.get("input"):
            arguments = compact(given)
            self.output_chars += len(arguments)
            self._calls.more(self._begun, arguments)

    def _take_delta(self, delta: object) -> None:
        if not isinstance(delta, dict):
            return
        for key in _DELTA_TEXTS:
            piece = delta.get(key)
            if piece and isinstance(piece, str):
                self.output_chars += len(piece)
                self.output_chunks += 1
                if key == "partial_json":
                    self._calls.more(self._begun, piece)
                else:
                    self.plain = piece
                return
