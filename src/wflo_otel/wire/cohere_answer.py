"""What Cohere's answers say about themselves, of both versions of its API, whole or streamed.

Billed units are what is paid for; ``tokens`` contain a template that is not.
"""

from __future__ import annotations

from collections.abc import Mapping

from wflo_otel.core.call import Answer
from wflo_otel.core.usage import Usage
from wflo_otel.wire.body import (
    JsonObject,
    compact,
    count,
    error_type,
    mapping,
    objects,
    plain_name,
    text,
)
from wflo_otel.wire.calls import CallPieces
from wflo_otel.wire.dialects import Dialect
from wflo_otel.wire.openai_usage import chat_usage

_RESULTS = ("embeddings", "results", "text", "message")


class CohereFold:
    """Folds events, lines, or one whole response, into an answer."""

    def __init__(self, dialect: Dialect) -> None:
        self.output_chars = 0
        self.output_chunks = 0
        self.plain: str | None = None
        self._dialect = dialect
        self._id: str | None = None
        self._model: str | None = None
        self._usage: Mapping[str, object] = {}
        self._reason: str | None = None
        self._calls = CallPieces()
        self._begun = 0
        self._error: str | None = None
        self._done = False

    def event(self, data: JsonObject) -> bool:
        """Take one event. None carries nothing but usage."""
        before = self.output_chars
        kind = data.get("type") or data.get("event_type")
        self._error = error_type(data) or self._error
        if kind == "tool-call-start":
            self._begun += 1
        self._take_ids(data)
        delta = mapping(data.get("delta"))
        self._take(delta)
        self._take_message(mapping(delta.get("message")))
        if kind == "stream-end":
            self._take_end(mapping(data.get("response")))
        elif "event_type" in data:
            self._write(data.get("text"))
        self._take_reason(data)
        self.output_chunks += self.output_chars > before
        self.plain = None
        return False

    def whole(self, data: JsonObject) -> None:
        """Take a whole response."""
        self._take_ids(data)
        self._take(data)
        self._write(data.get("text"))
        self._take_message(mapping(data.get("message")))
        self._take_old_calls(data)
        self._done = any(key in data and not isinstance(data[key], str) for key in _RESULTS)
        self._done = self._done or "text" in data

    def done(self) -> None:
        """``[DONE]`` came."""
        self._done = True

    def result(self) -> Answer:
        """What was said so far."""
        raw, cost = self._usage, self._dialect.cost
        return Answer(
            usage=billed_usage(raw, self._dialect) if raw else None,
            response_id=self._id,
            model=self._model,
            finish_reasons=(self._reason,) if self._reason else (),
            tool_calls=self._calls.result(),
            provider_cost=cost(raw) if raw and cost is not None else None,
            error_type=self._error,
            output_chars=self.output_chars,
            output_chunks=self.output_chunks,
            complete=self._done or self._reason is not None,
        )

    def _take_ids(self, data: Mapping[str, object]) -> None:
        for key in ("id", "response_id", "generation_id"):
            self._id = self._id or text(data.get(key))
        self._model = text(data.get("model")) or self._model

    def _take(self, held: Mapping[str, object]) -> None:
        told = held.get("usage") or held.get("meta")
        if isinstance(told, dict) and (told.keys() & _COUNTED):
            self._usage = told
        self._take_reason(held)

    def _take_reason(self, held: Mapping[str, object]) -> None:
        if reason := held.get("finish_reason"):
            self._reason = plain_name(reason) or "other"

    def _take_end(self, response: Mapping[str, object]) -> None:
        """The end of a stream of the first version repeats the whole response."""
        self._take_ids(response)
        self._take(response)
        self._take_old_calls(response)

    def _take_message(self, message: Mapping[str, object]) -> None:
        self._write(message.get("tool_plan"))
        content = message.get("content")
        for part in (mapping(content), *objects(content)):
            self._write(part.get("text") or part.get("thinking"))
        calls = message.get("tool_calls")
        for call in objects(calls):
            self._begun += 1
            self._take_call(call)
        self._take_call(mapping(calls))

    def _take_call(self, call: Mapping[str, object]) -> None:
        function = mapping(call.get("function"))
        name, arguments = text(function.get("name")), text(function.get("arguments")) or ""
        if name:
            self._calls.begin(self._begun, text(call.get("id")), name)
        self._write(arguments)
        self._calls.more(self._begun, arguments)

    def _take_old_calls(self, data: Mapping[str, object]) -> None:
        for call in objects(data.get("tool_calls")):
            self._begun += 1
            arguments = compact(call.get("parameters"))
            self._write(arguments)
            self._calls.begin(self._begun, None, text(call.get("name")))
            self._calls.more(self._begun, arguments)

    def _write(self, written: object) -> None:
        if isinstance(written, str):
            self.output_chars += len(written)


_COUNTED = frozenset({"billed_units", "tokens", "total_tokens", "prompt_tokens"})


def billed_usage(raw: Mapping[str, object], dialect: Dialect) -> Usage:
    """Read a ``usage`` or a ``meta``; hosts that copy the API have OpenAI's names in it."""
    billed = mapping(raw.get("billed_units")) or mapping(raw.get("tokens"))
    if not billed:
        return chat_usage(raw, dialect)
    searches = count(billed.get("search_units"))
    return Usage(
        input_tokens=count(billed.get("input_tokens")),
        output_tokens=count(billed.get("output_tokens")),
        server_tools=(("search_units", searches),) if searches else (),
    )
