"""Ollama's own API: chat, generate, embeddings. It streams unless told not to.

What runs there costs what the policy says of provider ``ollama``, whoever made the model.
"""

from __future__ import annotations

from collections.abc import Mapping

from wflo_otel.core.call import Answer, Operation
from wflo_otel.core.usage import Usage
from wflo_otel.wire.api import Route, StreamReader
from wflo_otel.wire.body import (
    JsonObject,
    compact,
    count,
    error_type,
    items,
    mapping,
    objects,
    optional_count,
    plain_name,
    text,
)
from wflo_otel.wire.calls import CallPieces
from wflo_otel.wire.request import JsonApi, Size, Texts
from wflo_otel.wire.sse import Fold
from wflo_otel.wire.streams import Lines, ObjectReader


class OllamaChat(JsonApi):
    """``POST /api/chat``."""

    stand_in = "ollama"

    @property
    def name(self) -> str:
        """``ollama.chat``."""
        return "ollama.chat"

    def stream(self, *, hide_usage: bool = False) -> StreamReader:
        """Begin to read lines."""
        del hide_usage
        return ObjectReader(self._fold(), Lines())

    def _fold(self) -> Fold:
        return OllamaFold()

    def _streams(self, route: Route, request: JsonObject) -> bool:
        del route
        return request.get("stream") is not False

    def _provider(self, route: Route, model: str | None) -> str:
        del model
        return route.provider_hint or self.stand_in

    def _is_mine(self, route: Route, request: JsonObject) -> bool:
        del route
        return isinstance(request.get("messages"), list) and isinstance(request.get("model"), str)

    def _size(self, request: JsonObject, texts: Texts) -> Size:
        messages = items(request.get("messages"))
        for message in map(mapping, messages):
            texts.add(message.get("content"))
            for call in objects(message.get("tool_calls")):
                texts.add(call.get("function"))
            texts.media += len(items(message.get("images")))
        shape = request.get("format")
        return Size(
            messages=len(messages),
            output_cap=_cap_of(request),
            tools=request.get("tools"),
            schema=shape if isinstance(shape, dict) else None,
        )

    def _cap(self, request: JsonObject, cap: int) -> bool:
        request["options"] = {**mapping(request.get("options")), "num_predict": cap}
        return True


class OllamaGenerate(OllamaChat):
    """``POST /api/generate``."""

    @property
    def name(self) -> str:
        """``ollama.generate``."""
        return "ollama.generate"

    @property
    def operation(self) -> Operation:
        """A text completion."""
        return Operation.TEXT_COMPLETION

    def _is_mine(self, route: Route, request: JsonObject) -> bool:
        del route
        return "prompt" in request and isinstance(request.get("model"), str)

    def _size(self, request: JsonObject, texts: Texts) -> Size:
        for key in ("system", "prompt", "suffix"):
            texts.add(request.get(key))
        texts.media += len(items(request.get("images")))
        return Size(messages=1, output_cap=_cap_of(request))


class OllamaEmbed(OllamaChat):
    """``POST /api/embed``, ``POST /api/embeddings``."""

    @property
    def name(self) -> str:
        """``ollama.embed``."""
        return "ollama.embed"

    @property
    def operation(self) -> Operation:
        """Embeddings."""
        return Operation.EMBEDDINGS

    def _streams(self, route: Route, request: JsonObject) -> bool:
        del route, request
        return False

    def _is_mine(self, route: Route, request: JsonObject) -> bool:
        del route
        return "model" in request and ("input" in request or "prompt" in request)

    def _size(self, request: JsonObject, texts: Texts) -> Size:
        texts.add_prompt(request.get("input", request.get("prompt")))
        return Size(output_cap=0)

    def _cap(self, request: JsonObject, cap: int) -> bool:
        del request, cap
        return False


def _cap_of(request: JsonObject) -> int | None:
    """The cap; zero and less stand for "as much as fits"."""
    return optional_count(mapping(request.get("options")).get("num_predict")) or None


class OllamaFold:
    """Folds lines, or one whole response, into an answer."""

    def __init__(self) -> None:
        self.output_chars = 0
        self.output_chunks = 0
        self.plain: str | None = None
        self._last: Mapping[str, object] = {}
        self._model: str | None = None
        self._calls = CallPieces()
        self._begun = 0
        self._error: str | None = None
        self._done = False

    def event(self, data: JsonObject) -> bool:
        """Take one line. None carries nothing but usage."""
        before = self.output_chars
        self._model = text(data.get("model")) or self._model
        self._error = error_type(data) or self._error
        message = mapping(data.get("message"))
        for written in (message.get("content"), message.get("thinking"), data.get("response")):
            self.output_chars += len(text(written) or "")
        for call in objects(message.get("tool_calls")):
            self._take_call(text(call.get("id")), mapping(call.get("function")))
        self.output_chunks += self.output_chars > before
        if data.get("done") is True or "embeddings" in data or "embedding" in data:
            self._last, self._done = {key: data.get(key) for key in _KEPT}, True
        return False

    def whole(self, data: JsonObject) -> None:
        """Take a whole response."""
        self.event(data)

    def done(self) -> None:
        """``[DONE]`` came, which gateways may send."""
        self._done = True

    def result(self) -> Answer:
        """What was said so far."""
        reason = plain_name(self._last.get("done_reason"))
        return Answer(
            usage=_usage(self._last),
            model=self._model,
            finish_reasons=(reason,) if reason else (),
            tool_calls=self._calls.result(),
            error_type=self._error,
            output_chars=self.output_chars,
            output_chunks=self.output_chunks,
            complete=self._done,
        )

    def _take_call(self, call_id: str | None, function: Mapping[str, object]) -> None:
        self._begun += 1
        arguments = compact(function.get("arguments"))
        self.output_chars += len(arguments)
        self._calls.begin(self._begun, call_id, text(function.get("name")))
        self._calls.more(self._begun, arguments)


_COUNTS = ("prompt_eval_count", "eval_count")
_KEPT = ("done_reason", *_COUNTS)


def _usage(last: Mapping[str, object]) -> Usage | None:
    """The counts of the last line. The input's is left out where the prompt was cached."""
    if all(last.get(key) is None for key in _COUNTS):
        return None
    asked, given = (count(last.get(key)) for key in _COUNTS)
    return Usage(asked, given)
