"""OpenAI's images and audio, and those of everyone who copies them.

Requests are JSON or forms. Some answers are sound and tell no usage; some tell seconds instead
of tokens. There is no cap to write.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from wflo_otel.core.call import Answer
from wflo_otel.core.usage import Usage
from wflo_otel.wire.api import Route, RouteKind
from wflo_otel.wire.body import (
    MAX_COUNT,
    JsonObject,
    count,
    error_type,
    mapping,
    read_object,
    text,
)
from wflo_otel.wire.dialects import Dialect
from wflo_otel.wire.forms import form_fields
from wflo_otel.wire.openai_usage import chat_usage, responses_usage
from wflo_otel.wire.request import JsonApi, Size, Texts, at_least_one
from wflo_otel.wire.sse import Fold

#: More tokens than one image comes to at the highest quality and the largest size (6,240 for
#: gpt-image-1: OpenAI's page on image generation).
IMAGE_TOKENS = 8_192
#: The most output of a transcription (OpenAI's page on gpt-4o-transcribe).
TRANSCRIPT_TOKENS = 2_000
#: Speech of the longest text that is taken, 2,000 tokens, at 20 tokens a second and a slow pace.
SPEECH_TOKENS = 24_000

_ENDS = (".done", ".completed")


class OpenAIMedia(JsonApi):
    """What images and audio share: forms, and an output that cannot be capped."""

    def _fold(self) -> Fold:
        return MediaFold(self.dialect)

    def _mine(self, route: Route, body: bytes) -> JsonObject | None:
        if route.kind is not RouteKind.CALL:
            return {}
        request = read_object(body)
        request = form_fields(body) if request is None else request
        if request is None or not self._is_mine(route, request):
            return None
        return request

    def _streams(self, route: Route, request: JsonObject) -> bool:
        del route
        return request.get("stream") in (True, "true") or request.get("stream_format") == "sse"

    def _cap(self, request: JsonObject, cap: int) -> bool:
        del request, cap
        return False


class OpenAIImages(OpenAIMedia):
    """``POST …/images/generations``, ``…/images/edits``, ``…/images/variations``."""

    @property
    def name(self) -> str:
        """``openai.images``."""
        return "openai.images"

    def _fold(self) -> Fold:
        return ImagesFold(self.dialect)

    def _is_mine(self, route: Route, request: JsonObject) -> bool:
        del route
        return "prompt" in request or "model" in request

    def _size(self, request: JsonObject, texts: Texts) -> Size:
        texts.add(request.get("prompt"))
        wanted = request.get("n")
        if isinstance(wanted, str) and wanted.isascii() and wanted.isdigit():
            wanted = int(wanted[:3])
        return Size(choices=at_least_one(wanted), output_cap=IMAGE_TOKENS)

    def _least(self, request: JsonObject) -> int:
        del request
        return IMAGE_TOKENS


class OpenAITranscriptions(OpenAIMedia):
    """``POST …/audio/transcriptions``, ``POST …/audio/translations``."""

    @property
    def name(self) -> str:
        """``openai.audio``."""
        return "openai.audio"

    def _is_mine(self, route: Route, request: JsonObject) -> bool:
        return "model" in request or route.model_hint is not None

    def _size(self, request: JsonObject, texts: Texts) -> Size:
        texts.add(request.get("prompt"))
        texts.media += 1
        return Size(output_cap=TRANSCRIPT_TOKENS)

    def _least(self, request: JsonObject) -> int:
        del request
        return TRANSCRIPT_TOKENS


class OpenAISpeech(OpenAIMedia):
    """``POST …/audio/speech``."""

    @property
    def name(self) -> str:
        """``openai.audio``."""
        return "openai.audio"

    def _is_mine(self, route: Route, request: JsonObject) -> bool:
        return "input" in request and ("model" in request or route.model_hint is not None)

    def _size(self, request: JsonObject, texts: Texts) -> Size:
        texts.add(request.get("instructions"))
        texts.add(request.get("input"))
        return Size(output_cap=SPEECH_TOKENS)

    def _least(self, request: JsonObject) -> int:
        del request
        return SPEECH_TOKENS


class MediaFold:
    """Folds events, or one whole response, into an answer."""

    def __init__(self, dialect: Dialect) -> None:
        self.output_chars = 0
        self.output_chunks = 0
        self.plain: str | None = None
        self._dialect = dialect
        self._model: str | None = None
        self._usage: Mapping[str, object] = {}
        self._error: str | None = None
        self._done = False

    def event(self, data: JsonObject) -> bool:
        """Take one event. None carries nothing but usage."""
        self._model = text(data.get("model")) or self._model
        self._usage = mapping(data.get("usage")) or self._usage
        self._error = error_type(data) or self._error
        if written := len(text(data.get("delta")) or ""):
            self.output_chars += written
            self.output_chunks += 1
        self._done = self._done or (text(data.get("type")) or "").endswith(_ENDS)
        return False

    def whole(self, data: JsonObject) -> None:
        """Take a whole response."""
        self.event(data)
        self.output_chars += len(text(data.get("text")) or "")
        self._done = "text" in data or "data" in data

    def done(self) -> None:
        """``[DONE]`` came."""
        self._done = True

    def result(self) -> Answer:
        """What was said so far."""
        raw, cost = self._usage, self._dialect.cost
        return Answer(
            usage=self._read(raw) if raw else None,
            model=self._model,
            provider_cost=cost(raw) if raw and cost is not None else None,
            error_type=self._error,
            output_chars=self.output_chars,
            output_chunks=self.output_chunks,
            complete=self._done,
        )

    def _read(self, raw: Mapping[str, object]) -> Usage:
        """Tokens by either of OpenAI's spellings, or seconds of sound."""
        if seconds := _seconds(raw):
            tools = (("audio_seconds", seconds),)
            return replace(chat_usage(raw, self._dialect), server_tools=tools)
        if "prompt_tokens" in raw:
            return chat_usage(raw, self._dialect)
        details = raw.get("input_token_details") or raw.get("input_tokens_details")
        return responses_usage({**raw, "input_tokens_details": details})


class ImagesFold(MediaFold):
    """What is said of images: where the output is not told apart, all of it is image."""

    def _read(self, raw: Mapping[str, object]) -> Usage:
        usage = super()._read(raw)
        if raw.get("output_tokens_details"):
            return usage
        return replace(usage, output_image_tokens=usage.output_tokens)


def _seconds(raw: Mapping[str, object]) -> int:
    told = raw.get("seconds") or raw.get("prompt_audio_seconds")
    if isinstance(told, float) and 0 < told < MAX_COUNT:
        return math.ceil(told)
    return count(told)
