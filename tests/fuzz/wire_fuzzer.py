"""Feeds the wire bytes that grow towards code not reached before; a program, not a test.

``python tests/fuzz/wire_fuzzer.py -runs=100000``: the options are libFuzzer's. What it looks
for: an exception, bytes that do not pass, an answer that depends on how a stream is cut, or a
count out of bounds.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["wflo_otel.wire"]):
    from wflo_otel.wire.body import MAX_COUNT
    from wflo_otel.wire.route import recognise

GOOGLE = "https://generativelanguage.googleapis.com/v1beta"
BEDROCK = "https://bedrock-runtime.us-east-1.amazonaws.com/model/nova"
TARGETS = (
    ("POST", "https://api.openai.com/v1/chat/completions"),
    ("POST", "https://api.openai.com/v1/responses"),
    ("POST", "https://api.openai.com/v1/completions"),
    ("POST", "https://api.openai.com/v1/embeddings"),
    ("POST", "https://api.openai.com/v1/images/edits"),
    ("POST", "https://api.openai.com/v1/audio/speech"),
    ("POST", "https://api.openai.com/v1/audio/transcriptions"),
    ("POST", "https://api.anthropic.com/v1/messages"),
    ("POST", f"{GOOGLE}/models/gemini:streamGenerateContent"),
    ("POST", f"{GOOGLE}/models/gemini:embedContent"),
    ("POST", f"{GOOGLE}/models/imagen:predict"),
    ("POST", f"{GOOGLE}/interactions"),
    ("POST", f"{BEDROCK}/converse-stream"),
    ("POST", f"{BEDROCK}/invoke-with-response-stream"),
    ("POST", "https://api.cohere.com/v2/chat"),
    ("POST", "https://api.cohere.com/v2/embed"),
    ("POST", "https://api.cohere.com/v2/rerank"),
    ("POST", "http://localhost:11434/api/chat"),
    ("POST", "http://localhost:11434/api/generate"),
    ("POST", "http://localhost:11434/api/embed"),
    ("GET", "https://api.openai.com/v1/files/file-1/content"),
)


def once(data: bytes) -> None:
    """Try one input: its first byte picks the API, its second where a stream is cut."""
    if len(data) < 2:
        return
    route = recognise(*TARGETS[data[0] % len(TARGETS)])
    assert route is not None
    api, cut, body = route.api, data[1], data[2:]
    if api.ask(route, body) is not None:
        api.with_cap(route, body, api.least_cap(route, body))
        api.with_usage(route, body)
    api.with_hint(route, body, "hint")
    heard = api.heard(route, body)
    assert not (heard.begins and heard.results)
    check(api.answer(200, {}, body))
    whole, pieces = api.stream(), api.stream()
    assert whole.feed(body) + whole.finish() == body
    assert pieces.feed(body[:cut]) + pieces.feed(body[cut:]) + pieces.finish() == body
    assert whole.answer == pieces.answer
    check(whole.answer)
    recognise("POST", body.decode("utf-8", "replace"))


def check(answer) -> None:
    """Every count is a bounded non-negative number."""
    for usage in (answer.usage, *(part.usage for part in answer.parts)):
        if usage is not None:
            assert 0 <= usage.input_tokens <= 3 * MAX_COUNT
            assert 0 <= usage.output_tokens <= 3 * MAX_COUNT


if __name__ == "__main__":
    atheris.Setup(sys.argv, once)
    atheris.Fuzz()
