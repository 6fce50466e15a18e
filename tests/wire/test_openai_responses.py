"""The Responses API: created, streamed, fetched, polled."""

from __future__ import annotations

import json
from typing import Any

import pytest

from wflo_otel.core.call import Operation, ToolCall
from wflo_otel.core.usage import Usage
from wflo_otel.wire import request as request_module
from wire_fixtures import RESPONSES, answered, asked, capped, in_pieces, least, read, route, sse

USAGE = {
    "input_tokens": 100,
    "input_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 5},
    "output_tokens": 20,
    "output_tokens_details": {"reasoning_tokens": 8},
}
USED = Usage(100, 20, 60, 5, reasoning_tokens=8)


def response(status: str = "completed", **more: Any) -> dict[str, Any]:
    return {
        "id": "resp_1",
        "model": "gpt-4o-2024-08-06",
        "status": status,
        "service_tier": "default",
        **more,
    }


def test_an_ask_holds_what_the_request_says() -> None:
    tools = [{"type": "web_search"}]
    schema = {"type": "object"}
    ask = asked(
        RESPONSES,
        model="gpt-4o",
        input="hello",
        instructions="be brief",
        max_output_tokens=99,
        stream=True,
        tools=tools,
        text={"format": {"type": "json_schema", "schema": schema}},
    )
    assert (ask.operation, ask.provider, ask.model) == (Operation.CHAT, "openai", "gpt-4o")
    assert (ask.texts, ask.messages, ask.output_cap) == (("be brief", "hello"), 2, 99)
    assert (ask.streaming, ask.hidden_history) == (True, False)
    assert ask.tools_chars == len(json.dumps(tools, separators=(",", ":")))
    assert ask.schema_chars == len(json.dumps(schema, separators=(",", ":")))


def test_every_text_of_an_input_is_seen() -> None:
    ask = asked(
        RESPONSES,
        model="gpt-4o",
        input=[
            {"role": "user", "content": "one"},
            {
                "role": "user",
                "content": [{"type": "input_text", "text": "two"}, {"type": "input_image"}],
            },
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "three"},
            {"type": "custom_tool_call_output", "output": [{"type": "input_text", "text": "four"}]},
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "five"}]},
            "?",
        ],
    )
    assert ask.texts == ("one", "two", "f", "{}", "three", "four", "five")
    assert (ask.messages, ask.media_parts, ask.hidden_history) == (7, 1, False)


@pytest.mark.parametrize(
    "request_",
    [
        {"model": "m", "input": "x", "previous_response_id": "resp_0"},
        {"model": "m", "input": "x", "conversation": "conv_0"},
        {"prompt": {"id": "pmpt_0"}},
        {"model": "m", "input": [{"type": "item_reference", "id": "msg_0"}]},
        {"model": "m", "input": [{"type": "reasoning", "encrypted_content": "AAAA"}]},
    ],
)
def test_history_that_the_provider_keeps_is_noted(request_: dict[str, Any]) -> None:
    assert asked(RESPONSES, **request_).hidden_history


def test_a_request_without_any_text_has_no_message() -> None:
    assert asked(RESPONSES, prompt={"id": "p"}).messages == 0


@pytest.mark.parametrize("body", [b"", b'{"model":"m"}', b'{"input":"x"}'])
def test_a_body_that_is_none_of_it_is_not_read(body: bytes) -> None:
    where = route(RESPONSES)
    assert where.api.ask(where, body) is None


def test_a_cap_is_at_least_sixteen() -> None:
    request = {"model": "gpt-5", "input": "x"}
    assert least(RESPONSES, **request) == 16
    assert capped(RESPONSES, 15, **request) is None
    assert capped(RESPONSES, 16, **request) == {**request, "max_output_tokens": 16}


def test_compacting_takes_no_cap_and_usage_needs_no_asking() -> None:
    assert capped(f"{RESPONSES}/compact", 50, model="gpt-5", input="x") is None
    where = route(RESPONSES)
    assert where.api.with_usage(where, b'{"model":"m","input":"x","stream":true}') is None


def test_a_whole_response_is_read() -> None:
    output = [
        {"type": "reasoning", "summary": [{"text": "hm"}]},
        {
            "type": "message",
            "content": [{"type": "output_text", "text": "hello"}, {"refusal": "no"}, {}],
        },
        {"type": "function_call", "call_id": "c1", "id": "fc", "name": "f", "arguments": "{}"},
        {"type": "custom_tool_call", "id": "c2", "name": "g", "input": "in"},
        {"type": "web_search_call", "action": {"type": "search"}},
        {"type": "web_search_call", "action": {"type": "open_page"}},
        {"type": "code_interpreter_call"},
        {"type": "computer_call"},
        {"type": None},
    ]
    answer = answered(RESPONSES, **response(output=output, usage=USAGE, error=None))
    assert answer.usage == Usage(
        100,
        20,
        60,
        5,
        reasoning_tokens=8,
        server_tools=(("code_interpreter", 1), ("web_search", 1)),
        summed=True,
    )
    assert answer.tool_calls == (ToolCall("c1", "f", "{}"), ToolCall("c2", "g", "in"))
    assert (answer.response_id, answer.model) == ("resp_1", "gpt-4o-2024-08-06")
    assert (answer.finish_reasons, answer.complete) == (("completed",), True)
    assert (answer.output_chars, answer.service_tier) == (13, "default")


