"""Anthropic's Messages API."""

from __future__ import annotations

import json
from typing import Any

import pytest

from wflo_otel.core.call import ToolCall
from wflo_otel.core.usage import ModelUsage, Usage
from wflo_otel.wire import request as request_module
from wire_fixtures import MESSAGES, answered, asked, capped, in_pieces, least, read, route, sse

HELLO: list[dict[str, Any]] = [{"role": "user", "content": "hello"}]
MODEL = "claude-sonnet-4-5"


def thinking(budget: int) -> dict[str, Any]:
    return {"type": "enabled", "budget_tokens": budget}


def message(**more: Any) -> dict[str, Any]:
    return {"id": "msg_1", "type": "message", "model": MODEL, "stop_reason": "end_turn", **more}


def test_an_ask_holds_what_the_request_says() -> None:
    tools = [{"name": "search", "input_schema": {}}]
    ask = asked(
        MESSAGES,
        model=MODEL,
        max_tokens=100,
        system="be brief",
        messages=HELLO,
        stream=True,
        tools=tools,
        service_tier="auto",
    )
    assert (ask.provider, ask.model, ask.output_cap) == ("anthropic", MODEL, 100)
    assert (ask.texts, ask.messages, ask.streaming) == (("be brief", "hello"), 2, True)
    assert ask.tools_chars == len(json.dumps(tools, separators=(",", ":")))
    assert ask.service_tier == "auto"


def test_every_text_of_a_conversation_is_seen_and_media_are_counted() -> None:
    result = [{"type": "text", "text": "four"}, {"type": "image"}, "?"]
    ask = asked(
        MESSAGES,
        model=MODEL,
        system=[{"type": "text", "text": "one"}],
        messages=[
            {
                "role": "user",
                "content": [{"type": "text", "text": "two"}, {"type": "image", "source": {}}],
            },
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "three"}]},
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "name": "f", "input": {"a": 1}}],
            },
            {"role": "user", "content": [{"type": "tool_result", "content": result}]},
            {"role": "user", "content": [{"type": "tool_result", "content": "five"}]},
            {"role": "user", "content": [{"type": "tool_result"}, {"type": "redacted_thinking"}]},
        ],
    )
    assert ask.texts == ("one", "two", "three", "f", '{"a":1}', "four", "five")
    assert (ask.media_parts, ask.messages) == (4, 7)


@pytest.mark.parametrize("key", ["output_format", "output_config"])
def test_a_json_schema_is_measured(key: str) -> None:
    shape = {"type": "json_schema", "schema": {"type": "object"}}
    value = shape if key == "output_format" else {"format": shape}
    ask = asked(MESSAGES, model=MODEL, messages=HELLO, **{key: value})
    assert ask.schema_chars == len('{"type":"object"}')


def test_behind_a_gateway_an_unknown_model_is_no_one_s() -> None:
    ask = asked("http://localhost/v1/messages", model="glm-4.6", messages=HELLO)
    assert ask.provider == "anthropic_compatible"


@pytest.mark.parametrize(
    "body", [b"", b'{"messages":[]}', b'{"model":"m"}', b'{"model":1,"messages":[]}']
)
def test_a_body_that_is_no_message_is_not_read(body: bytes) -> None:
    where = route(MESSAGES)
    assert where.api.ask(where, body) is None


@pytest.mark.parametrize(
    ("before", "cap", "after"),
    [
        (None, 7, None),
        (thinking(4000), 8000, thinking(4000)),
        (thinking(4000), 4001, thinking(4000)),
        (thinking(4000), 4000, thinking(2000)),
        (thinking(4000), 1500, thinking(1024)),
        (thinking(1024), 1025, thinking(1024)),
        ({"type": "adaptive"}, 7, {"type": "adaptive"}),
    ],
)
def test_a_cap_lowers_a_thinking_budget_that_it_would_not_exceed(
    before: dict[str, Any] | None, cap: int, after: dict[str, Any] | None
) -> None:
    request: dict[str, Any] = {"model": MODEL, "max_tokens": 9000, "messages": HELLO}
    if before:
        request["thinking"] = before
    expected = {**request, "max_tokens": cap, **({"thinking": after} if after else {})}
    assert capped(MESSAGES, cap, **request) == expected


