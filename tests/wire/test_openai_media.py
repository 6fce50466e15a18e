"""OpenAI's images and audio."""

from __future__ import annotations

import json
from typing import Any

import pytest

from wflo_otel.core.usage import Usage
from wflo_otel.wire.forms import form_fields
from wflo_otel.wire.openai_media import IMAGE_TOKENS, SPEECH_TOKENS, TRANSCRIPT_TOKENS
from wire_fixtures import answered, asked, capped, least, read_bytes, route, sse

IMAGES = "https://api.openai.com/v1/images/generations"
EDITS = "https://api.openai.com/v1/images/edits"
HEARD = "https://api.openai.com/v1/audio/transcriptions"
SPEECH = "https://api.openai.com/v1/audio/speech"


def form(**fields: str) -> bytes:
    """A form with a file between its fields."""
    parts = [_field(name, value) for name, value in fields.items()]
    file = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n\xff\x00\r\n'
    return b"".join([*parts[:1], file, *parts[1:], b"--b--\r\n"])


def _field(name: str, value: str) -> bytes:
    head = f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n'
    return f"{head}Content-Type: text/plain\r\n\r\n{value}\r\n".encode()


# --- requests --------------------------------------------------------------------------------


def test_an_image_request_is_read_and_cannot_be_capped() -> None:
    request: dict[str, Any] = {"model": "gpt-image-1", "prompt": "a boat", "n": 2}
    ask = asked(IMAGES, **request)
    assert (ask.provider, ask.model, ask.texts) == ("openai", "gpt-image-1", ("a boat",))
    assert (ask.choices, ask.output_cap, ask.streaming) == (2, IMAGE_TOKENS, False)
    assert least(IMAGES, **request) == IMAGE_TOKENS
    assert capped(IMAGES, IMAGE_TOKENS, **request) is None


@pytest.mark.parametrize(("wanted", "choices"), [("3", 3), ("many", 1), ("", 1), ("9" * 9, 999)])
def test_a_form_is_read(wanted: str, choices: int) -> None:
    where = route(EDITS)
    ask = where.api.ask(where, form(model="gpt-image-1", prompt="a boat", n=wanted, stream="true"))
    assert ask is not None
    assert (ask.model, ask.texts, ask.choices) == ("gpt-image-1", ("a boat",), choices)
    assert ask.streaming


def test_a_transcription_is_asked_for_by_a_form() -> None:
    where = route(HEARD)
    ask = where.api.ask(where, form(model="whisper-1", prompt="names"))
    assert ask is not None
    assert (ask.model, ask.texts, ask.media_parts) == ("whisper-1", ("names",), 1)
    assert (ask.output_cap, ask.streaming) == (TRANSCRIPT_TOKENS, False)
    assert where.api.least_cap(where, form(model="whisper-1")) == TRANSCRIPT_TOKENS


def test_speech_is_read() -> None:
    request = {"model": "tts", "input": "hello", "instructions": "slow", "stream_format": "sse"}
    ask = asked(SPEECH, **request)
    assert (ask.texts, ask.output_cap, ask.streaming) == (("slow", "hello"), SPEECH_TOKENS, True)
    assert least(SPEECH, **request) == SPEECH_TOKENS


def test_a_stream_that_is_no_word_is_none() -> None:
    assert not asked(SPEECH, model="tts", input="x", stream={"a": 1}).streaming


@pytest.mark.parametrize(
    ("url", "body"),
    [
        (IMAGES, b"{}"),
        (IMAGES, b"nonsense"),
        (HEARD, form()),
        (SPEECH, b'{"model":"tts"}'),
        (SPEECH, b'{"input":"x"}'),
    ],
)
def test_a_body_without_what_it_needs_is_not_read(url: str, body: bytes) -> None:
    where = route(url)
    assert where.api.ask(where, body) is None