@pytest.mark.parametrize(
    ("more", "reasons", "complete", "error"),
    [
        (
            response("incomplete", incomplete_details={"reason": "max_output_tokens"}),
            ("incomplete:max_output_tokens",),
            True,
            None,
        ),
        (
            response("failed", error={"code": "server_error", "message": "x"}),
            ("failed",),
            True,
            "server_error",
        ),
        (response("queued"), (), False, None),
        (response("in_progress"), (), False, None),
        ({"object": "list"}, (), False, None),
    ],
)
def test_a_response_says_whether_it_has_ended(
    more: dict[str, Any], reasons: tuple[str, ...], complete: bool, error: str | None
) -> None:
    answer = answered(RESPONSES, **more)
    assert (answer.finish_reasons, answer.complete, answer.error_type) == (reasons, complete, error)
    assert answer.usage is None


def events(*, final_output: bool = True) -> list[dict[str, Any]]:
    call = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a":1}'}
    search = {"type": "web_search_call", "status": "completed"}
    final = response(output=[search, call] if final_output else [], usage=USAGE)
    return [
        {"type": "response.created", "response": response("in_progress", usage=None)},
        {"type": "response.output_item.done", "item": search},
        {"type": "response.output_text.delta", "delta": "hel", "sequence_number": 3},
        {"type": "response.output_text.delta", "delta": "lo!", "sequence_number": 4},
        {"type": "response.output_text.delta", "delta": ""},
        {"type": "response.output_text.delta", "delta": {"odd": 1}},
        {"type": "response.output_text.done", "text": "hello!"},
        {"type": "response.function_call_arguments.delta", "delta": '{"a":1}'},
        {"type": "response.output_item.done", "item": call},
        {"type": "response.completed", "response": final},
    ]


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("size", [1, 13, 10_000])
@pytest.mark.parametrize("final_output", [True, False])
def test_a_stream_is_read_with_and_without_names_and_a_final_output(
    named: bool, size: int, final_output: bool
) -> None:
    data = sse(*events(final_output=final_output), named=named)
    for hide in (False, True):
        reader = route(RESPONSES).api.stream(hide_usage=hide)
        assert in_pieces(reader, data, size) == data
        answer = reader.answer
        assert answer.usage == Usage(
            100, 20, 60, 5, reasoning_tokens=8, server_tools=(("web_search", 1),), summed=True
        )
        assert answer.tool_calls == (ToolCall("c1", "f", '{"a":1}'),)
        assert (answer.output_chars, answer.output_chunks) == (13, 3)
        assert (answer.finish_reasons, answer.complete) == (("completed",), True)


def test_a_stream_that_is_left_has_its_head_and_no_usage() -> None:
    answer, _ = read(RESPONSES, *events()[:4])
    assert (answer.usage, answer.complete, answer.finish_reasons) == (None, False, ())
    assert (answer.response_id, answer.output_chars) == ("resp_1", 6)


def test_a_resumed_stream_that_repeats_events_says_the_same() -> None:
    once, twice = read(RESPONSES, *events())[0], read(RESPONSES, *events(), *events())[0]
    assert (twice.usage, twice.tool_calls) == (once.usage, once.tool_calls)


@pytest.mark.parametrize(
    ("event", "error"),
    [
        ({"type": "error", "code": "server_error", "message": "secret"}, "server_error"),
        ({"type": "error", "error": {"type": "overloaded"}}, "overloaded"),
        ({"error": {"code": "x"}}, "x"),
        ({"type": "response.failed", "response": response("failed", error={"code": "y"})}, "y"),
        ({"type": "keepalive"}, None),
        ({"odd": 1}, None),
    ],
)
def test_an_error_inside_a_stream_is_named(event: dict[str, Any], error: str | None) -> None:
    assert read(RESPONSES, event)[0].error_type == error


def test_the_end_mark_that_some_hosts_send_ends_a_stream() -> None:
    assert read(RESPONSES, {"type": "response.output_text.delta", "delta": "x"}, "[DONE]")[
        0
    ].complete


def test_a_poll_repeats_the_usage_under_the_same_id() -> None:
    where = route(f"{RESPONSES}/resp_1", "GET")
    body = json.dumps(response(usage=USAGE)).encode()
    answer = where.api.answer(200, {}, body)
    assert (where.response_id, answer.response_id, answer.usage) == ("resp_1", "resp_1", USED)


def test_xai_tells_what_a_response_cost() -> None:
    usage = {**USAGE, "cost_in_usd_ticks": 10_000_000}
    assert (
        answered("https://api.x.ai/v1/responses", **response(usage=usage)).provider_cost
        == 1_000_000
    )


def test_a_body_is_not_read_again_for_its_least_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    read_again: list[bytes] = []
    monkeypatch.setattr(request_module, "read_object", read_again.append)
    assert least(RESPONSES, model="gpt-4o", input="hello") == 16
    assert read_again == []
