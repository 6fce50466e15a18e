"""What a chat completion (or a text completion) says about itself, whole or in chunks.

Usage may come anywhere: in a chunk without choices, on the last chunk, on any other, in
``x_groq``. The last one that says something counts. A whole response is read as one chunk.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wflo_otel.core.call import Answer
from wflo_otel.wire.body import JsonObject, error_type, mapping, objects, plain_name
from wflo_otel.wire.calls import CallPieces
from wflo_otel.wire.dialects import Dialect
from wflo_otel.wire.openai_usage import chat_usage, is_told

_TEXT_KEYS = ("content", "reasoning_content", "reasoning", "refusal")
_HEAD_KEYS = ("id", "model", "service_tier")
#: More choices than anyone asks for; those beyond are counted, not remembered.
_MAX_CHOICES = 4096


class ChatFold:
    """Folds the chunks of a stream, or one whole response, into an answer."""

    def __init__(self, dialect: Dialect) -> None:
        self.output_chars = 0
        self.output_chunks = 0
        self.plain: str | None = None
        self._dialect = dialect
        self._head: dict[str, str] = {}
        self._usage: Mapping[str, object] | None = None
        #: By the index of a choice: why it ended, empty while it goes on.
        self._reasons: dict[int, str] = {}
        self._calls = CallPieces()
        self._error: str | None = None
        self._done = False

    def event(self, data: JsonObject) -> bool:
        """Take one chunk; return whether it carries nothing but the usage."""
        head = self._head
        for key in _HEAD_KEYS:
            if key not in head and (value := data.get(key)) and isinstance(value, str):
                head[key] = value
        choices = data.get("choices")
        if choices and isinstance(choices, list):
            self._take_choices(choices)
        if "error" in data or not choices:
            self._error = error_type(data) or self._error
        self.plain = _plain(data, choices)
        usage = data.get("usage")
        if usage is None and "x_groq" in data:
            usage = mapping(data["x_groq"]).get("usage")
        if usage is None:
            return False
        self._take_usage(usage)
        return choices == [] and "error" not in data and "prompt_filter_results" not in data

    def whole(self, data: JsonObject) -> None:
        """Take a whole response."""
        self.event(data)
        self._done = "choices" in data

    def done(self) -> None:
        """``[DONE]`` came."""
        self._done = True

    def result(self) -> Answer:
        """What was said so far."""
        raw = self._usage
        cost = self._dialect.cost
        reasons = [self._reasons[index] for index in sorted(self._reasons)]
        return Answer(
            usage=None if raw is None else chat_usage(raw, self._dialect),
            response_id=self._head.get("id"),
            model=self._head.get("model"),
            service_tier=self._head.get("service_tier"),
            finish_reasons=tuple(filter(None, reasons)),
            tool_calls=self._calls.result(),
            provider_cost=None if raw is None or cost is None else cost(raw),
            error_type=self._error,
            output_chars=self.output_chars,
            output_chunks=self.output_chunks,
            complete=self._done or (bool(reasons) and all(reasons)),
        )

    def _take_usage(self, usage: object) -> None:
        if isinstance(usage, dict) and usage and (self._usage is None or is_told(usage)):
            self._usage = usage

    def _take_choices(self, choices: Sequence[object]) -> None:
        before = self.output_chars
        for at, choice in enumerate(choices):
            if isinstance(choice, dict):
                index = choice.get("index")
                self._take_choice(index if isinstance(index, int) else at, choice)
        if self.output_chars > before:
            self.output_chunks += 1

    def _take_choice(self, index: int, choice: JsonObject) -> None:
        piece = choice.get("delta") or choice.get("message")
        if isinstance(piece, dict):
            self._take_piece(index, piece)
        elif isinstance(written := choice.get("text"), str):
            self.output_chars += len(written)
        reason = choice.get("finish_reason")
        if reason:
            self._end(index, plain_name(reason) or "other")
        elif index not in self._reasons:
            self._end(index, "")
        if "error" in choice:
            self._error = error_type(choice) or self._error

    def _end(self, index: int, reason: str) -> None:
        if index in self._reasons or len(self._reasons) < _MAX_CHOICES:
            self._reasons[index] = reason

    def _take_piece(self, index: int, piece: JsonObject) -> None:
        for key in _TEXT_KEYS:
            if written := piece.get(key):
                self.output_chars += _length(written)
                if key == "reasoning_content":
                    break  # some hosts send it a second time as ``reasoning``
        if calls := piece.get("tool_calls"):
            for at, call in enumerate(objects(calls)):
                place = call.get("index")
                self._take_call((index, place if isinstance(place, int) else at), call)
        if old := piece.get("function_call"):
            self._take_call((index, -1), {"function": old})

    def _take_call(self, place: tuple[int, int], call: JsonObject) -> None:
        held = mapping(call.get("function") or call.get("custom"))
        call_id, name = call.get("id"), held.get("name")
        self._calls.begin(
            place,
            call_id if isinstance(call_id, str) else None,
            name if isinstance(name, str) else None,
        )
        arguments = held.get("arguments") or held.get("input")
        if isinstance(arguments, str):
            self.output_chars += len(arguments)
            self._calls.more(place, arguments)


def _length(written: object) -> int:
    """The characters of a content: a text, or a list of parts of which some are text."""
    if isinstance(written, str):
        return len(written)
    parts = (part.get("text") for part in objects(written))
    return sum(len(part) for part in parts if isinstance(part, str))


def _plain(data: JsonObject, choices: object) -> str | None:
    """The text of a chunk that brings one piece of text, and neither end, usage nor error."""
    if data.get("usage") or "x_groq" in data or not isinstance(choices, list) or len(choices) != 1:
        return None
    choice = mapping(choices[0])
    if choice.get("finish_reason") or "error" in choice or "error" in data:
        return None
    delta = mapping(choice.get("delta"))
    news = [(key, value) for key, value in delta.items() if value and key != "role"]
    if len(news) != 1 or news[0][0] not in _TEXT_KEYS:
        return None
    return news[0][1] if isinstance(news[0][1], str) else None