def test_a_cap_that_leaves_no_room_to_think_is_not_written() -> None:
    request = {"model": MODEL, "messages": HELLO, "thinking": thinking(2000)}
    assert least(MESSAGES, **request) == 1025
    assert capped(MESSAGES, 1024, **request) is None
    assert least(MESSAGES, model=MODEL, messages=HELLO) == 1


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"input_tokens": 10, "output_tokens": 5}, Usage(10, 5)),
        (
            {
                "input_tokens": 10,
                "output_tokens": 5,
                "cache_read_input_tokens": 100,
                "cache_creation_input_tokens": 50,
                "cache_creation": {
                    "ephemeral_5m_input_tokens": 20,
                    "ephemeral_1h_input_tokens": 30,
                },
            },
            Usage(160, 5, 100, 50, 30),
        ),
        (
            {
                "cache_creation_input_tokens": 50,
                "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
            },
            Usage(50, 0, 0, 50, 0),
        ),
        (
            {"cache_creation": {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 3}},
            Usage(5, 0, 0, 5, 3),
        ),
        (
            {"cache_creation_input_tokens": 2, "cache_creation": {"ephemeral_1h_input_tokens": 3}},
            Usage(2, 0, 0, 2, 2),
        ),
        (
            {"output_tokens": 50, "output_tokens_details": {"thinking_tokens": 30}},
            Usage(0, 50, reasoning_tokens=30),
        ),
        (
            {
                "input_tokens": 1,
                "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 0},
            },
            Usage(1, server_tools=(("web_search", 2),), summed=True),
        ),
        ({"input_tokens": -5, "output_tokens": "many"}, Usage()),
    ],
)
def test_usage_is_made_inclusive(usage: dict[str, Any], expected: Usage) -> None:
    assert answered(MESSAGES, **message(usage=usage)).usage == expected


def test_passes_beside_the_message_are_billed_apart_at_their_own_model() -> None:
    def one(kind: str, given: int, **more: Any) -> dict[str, Any]:
        return {"type": kind, "input_tokens": given, "output_tokens": 1, **more}

    iterations = [
        one("message", 10),
        one("advisor_message", 40, model="claude-opus"),
        one("message", 20),
        one("compaction", 5),
    ]
    usage = answered(
        MESSAGES,
        **message(usage={"input_tokens": 30, "output_tokens": 2, "iterations": iterations}),
    ).usage
    assert usage is not None
    assert usage.extra == (ModelUsage("claude-opus", Usage(40, 1)), ModelUsage(MODEL, Usage(5, 1)))
    assert (usage.input_tokens, usage.summed, usage.total_tokens) == (30, True, 79)


def test_after_a_fallback_the_top_level_belongs_to_the_model_that_answered() -> None:
    iterations = [
        {"type": "message", "model": "claude-a", "input_tokens": 8},
        {"type": "fallback_message", "model": "claude-b", "input_tokens": 9},
        {"type": "fallback_message", "model": "claude-c", "input_tokens": 10},
    ]
    answer = answered(MESSAGES, **message(usage={"input_tokens": 10, "iterations": iterations}))
    assert answer.model == "claude-c"
    assert answer.usage == Usage(
        10, extra=(ModelUsage("claude-a", Usage(8)), ModelUsage("claude-b", Usage(9)))
    )


def test_a_single_pass_is_no_sum() -> None:
    iterations = [{"type": "message", "input_tokens": 10}]
    assert answered(
        MESSAGES, **message(usage={"input_tokens": 10, "iterations": iterations})
    ).usage == Usage(10)


def test_a_whole_message_is_read() -> None:
    content = [
        {"type": "thinking", "thinking": "hm"},
        {"type": "text", "text": "hello"},
        {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}},
        {"type": "tool_use", "id": "t2", "name": "g", "input": {}},
        {"type": "mcp_tool_use", "id": "t3", "name": "h", "input": {}},
    ]
    answer = answered(
        MESSAGES, **message(content=content, usage={"input_tokens": 3, "service_tier": "standard"})
    )
    assert answer.tool_calls == (ToolCall("t1", "f", '{"a":1}'), ToolCall("t2", "g", ""))
    assert (answer.response_id, answer.model, answer.service_tier) == ("msg_1", MODEL, "standard")
    assert (answer.finish_reasons, answer.complete, answer.output_chars) == (
        ("end_turn",),
        True,
        14,
    )


