"""Bedrock: conversations, and models that are invoked with their vendor's own bodies."""

from __future__ import annotations

import json
from typing import Any

import pytest

from wflo_otel.core.call import Answer, ToolCall
from wflo_otel.core.usage import Usage
from wire_fixtures import answered, asked, capped, least, read_bytes, route
from wire_frames import event, frame

HOST = "https://bedrock-runtime.us-east-1.amazonaws.com/model"
NOVA = f"{HOST}/us.amazon.nova-2-lite-v1%3A0"
CONVERSE, STREAM = f"{NOVA}/converse", f"{NOVA}/converse-stream"
INVOKE, INVOKE_STREAM = f"{NOVA}/invoke", f"{NOVA}/invoke-with-response-stream"
HELLO = [{"role": "user", "content": [{"text": "hello"}]}]


def streamed(*events: tuple[str, dict[str, Any]]) -> bytes:
    return b"".join(event(name, json.dumps(data)) for name, data in events)


def chunks(*objects: dict[str, Any]) -> bytes:
    return b"".join(event("chunk", json.dumps(each)) for each in objects)


# --- conversations: requests -----------------------------------------------------------------


def test_an_ask_holds_what_the_request_says() -> None:
    tools = {"tools": [{"toolSpec": {"name": "f"}}]}
    ask = asked(
        CONVERSE,
        messages=HELLO,
        system=[{"text": "be brief"}, {"cachePoint": {"type": "default"}}],
        inferenceConfig={"maxTokens": 100},
        toolConfig=tools,
    )
    assert (ask.provider, ask.model) == ("aws.bedrock", "us.amazon.nova-2-lite-v1:0")
    assert (ask.texts, ask.messages, ask.output_cap) == (("be brief", "hello"), 2, 100)
    assert ask.tools_chars == len(json.dumps(tools["tools"], separators=(",", ":")))
    assert (ask.streaming, ask.cache_write, ask.server_tools) == (False, "5m", False)


def test_the_url_says_whether_it_streams() -> None:
    assert asked(STREAM, messages=HELLO).streaming


def test_a_tool_of_the_system_runs_at_the_provider() -> None:
    tools = {"tools": [{"systemTool": {"name": "nova_grounding"}}]}
    assert asked(CONVERSE, messages=HELLO, toolConfig=tools).server_tools


def test_every_part_is_seen_and_media_are_counted() -> None:
    result = {"content": [{"text": "two"}, {"json": {"b": 2}}, {"image": {}}, "?"]}
    parts = [
        {"text": "one"},
        {"toolUse": {"name": "f", "input": {"a": 1}}},
        {"toolResult": result},
        {"reasoningContent": {"reasoningText": {"text": "three"}}},
        {"image": {"format": "png"}},
        {"type": "text", "text": "four"},
        "five",
    ]
    ask = asked(CONVERSE, messages=[{"content": parts}, {"content": "six"}])
    assert ask.texts == ("one", "f", '{"a":1}', "two", '{"b":2}', "three", "four", "five", "six")
    assert ask.media_parts == 2


def test_a_cap_is_written_and_must_leave_room_to_think() -> None:
    request = {"messages": HELLO, "inferenceConfig": {"topP": 1, "maxTokens": 900}}
    expected = {**request, "inferenceConfig": {"topP": 1, "maxTokens": 7}}
    assert capped(CONVERSE, 7, **request) == expected
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 2000}}
    assert least(CONVERSE, messages=HELLO, additionalModelRequestFields=thinking) == 2001


# --- conversations: responses ----------------------------------------------------------------


def said(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"output": {"message": {"role": "assistant", "content": list(parts)}}}


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"inputTokens": 10, "outputTokens": 5}, Usage(10, 5)),
        (
            {"inputTokens": 10, "cacheReadInputTokens": 100, "cacheReadInputTokenCount": 100},
            Usage(110, 0, 100),
        ),
        ({"cacheWriteInputTokenCount": 50}, Usage(50, 0, 0, 50)),
        (
            {
                "cacheWriteInputTokens": 50,
                "cacheDetails": [
                    {"ttl": "1h", "inputTokens": 30},
                    {"ttl": "5m", "inputTokens": 20},
                ],
            },
            Usage(50, 0, 0, 50, 30),
        ),
        (
            {"inputTokens": 1, "serverToolUsage": {"webSearch": 2, "other": 0}},
            Usage(1, server_tools=(("webSearch", 2),), summed=True),
        ),
    ],
)
def test_usage_is_made_inclusive(usage: dict[str, Any], expected: Usage) -> None:
    assert answered(CONVERSE, **said(), stopReason="end_turn", usage=usage).usage == expected


