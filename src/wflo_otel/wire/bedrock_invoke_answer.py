"""What a model that was invoked at Bedrock says about itself, in its vendor's words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from wflo_otel.core.call import Answer
from wflo_otel.core.usage import Usage
from wflo_otel.wire.anthropic_answer import MessagesFold
from wflo_otel.wire.bedrock_answer import ConverseFold
from wflo_otel.wire.body import (
    JsonObject,
    compact,
    error_type,
    mapping,
    objects,
    optional_count,
    plain_name,
    text,
)
from wflo_otel.wire.calls import CallPieces
from wflo_otel.wire.chat_answer import ChatFold
from wflo_otel.wire.dialects import Dialect
from wflo_otel.wire.sse import Fold

_METRICS = "amazon-bedrock-invocationMetrics"
_CONVERSE = (
    *("output", "messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop"),
    *("messageStop", "metadata"),
)


class InvokeFold:
    """Finds out by the first object whose body it is, and reads it as such."""

    def __init__(self, dialect: Dialect) -> None:
        self.output_chars = 0
        self.output_chunks = 0
        self.plain: str | None = None
        self._dialect = dialect
        self._inner: Fold = PlainFold()
        self._is_chosen = False
        self._metrics: Mapping[str, object] = {}

    def event(self, data: JsonObject) -> bool:
        """Take one event. None carries nothing but usage."""
        self._choose(data)
        self._inner.event(data)
        self._metrics = mapping(data.get(_METRICS)) or self._metrics
        self._count()
        return False

    def whole(self, data: JsonObject) -> None:
        """Take a whole response."""
        self._choose(data)
        self._inner.whole(data)
        self._count()

    def done(self) -> None:
        """An end mark came."""
        self._inner.done()

    def result(self) -> Answer:
        """What was said so far."""
        answer = self._inner.result()
        if not self._metrics:
            return answer
        usage = answer.usage or _of_metrics(self._metrics)
        return replace(answer, usage=usage, complete=True)

    def _choose(self, data: JsonObject) -> None:
        if self._is_chosen or "error" in data:
            return
        self._is_chosen = True
        if isinstance(data.get("type"), str) and "completion" not in data:
            self._inner = MessagesFold(self._dialect)
        elif "choices" in data:
            self._inner = ChatFold(self._dialect)
        elif any(key in data for key in _CONVERSE):
            self._inner = ConverseFold()

    def _count(self) -> None:
        self.output_chars = self._inner.output_chars
        self.output_chunks = self._inner.output_chunks


def _of_metrics(metrics: Mapping[str, object]) -> Usage:
    asked, given, read, write = (
        optional_count(metrics.get(f"{kind}TokenCount")) or 0
        for kind in ("input", "output", "cacheReadInput", "cacheWriteInput")
    )
    return Usage(asked + read + write, given, read, write)


#: Where vendors have what was written: lists of results, and texts at the top.
_LISTS = ("results", "outputs", "generations", "completions")
_TEXTS = ("generation", "outputText", "completion", "text")
_REASONS = ("stop_reason", "finish_reason", "completionReason", "finishReason")
_INPUTS = ("prompt_token_count", "inputTextTokenCount")
_OUTPUTS = ("generation_token_count", "totalOutputTextTokenCount")


class PlainFold:
    """Reads the bodies of Titan, Llama, Cohere, Mistral's and AI21's older models."""

    def __init__(self) -> None:
        self.output_chars = 0
        self.output_chunks = 0
        self.plain: str | None = None
        self._input: int | None = None
        self._output: int | None = None
        self._reason: str | None = None
        self._calls = CallPieces()
        self._begun = 0
        self._error: str | None = None
        self._done = False

    def event(self, data: JsonObject) -> bool:
        """Take one event. None carries nothing but usage."""
        before = self.output_chars
        for each in (data, *_results(data)):
            self._take(each)
        for call in objects(data.get("tool_calls")):
            self._begun += 1
            self._calls.begin(self._begun, None, text(call.get("name")))
            self._calls.more(self._begun, compact(call.get("parameters")))
        self._take_counts(data)
        self.output_chunks += self.output_chars > before
        self._error = error_type(data) or self._error
        return False

    def whole(self, data: JsonObject) -> None:
        """Take a whole response."""
        self.event(data)
        self.output_chunks = 0
        self._done = True

    def done(self) -> None:
        """An end mark came."""
        self._done = True

    def result(self) -> Answer:
        """What was said so far."""
        is_told = self._input is not None or self._output is not None
        return Answer(
            usage=Usage(self._input or 0, self._output or 0) if is_told else None,
            finish_reasons=(self._reason,) if self._reason else (),
            tool_calls=self._calls.result(),
            error_type=self._error,
            output_chars=self.output_chars,
            output_chunks=self.output_chunks,
            complete=self._done or self._reason is not None,
        )

    def _take(self, held: Mapping[str, object]) -> None:
        for key in _TEXTS:
            self.output_chars += len(text(held.get(key)) or "")
        for key in _REASONS:
            if reason := held.get(key):
                self._reason = plain_name(reason) or "other"

    def _take_counts(self, data: JsonObject) -> None:
        told = mapping(data.get("usage"))
        self._input = _last(data, _INPUTS, told.get("input_tokens"), self._input)
        self._output = _last(data, _OUTPUTS, told.get("output_tokens"), self._output)
        counts = (optional_count(each.get("tokenCount")) for each in objects(data.get("results")))
        if given_each := [each for each in counts if each is not None]:
            self._output = sum(given_each)


def _last(data: JsonObject, keys: tuple[str, ...], told: object, before: int | None) -> int | None:
    """The count that an event tells; if it tells none, the one before."""
    counts = [optional_count(value) for value in (*map(data.get, keys), told)]
    return next((each for each in counts if each is not None), before)


def _results(data: JsonObject) -> Iterator[Mapping[str, object]]:
    for key in _LISTS:
        for each in objects(data.get(key)):
            yield each
            yield mapping(each.get("data"))
