"""Requests that look like a call to a model although nobody knows their API."""

from __future__ import annotations

import pytest

from wflo_otel.wire.unrecognised import MAX_LOOKED_AT, looks_like_llm

URL = "https://llm.example/v3/generate-text"


@pytest.mark.parametrize("key", ["messages", "input", "contents", "prompt"])
def test_a_model_with_something_to_read_looks_like_a_call(key: str) -> None:
    assert looks_like_llm("post", URL, b'{"model":"m","%b":["x"]}' % key.encode())


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("GET", b'{"model":"m","prompt":"x"}'),
        ("POST", b""),
        ("POST", b'["model"]'),
        ("POST", b'{"model":"m"}'),
        ("POST", b'{"model":"m","prompt":""}'),
        ("POST", b'{"model":{"make":"x"},"input":"x"}'),
        ("POST", b'{"prompt":"x","other":"model"}'),
        ("POST", b'{"model":"m","prompt":"x"}' + b" " * MAX_LOOKED_AT),
    ],
)
def test_anything_else_does_not(method: str, body: bytes) -> None:
    assert not looks_like_llm(method, URL, body)