def test_a_whole_response_is_read() -> None:
    answer = answered(
        CONVERSE,
        **said(
            {"reasoningContent": {"reasoningText": {"text": "hm"}}},
            {"text": "hello"},
            {"toolUse": {"toolUseId": "t1", "name": "f", "input": {"a": 1}}},
            {"toolUse": {"toolUseId": "t2", "name": "g", "input": {}}},
        ),
        stopReason="tool_use",
        usage={"inputTokens": 3},
        serviceTier={"type": "flex"},
    )
    assert answer.tool_calls == (ToolCall("t1", "f", '{"a":1}'), ToolCall("t2", "g", ""))
    assert (answer.usage, answer.finish_reasons) == (Usage(3), ("tool_use",))
    assert (answer.service_tier, answer.complete) == ("flex", True)
    assert (answer.output_chars, answer.output_chunks) == (14, 0)


def test_a_stream_is_read() -> None:
    tool = {"toolUseId": "t1", "name": "f"}
    data = streamed(
        ("messageStart", {"role": "assistant"}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "hello"}}),
        ("contentBlockDelta", {"delta": {"reasoningContent": {"text": "hm"}}}),
        ("contentBlockStart", {"contentBlockIndex": 1, "start": {"toolUse": tool}}),
        ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"toolUse": {"input": '{"a"'}}}),
        ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"toolUse": {"input": ":1}"}}}),
        ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"citation": {}}}),
        ("contentBlockStart", {"contentBlockIndex": 2, "start": {"image": {}}}),
        ("contentBlockStop", {"contentBlockIndex": 1}),
        ("messageStop", {"stopReason": "tool_use"}),
        ("metadata", {"usage": {"inputTokens": 3, "outputTokens": 2}}),
    )
    answer = read_bytes(STREAM, data)
    assert answer.tool_calls == (ToolCall("t1", "f", '{"a":1}'),)
    assert (answer.usage, answer.finish_reasons) == (Usage(3, 2), ("tool_use",))
    assert (answer.output_chars, answer.output_chunks, answer.complete) == (14, 4, True)


def test_a_stream_that_breaks_off_has_no_usage() -> None:
    delta = {"contentBlockDelta": {"delta": {"text": "hel"}}}
    data = streamed(*delta.items()) + frame(
        b"{}", message_type="exception", exception_type="modelStreamErrorException"
    )
    answer = read_bytes(STREAM, data)
    assert (answer.usage, answer.complete) == (None, False)
    assert answer.error_type == "modelStreamErrorException"


def test_a_reason_that_is_no_name_is_not_passed_on() -> None:
    assert answered(CONVERSE, stopReason=["x"]).finish_reasons == ("other",)


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({"x-amzn-errortype": "ThrottlingException:http://x"}, "ThrottlingException"),
        ({"x-amzn-errortype": "?" * 80}, "429"),
        ({}, "429"),
    ],
)
def test_an_error_is_named_in_a_header(headers: dict[str, str], error: str) -> None:
    answer = route(CONVERSE).api.answer(429, headers, b'{"message":"secret"}')
    assert (answer.error_type, answer.usage) == (error, None)


# --- models that are invoked -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "texts", "cap"),
    [
        ({"messages": HELLO, "max_tokens": 9, "system": "s"}, ("s", "hello"), 9),
        ({"messages": HELLO, "inferenceConfig": {"max_new_tokens": 9}}, ("hello",), 9),
        ({"prompt": "hello", "max_gen_len": 9}, ("hello",), 9),
        ({"prompt": "hello", "max_tokens_to_sample": 9}, ("hello",), 9),
        ({"inputText": "hello", "textGenerationConfig": {"maxTokenCount": 9}}, ("hello",), 9),
        ({"message": "hello", "preamble": "s"}, ("hello", "s"), None),
        ({"texts": ["a"], "input_type": "x"}, ('["a"]',), None),
    ],
)
def test_each_vendors_request_is_read(
    request_: dict[str, Any], texts: tuple[str, ...], cap: int | None
) -> None:
    ask = asked(INVOKE_STREAM, **request_)
    assert (ask.texts, ask.output_cap, ask.messages, ask.streaming) == (texts, cap, 1, True)
    assert ask.model == "us.amazon.nova-2-lite-v1:0"


def test_a_body_of_no_vendor_is_not_read() -> None:
    where = route(INVOKE)
    assert where.api.ask(where, b'{"odd":1}') is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"max_tokens": 900}, {"max_tokens": 7}),
        ({"textGenerationConfig": {"maxTokenCount": 900, "topP": 1}}, None),
        ({}, None),
    ],
)
def test_a_cap_is_lowered_where_there_is_one(
    before: dict[str, Any], after: dict[str, Any] | None
) -> None:
    if "textGenerationConfig" in before:
        after = {"textGenerationConfig": {"maxTokenCount": 7, "topP": 1}}
    expected = None if after is None else {"prompt": "x", **after}
    assert capped(INVOKE, 7, prompt="x", **before) == expected


def test_a_cap_leaves_a_model_room_to_think() -> None:
    assert least(INVOKE, messages=HELLO, thinking={"budget_tokens": 1024}) == 1025


HEADERS = {
    "x-amzn-bedrock-input-token-count": "10",
    "x-amzn-bedrock-output-token-count": "5",
    "x-amzn-bedrock-cache-read-input-token-count": "3",
    "x-amzn-bedrock-cache-write-input-token-count": "many",
}


