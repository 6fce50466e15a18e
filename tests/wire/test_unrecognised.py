"""Requests that look like a call to a model although nobody knows their API."""

from __future__ import annotations

import pytest

from wflo_otel.wire.unrecognised import MAX_LOOKED_AT, model_asked


class NoTruth(list[int]):
    """As an array is: it says how long it is, and not whether it is true."""

    def __bool__(self) -> bool:
        raise ValueError("ambiguous")


@pytest.mark.parametrize("key", ["messages", "input", "contents", "prompt"])
def test_a_model_with_something_to_read_looks_like_a_call(key: str) -> None:
    assert model_asked(b'{"model":"m","%b":["x"]}' % key.encode()) == "m"


def test_what_a_body_is_made_of_is_judged_like_the_body() -> None:
    assert model_asked({"model": "m", "prompt": "x"}) == "m"
    assert model_asked({"model": "m", "input": NoTruth([1])}) == "m"


@pytest.mark.parametrize(
    "body",
    [
        None,
        b"",
        b'["model"]',
        b'{"model":"m"}',
        b'{"model":"","prompt":"x"}',
        b'{"model":"m","prompt":""}',
        b'{"model":"m","prompt":7}',
        b'{"model":{"make":"x"},"input":"x"}',
        b'{"prompt":"x","other":"model"}',
        b'"model" "prompt"',
        b'{"model":"m","prompt":"x"}' + b" " * MAX_LOOKED_AT,
        {"model": "m"},
        ["model", "prompt"],
    ],
)
def test_anything_else_does_not(body: object) -> None:
    assert model_asked(body) is None
