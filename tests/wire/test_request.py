"""What every request may ask for: a write to the provider's cache, tools that run there."""

from __future__ import annotations

from typing import Any

import pytest

from wire_fixtures import CHAT, MESSAGES, RESPONSES, answered, asked

HELLO: list[dict[str, Any]] = [{"role": "user", "content": "hello"}]


def marked(**more: Any) -> list[dict[str, Any]]:
    control = {"type": "ephemeral", **more}
    return [{"role": "user", "content": [{"text": "x", "cache_control": control}]}]


@pytest.mark.parametrize(
    ("messages", "written"),
    [
        (HELLO, ""),
        (marked(), "5m"),
        (marked(ttl="5m"), "5m"),
        (marked(ttl="1h"), "1h"),
        ([{"role": "user", "content": 'say "cache_control": "ttl":"1h"'}], ""),
    ],
)
@pytest.mark.parametrize("url", [MESSAGES, CHAT])
def test_a_mark_says_for_how_long_the_input_is_cached(
    url: str, messages: list[dict[str, Any]], written: str
) -> None:
    assert asked(url, model="claude", messages=messages).cache_write == written


@pytest.mark.parametrize(
    ("url", "request_", "at_server"),
    [
        (MESSAGES, {"tools": [{"name": "f"}]}, False),
        (MESSAGES, {"tools": [{"type": "custom", "name": "f"}]}, False),
        (MESSAGES, {"tools": [{"type": "web_search_20250305"}]}, True),
        (MESSAGES, {"tools": [{"type": ["?"]}]}, False),
        (MESSAGES, {"mcp_servers": [{"url": "x"}]}, True),
        (CHAT, {"tools": [{"type": "function"}]}, False),
        (CHAT, {"web_search_options": {"size": "low"}}, True),
        (RESPONSES, {"tools": [{"type": "function"}]}, False),
        (RESPONSES, {"tools": [{"name": "f"}, {"type": ["?"]}]}, False),
        (RESPONSES, {"tools": [{"type": "web_search"}]}, True),
        (RESPONSES, {"tools": [{"type": "mcp"}]}, True),
    ],
)
def test_tools_that_run_at_the_provider_are_told_from_the_callers(
    url: str, request_: dict[str, Any], at_server: bool
) -> None:
    ask = asked(url, model="m", messages=HELLO, input="x", **request_)
    assert ask.server_tools is at_server


def test_an_error_inside_a_good_answer_is_named() -> None:
    assert answered(MESSAGES, 200, type="error", error={"type": "overloaded"}).error_type == (
        "overloaded"
    )