def invoked(body: dict[str, Any], headers: dict[str, str] | None = None) -> Answer:
    return route(INVOKE).api.answer(200, headers or {}, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("body", "usage", "reason", "chars"),
    [
        (
            {"type": "message", "stop_reason": "end_turn", "usage": {"input_tokens": 3}},
            Usage(3),
            "end_turn",
            0,
        ),
        (
            {**said({"text": "hello"}), "stopReason": "end_turn", "usage": {"inputTokens": 3}},
            Usage(3),
            "end_turn",
            5,
        ),
        (
            {
                "choices": [{"message": {"content": "hello"}, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 3, "completion_tokens": 2},
            },
            Usage(3, 2),
            "stop",
            5,
        ),
        (
            {
                "generation": "hello",
                "prompt_token_count": 3,
                "generation_token_count": 2,
                "stop_reason": "length",
            },
            Usage(3, 2),
            "length",
            5,
        ),
        (
            {
                "inputTextTokenCount": 3,
                "results": [
                    {"tokenCount": 2, "outputText": "hello", "completionReason": "FINISH"},
                    {"tokenCount": 4, "outputText": "bye"},
                ],
            },
            Usage(3, 6),
            "FINISH",
            8,
        ),
        ({"outputs": [{"text": "hello", "stop_reason": "stop"}]}, Usage(13, 5, 3), "stop", 5),
        (
            {"completions": [{"data": {"text": "hello"}, "finishReason": {"reason": "endoftext"}}]},
            Usage(13, 5, 3),
            "other",
            5,
        ),
        (
            {
                "completion": "hello",
                "type": "completion",
                "usage": {"input_tokens": 3, "output_tokens": 2},
                "stop_reason": "max_tokens",
            },
            Usage(3, 2),
            "max_tokens",
            5,
        ),
    ],
)
def test_each_vendors_response_is_read_and_headers_count_where_it_does_not(
    body: dict[str, Any], usage: Usage, reason: str, chars: int
) -> None:
    answer = invoked(body, HEADERS)
    assert (answer.usage, answer.finish_reasons) == (usage, (reason,))
    assert (answer.output_chars, answer.complete) == (chars, True)


def test_an_embedding_tells_its_input_in_the_body_or_in_headers() -> None:
    assert invoked({"embedding": [1], "inputTextTokenCount": 4}).usage == Usage(4)
    only = {"x-amzn-bedrock-output-token-count": "5"}
    assert invoked({"embeddings": []}, only).usage == Usage(0, 5)
    assert invoked({"embeddings": []}).usage is None


def test_the_calls_of_a_cohere_model_are_read() -> None:
    body = {"text": "", "tool_calls": [{"name": "f", "parameters": {"a": 1}}]}
    assert invoked(body).tool_calls == (ToolCall("", "f", '{"a":1}'),)


def test_an_error_is_no_body_of_any_vendor() -> None:
    answer = route(INVOKE).api.answer(400, HEADERS, b'{"message":"secret"}')
    assert (answer.usage, answer.error_type, answer.complete) == (None, "400", False)


METRICS = {
    "amazon-bedrock-invocationMetrics": {
        "inputTokenCount": 10,
        "outputTokenCount": 5,
        "cacheReadInputTokenCount": 3,
    }
}


def test_the_metrics_of_the_last_event_count_where_the_vendor_does_not() -> None:
    end = {"is_finished": True, "finish_reason": "COMPLETE", **METRICS}
    answer = read_bytes(INVOKE_STREAM, chunks({"text": "hel"}, {"text": "lo"}, end))
    assert (answer.usage, answer.finish_reasons) == (Usage(13, 5, 3), ("COMPLETE",))
    assert (answer.output_chars, answer.output_chunks, answer.complete) == (5, 2, True)


def test_a_vendors_own_counts_go_before_the_metrics() -> None:
    first = {"generation": "hel", "prompt_token_count": 9}
    last = {"generation": "lo", "generation_token_count": 2, "stop_reason": "stop", **METRICS}
    assert read_bytes(INVOKE_STREAM, chunks(first, last)).usage == Usage(9, 2)


def test_a_stream_is_read_as_the_vendors_of_its_first_event() -> None:
    start = {"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 9}}}
    data = chunks(start, {"type": "message_delta", "usage": {"output_tokens": 2}})
    answer = read_bytes(INVOKE_STREAM, data)
    assert (answer.usage, answer.response_id) == (Usage(9, 2), "m")


def test_an_error_at_the_beginning_does_not_decide_whose_stream_it_is() -> None:
    failed = frame(b"{}", message_type="exception", exception_type="throttlingException")
    assert read_bytes(INVOKE_STREAM, failed).error_type == "throttlingException"
    nova = {"contentBlockDelta": {"delta": {"text": "hello"}}}
    assert read_bytes(INVOKE_STREAM, failed + chunks(nova)).output_chars == 5