def test_an_error_is_named_and_its_message_is_not_kept() -> None:
    body = {"type": "error", "error": {"type": "overloaded_error", "message": "secret"}}
    answer = answered(MESSAGES, 529, **body)
    assert (answer.error_type, answer.complete, answer.usage) == ("overloaded_error", False, None)


def events() -> list[dict[str, Any]]:
    start = {
        "input_tokens": 10,
        "output_tokens": 1,
        "cache_read_input_tokens": 100,
        "service_tier": "standard",
    }
    final = {"output_tokens": 42, "input_tokens": 12, "cache_read_input_tokens": None}
    return [
        {"type": "message_start", "message": message(stop_reason=None, usage=start)},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hel"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "lo"}},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "content_block_start",
            "index": 1,
            "content_block": {"type": "tool_use", "id": "t1", "name": "f", "input": {}},
        },
        {
            "type": "content_block_delta",
            "index": 1,
            "delta": {"type": "input_json_delta", "partial_json": '{"a"'},
        },
        {
            "type": "content_block_delta",
            "index": 1,
            "delta": {"type": "input_json_delta", "partial_json": ":1}"},
        },
        {
            "type": "content_block_delta",
            "index": 1,
            "delta": {"type": "signature_delta", "signature": "x"},
        },
        {"type": "content_block_delta", "index": 1, "delta": "?"},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": final},
        {"type": "message_stop"},
    ]


@pytest.mark.parametrize("size", [1, 11, 10_000])
@pytest.mark.parametrize("named", [True, False])
def test_the_end_of_a_stream_overrides_its_start_field_by_field(size: int, named: bool) -> None:
    data = sse(*events(), named=named)
    reader = route(MESSAGES).api.stream()
    assert in_pieces(reader, data, size) == data
    answer = reader.answer
    assert answer.usage == Usage(112, 42, 100)
    assert answer.tool_calls == (ToolCall("t1", "f", '{"a":1}'),)
    assert (answer.output_chars, answer.output_chunks) == (12, 4)
    assert (answer.finish_reasons, answer.complete) == (("tool_use",), True)
    assert (answer.response_id, answer.service_tier) == ("msg_1", "standard")


def test_a_stream_that_is_left_has_the_lower_bound_of_its_start() -> None:
    answer, _ = read(MESSAGES, *events()[:5])
    assert (answer.usage, answer.complete, answer.output_chars) == (Usage(110, 1, 100), False, 5)


def test_a_stream_is_complete_once_it_has_said_why_it_ended() -> None:
    assert read(MESSAGES, *events()[:-1])[0].complete


def test_thinking_counts_as_output() -> None:
    delta = {"type": "thinking_delta", "thinking": "hm"}
    answer, _ = read(MESSAGES, *[{"type": "content_block_delta", "index": 0, "delta": delta}] * 3)
    assert (answer.output_chars, answer.output_chunks) == (6, 3)


def test_an_error_inside_a_stream_is_named() -> None:
    event = {"type": "error", "error": {"type": "overloaded_error", "message": "secret"}}
    answer, _ = read(MESSAGES, *events()[:4], event)
    assert (answer.error_type, answer.complete) == ("overloaded_error", False)


def test_the_end_mark_that_some_gateways_send_ends_a_stream() -> None:
    assert read(MESSAGES, *events()[:4], "[DONE]")[0].complete


def test_a_reason_that_may_be_content_is_not_kept() -> None:
    assert answered(MESSAGES, **message(stop_reason="secret " * 20)).finish_reasons == ("other",)


def test_a_broker_tells_what_a_message_cost() -> None:
    answer = answered("https://openrouter.ai/api/v1/messages", **message(usage={"cost": 0.01}))
    assert answer.provider_cost == 10_000_000


def test_a_body_without_a_thinking_budget_is_not_read_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read_again: list[bytes] = []
    monkeypatch.setattr(request_module, "read_object", read_again.append)
    assert least(MESSAGES, model=MODEL, messages=HELLO) == 1
    assert read_again == []