def test_an_azure_deployment_stands_for_the_model() -> None:
    deployed = "https://a.openai.azure.com/openai/deployments/tts/audio"
    assert asked(f"{deployed}/speech", input="x").model == "tts"
    where = route(f"{deployed}/transcriptions")
    heard = where.api.ask(where, form())
    assert heard is not None
    assert heard.model == "tts"


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"", None),
        (b'{"a":1}', None),
        (b"--b\r\n", {}),
        (form(a="1", b="2"), {"a": "1", "b": "2"}),
        (form(a="1").replace(b'"a"', b'"a[]"'), {"a": "1"}),
        (form(a="x" * 70_000), {}),
        (b"--b" + b"\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--b" * 300, {"a": "1"}),
        (b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nno end', {}),
    ],
)
def test_only_short_fields_of_a_form_are_read(body: bytes, fields: dict[str, str] | None) -> None:
    assert form_fields(body) == fields


def test_a_fetch_has_no_body_to_read() -> None:
    where = route(IMAGES)
    free = type(where)(where.api, route("https://api.openai.com/v1/moderations").kind)
    assert where.api.ask(free, b"") is not None


# --- responses -------------------------------------------------------------------------------

TOKENS = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (TOKENS, Usage(10, 5, output_image_tokens=5)),
        (
            {**TOKENS, "input_tokens_details": {"image_tokens": 4}},
            Usage(10, 5, input_image_tokens=4, output_image_tokens=5),
        ),
        (
            {**TOKENS, "output_tokens_details": {"image_tokens": 3, "text_tokens": 2}},
            Usage(10, 5, output_image_tokens=3),
        ),
    ],
)
def test_the_usage_of_images_is_read(usage: dict[str, Any], expected: Usage) -> None:
    answer = answered(IMAGES, created=1, data=[{"b64_json": ""}], usage=usage)
    assert (answer.usage, answer.complete) == (expected, True)


def test_images_without_a_usage_tell_none() -> None:
    answer = answered(IMAGES, data=[{"url": "x"}])
    assert (answer.usage, answer.complete, answer.provider_cost) == (None, True, None)


def test_xai_tells_what_images_cost() -> None:
    url = "https://api.x.ai/v1/images/generations"
    answer = answered(url, data=[], usage={"cost_in_usd_ticks": 700_000_000})
    assert answer.provider_cost == 70_000_000


def test_streamed_images_tell_their_usage_at_the_end() -> None:
    partial = {"type": "image_generation.partial_image", "b64_json": "AAAA"}
    done = {"type": "image_generation.completed", "usage": TOKENS}
    answer = read_bytes(IMAGES, sse(partial, done))
    assert (answer.usage, answer.complete) == (Usage(10, 5, output_image_tokens=5), True)
    assert not read_bytes(IMAGES, sse(partial)).complete


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (
            {**TOKENS, "type": "tokens", "input_token_details": {"audio_tokens": 8}},
            Usage(10, 5, input_audio_tokens=8),
        ),
        ({"type": "duration", "seconds": 6}, Usage(server_tools=(("audio_seconds", 6),))),
        ({"type": "duration", "seconds": 5.1}, Usage(server_tools=(("audio_seconds", 6),))),
        ({"seconds": float("inf"), "prompt_tokens": 4}, Usage(4)),
        (
            {"prompt_audio_seconds": 3, "prompt_tokens": 4, "completion_tokens": 2},
            Usage(4, 2, server_tools=(("audio_seconds", 3),)),
        ),
        ({"prompt_tokens": 4, "completion_tokens": 2}, Usage(4, 2)),
    ],
)
def test_a_transcription_tells_tokens_or_seconds(usage: dict[str, Any], expected: Usage) -> None:
    body = json.dumps({"text": "hello", "usage": usage}).encode()
    answer = route(HEARD).api.answer(200, {}, body)
    assert (answer.usage, answer.output_chars, answer.complete) == (expected, 5, True)


def test_a_streamed_transcription_is_read() -> None:
    done = {"type": "transcript.text.done", "text": "hello", "usage": TOKENS}
    answer = read_bytes(HEARD, sse({"type": "transcript.text.delta", "delta": "hello"}, done))
    assert (answer.usage, answer.complete) == (Usage(10, 5), True)
    assert (answer.output_chars, answer.output_chunks) == (5, 1)


def test_sound_tells_nothing_and_an_error_is_named() -> None:
    answer = route(SPEECH).api.answer(200, {}, b"\xff\xf3\x00")
    assert (answer.usage, answer.error_type) == (None, None)
    assert answered(SPEECH, 400, error={"type": "invalid"}).error_type == "invalid"
