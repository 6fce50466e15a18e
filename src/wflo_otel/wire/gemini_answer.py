"""What a generated content says about itself, whole or in chunks.

Every chunk may repeat the usage so far, and counts may shrink again: the last one that tells a
count holds. Calls of functions stand in the parts; the reason to stop does not tell of them.
"""

from __future__ import annotations

from collections.abc import Mapping

from wflo_otel.core.call import Answer
from wflo_otel.wire.body import (
    JsonObject,
    compact,
    count,
    error_type,
    items,
    mapping,
    objects,
    plain_name,
    text,
)
from wflo_otel.wire.calls import CallPieces
from wflo_otel.wire.dialects import Dialect
from wflo_otel.wire.gemini_usage import content_usage

#: Reasons that Vertex sends as the numbers of its enumeration.
_REASONS = {1: "STOP", 2: "MAX_TOKENS", 3: "SAFETY", 4: "RECITATION", 5: "OTHER"}
_TIERS = {"ON_DEMAND_FLEX": "flex", "ON_DEMAND_PRIORITY": "priority"}
_MAX_CANDIDATES = 4096


class ContentFold:
    """Folds the chunks of a stream, or one whole response, into an answer."""

    def __init__(self, dialect: Dialect) -> None:
        del dialect
        self.output_chars = 0
        self.output_chunks = 0
        self.plain: str | None = None
        self._id: str | None = None
        self._model: str | None = None
        self._usage: Mapping[str, object] = {}
        self._reasons: dict[int, str] = {}
        self._calls = CallPieces()
        self._begun = 0
        self._searches = 0
        self._error: str | None = None
        self._done = False

    def event(self, data: JsonObject) -> bool:
        """Take one chunk. None carries nothing but usage."""
        self._id = text(data.get("responseId")) or self._id
        self._model = text(data.get("modelVersion")) or self._model
        self._error = error_type(data) or self._error
        usage = data.get("usageMetadata")
        if isinstance(usage, dict) and (not self._usage or _is_told(usage)):
            self._usage = usage
        before = self.output_chars
        for at, candidate in enumerate(objects(data.get("candidates"))):
            self._take_candidate(at, candidate)
        if self.output_chars > before:
            self.output_chunks += 1
        if blocked := mapping(data.get("promptFeedback")).get("blockReason"):
            self._reasons[0] = plain_name(blocked) or "other"
        if "embedding" in data or "embeddings" in data:
            self._done = True
        return False

    def whole(self, data: JsonObject) -> None:
        """Take a whole response."""
        self.event(data)

    def done(self) -> None:
        """``[DONE]`` came, which Google does not send, but gateways may."""
        self._done = True

    def result(self) -> Answer:
        """What was said so far."""
        raw = self._usage
        reasons = tuple(self._reasons[index] for index in sorted(self._reasons))
        return Answer(
            usage=content_usage(raw, self._billed_searches()) if _is_told(raw) else None,
            response_id=self._id,
            model=self._model,
            service_tier=_tier(raw),
            finish_reasons=reasons,
            tool_calls=self._calls.result(),
            error_type=self._error,
            output_chars=self.output_chars,
            output_chunks=self.output_chunks,
            complete=self._done or bool(reasons),
        )

    def _billed_searches(self) -> int:
        """From its third generation on each query is billed, before it each prompt."""
        by_query = (self._model or "").startswith("gemini-3")
        return self._searches if by_query else min(self._searches, 1)

    def _take_candidate(self, at: int, candidate: JsonObject) -> None:
        place = candidate.get("index")
        index = place if isinstance(place, int) else at
        for part in objects(mapping(candidate.get("content")).get("parts")):
            self._take_part(part)
        reason = candidate.get("finishReason")
        if reason and (index in self._reasons or len(self._reasons) < _MAX_CANDIDATES):
            self._reasons[index] = _reason(reason)
        queries = items(mapping(candidate.get("groundingMetadata")).get("webSearchQueries"))
        self._searches = max(self._searches, len(queries))

    def _take_part(self, part: JsonObject) -> None:
        if isinstance(written := part.get("text"), str):
            self.output_chars += len(written)
        elif call := mapping(part.get("functionCall")):
            self._take_call(call)
        elif code := mapping(part.get("executableCode")):
            self.output_chars += len(text(code.get("code")) or "")

    def _take_call(self, call: Mapping[str, object]) -> None:
        """Take a call, or a piece of the last one: a piece has no name."""
        if name := text(call.get("name")):
            self._begun += 1
            self._calls.begin(self._begun, text(call.get("id")), name)
        given = call.get("args") or call.get("partialArgs")
        arguments = compact(given) if given else ""
        self.output_chars += len(arguments)
        self._calls.more(self._begun, arguments)


def _is_told(usage: Mapping[str, object]) -> bool:
    """Whether a usage says something: it has a count above zero."""
    return any(count(value) for key, value in usage.items() if key.endswith("TokenCount"))


def _reason(reason: object) -> str:
    named = _REASONS.get(reason) if isinstance(reason, int) else None
    return named or plain_name(reason) or "other"


def _tier(usage: Mapping[str, object]) -> str | None:
    tier = text(usage.get("serviceTier"))
    return tier or _TIERS.get(text(usage.get("trafficType")) or "")
