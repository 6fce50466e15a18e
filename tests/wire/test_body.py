"""Reading values that somebody else wrote."""

from __future__ import annotations

import pytest

from wflo_otel.wire import body


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (7, 7),
        (7.0, 7),
        (0, 0),
        (-3, 0),
        (10**30, body.MAX_COUNT),
        (-1.5, None),
        (float("inf"), None),
        (float("nan"), None),
        (True, None),
        ("7", None),
        (None, None),
    ],
)
def test_a_count_is_a_bounded_non_negative_number(value: object, expected: int | None) -> None:
    assert body.optional_count(value) == expected
    assert body.count(value) == (expected or 0)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[1]",
        b"null",
        b"nonsense",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' + b"9" * 5000 + b"}",
    ],
)
def test_what_is_no_object_is_none(data: bytes) -> None:
    assert body.read_object(data) is None


def test_a_byte_order_mark_and_blanks_around_do_not_matter() -> None:
    assert body.read_object(b'\xef\xbb\xbf{"a":1}  ') == {"a": 1}
    assert body.read_object(b' \n{"a":1}\r\n') == {"a": 1}


def test_what_is_written_is_compact_utf8_in_the_same_order() -> None:
    assert body.write({"b": "é", "a": [1, None]}) == '{"b":"é","a":[1,null]}'.encode()


def test_a_lone_surrogate_stays_escaped() -> None:
    assert body.write({"a": "\ud800"}) == b'{"a":"\\ud800"}'


def test_what_is_nested_too_deeply_to_write_is_empty() -> None:
    deep: list[object] = []
    for _ in range(200_000):
        deep = [deep]
    try:
        assert body.compact(deep) == ""
        assert body.digest("") == ""
    finally:
        while deep:  # or taking it down would itself recurse
            deep = deep.pop()  # type: ignore[assignment]


def test_a_digest_tells_texts_apart() -> None:
    assert body.digest("a") == body.digest("a") != body.digest("b")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"error": {"type": "rate_limit_error", "message": "secret"}}, "rate_limit_error"),
        ({"error": {"type": None, "code": 429}}, "429"),
        ({"error": {"code": "RateLimitReached"}}, "RateLimitReached"),
        ({"error": {"message": "secret"}}, "error"),
        ({"error": {"type": "secret: " + "x" * 80}}, "error"),
        ({"error": "secret"}, "error"),
        ([{"error": {"code": 400}}], "400"),
        ({"type": "error", "code": "server_error", "message": "secret"}, "server_error"),
        ({"type": "error"}, "error"),
        ({"object": "error", "type": "invalid_model"}, "invalid_model"),
        ({"object": "error", "code": "1500"}, "1500"),
        ({"object": "error"}, "error"),
        ({"error": None}, None),
        ({"error": {"code": True}}, "error"),
        ([], None),
        ("text", None),
        (None, None),
    ],
)
def test_an_error_is_known_by_its_type_or_code_and_never_by_its_message(
    value: object, expected: str | None
) -> None:
    assert body.error_type(value) == expected
