"""OpenAI chat completions: what is asked, capped, answered and streamed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from wflo_otel.core.call import Operation, ToolCall
from wflo_otel.core.usage import Usage
from wire_fixtures import (
    CHAT,
    answered,
    asked,
    capped,
    chat_chunk,
    in_pieces,
    least,
    read,
    route,
    sse,
    usage_chunk,
    with_usage,
)

LOCAL = "http://localhost:8000/v1/chat/completions"
GATEWAY = "https://llm.example/v1/chat/completions"
AZURE = "https://a.openai.azure.com/openai/deployments/prod/chat/completions"
MISTRAL = "https://api.mistral.ai/v1/chat/completions"
HELLO: list[dict[str, Any]] = [{"role": "user", "content": "hello"}]
TOOL = {"type": "function", "function": {"name": "search", "parameters": {"type": "object"}}}


def test_an_ask_holds_what_the_request_says() -> None:
    ask = asked(
        CHAT,
        model="gpt-4o",
        messages=HELLO,
        stream=True,
        max_completion_tokens=50,
        n=2,
        service_tier="flex",
        tools=[TOOL],
    )
    assert (ask.operation, ask.provider, ask.model) == (Operation.CHAT, "openai", "gpt-4o")
    assert (ask.streaming, ask.output_cap, ask.choices) == (True, 50, 2)
    assert (ask.service_tier, ask.messages, ask.texts) == ("flex", 1, ("hello",))
    assert ask.text_chars == 5
    assert ask.tools_chars == len(json.dumps([TOOL], separators=(",", ":")))
    assert (ask.hidden_history, ask.media_parts, ask.schema_chars) == (False, 0, 0)


def test_every_text_of_a_conversation_is_seen_and_media_are_counted() -> None:
    parts = [
        {"type": "text", "text": "what is"},
        {"type": "image_url", "image_url": {"url": "data:…"}},
        {"type": "refusal", "refusal": "no"},
        {"type": "input_audio", "input_audio": {}},
        "bare",
        7,
    ]
    call = {"id": "c", "function": {"name": "f", "arguments": '{"a":1}'}}
    custom = {"id": "d", "custom": {"name": "g", "input": "free"}}
    ask = asked(
        CHAT,
        model="gpt-4o",
        messages=[
            {"role": "user", "content": parts, "name": "bob"},
            {"role": "assistant", "content": None, "tool_calls": [call, custom, "?"]},
            {"role": "assistant", "function_call": {"name": "h", "arguments": {"b": 2}}},
            "no message",
        ],
    )
    assert ask.texts == (
        *("what is", "no", "bare", "7", "bob"),
        *("f", '{"a":1}', "g", "free", "h", '{"b":2}'),
    )
    assert (ask.media_parts, ask.messages) == (2, 4)


def test_calls_with_the_same_tools_share_a_tool_set() -> None:
    sets = {
        asked(CHAT, model="gpt-4o", messages=HELLO, **more).tool_set
        for more in (
            {"tools": [TOOL]},
            {"tools": [TOOL], "n": 2},
            {"functions": [TOOL["function"]]},
            {},
        )
    }
    assert len(sets) == 3
    assert "" in sets


def test_a_json_schema_is_measured() -> None:
    schema = {"name": "x", "schema": {"type": "object"}}
    shape = {"type": "json_schema", "json_schema": schema}
    ask = asked(CHAT, model="gpt-4o", messages=HELLO, response_format=shape)
    assert ask.schema_chars == len(json.dumps(schema, separators=(",", ":")))


@pytest.mark.parametrize(
    ("model", "provider"),
    [("gpt-4o", "openai"), ("claude-x", "anthropic"), ("llama", "openai_compatible")],
)
def test_behind_a_gateway_the_model_says_who_provides_it(model: str, provider: str) -> None:
    assert asked(LOCAL, model=model, messages=HELLO).provider == provider


def test_an_azure_deployment_stands_for_the_model() -> None:
    ask = asked(AZURE, messages=HELLO)
    assert (ask.model, ask.provider) == ("prod", "azure.ai.openai")


@pytest.mark.parametrize("n", [None, 0, -1, "2", 1])
def test_what_is_no_number_of_choices_asks_for_one(n: object) -> None:
    assert asked(CHAT, model="gpt-4o", messages=HELLO, n=n).choices == 1


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"model":"x"}', b'{"messages":"x"}'])
def test_a_body_that_is_no_chat_is_not_touched(body: bytes) -> None:
    where = route(CHAT)
    assert where.api.ask(where, body) is None
    assert where.api.with_cap(where, body, 5) is None
    assert where.api.with_usage(where, body) is None
    assert where.api.least_cap(where, body) == 1


def test_a_fetch_asks_for_nothing_and_cannot_be_capped() -> None:
    where = route("https://api.openai.com/v1/chat/completions/chatcmpl-1", "GET")
    ask = where.api.ask(where, b"")
    assert ask is not None
    assert (ask.model, ask.messages) == (None, 0)
    assert where.api.with_cap(where, b"{}", 5) is None
    assert where.api.with_usage(where, b"{}") is None


@pytest.mark.parametrize(
    ("url", "request_", "key"),
    [
        (CHAT, {"model": "gpt-4o"}, "max_tokens"),
        (CHAT, {"model": "ft:gpt-4o-mini:x"}, "max_tokens"),
        (CHAT, {"model": "o3-mini"}, "max_completion_tokens"),
        (CHAT, {"model": "gpt-5-nano"}, "max_completion_tokens"),
        (CHAT, {"model": "some-newer-model"}, "max_completion_tokens"),
        (CHAT, {"model": "gpt-4o", "max_completion_tokens": 900}, "max_completion_tokens"),
        (CHAT, {"model": "gpt-5", "max_tokens": 900}, "max_tokens"),
        (CHAT, {"model": "gpt-5", "max_tokens": None}, "max_completion_tokens"),
        (LOCAL, {"model": "openai/o4-mini"}, "max_completion_tokens"),
        (LOCAL, {"model": "llama"}, "max_tokens"),
        (AZURE, {"model": "prod"}, "max_completion_tokens"),
        (f"{AZURE}?api-version=2024-02-01", {"model": "prod"}, "max_tokens"),
        (MISTRAL, {"model": "mistral-large"}, "max_tokens"),
    ],
)
def test_a_cap_is_written_the_way_the_model_takes_it(
    url: str, request_: dict[str, Any], key: str
) -> None:
    request = {**request_, "messages": HELLO, "temperature": 0.5}
    assert capped(url, 40, **request) == {**request, key: 40}
    assert list(capped(url, 40, **request) or {})[:2] == list(request)[:2]


def test_a_cap_below_the_least_is_not_written() -> None:
    assert least(CHAT, model="gpt-4o", messages=HELLO) == 1
    assert capped(CHAT, 0, model="gpt-4o", messages=HELLO) is None


@pytest.mark.parametrize(
    ("url", "request_", "options"),
    [
        (CHAT, {"model": "gpt-4o", "stream": True}, {"include_usage": True}),
        (
            CHAT,
            {"model": "gpt-4o", "stream": True, "stream_options": {"include_obfuscation": False}},
            {"include_obfuscation": False, "include_usage": True},
        ),
        (
            CHAT,
            {"model": "gpt-4o", "stream": True, "stream_options": {"include_usage": False}},
            {"include_usage": True},
        ),
        (
            CHAT,
            {"model": "gpt-4o", "stream": True, "stream_options": {"include_usage": True}},
            None,
        ),
        (CHAT, {"model": "gpt-4o"}, None),
        (CHAT, {"model": "gpt-4o", "stream": 1}, None),
        (LOCAL, {"model": "gpt-4o", "stream": True}, {"include_usage": True}),
        (LOCAL, {"model": "llama", "stream": True}, {"include_usage": True}),
        (GATEWAY, {"model": "gpt-4o", "stream": True}, {"include_usage": True}),
        (GATEWAY, {"model": "llama", "stream": True}, None),
        (MISTRAL, {"model": "mistral-large", "stream": True}, None),
    ],
)
def test_usage_is_asked_for_where_a_stream_would_not_carry_it(
    url: str, request_: dict[str, Any], options: dict[str, Any] | None
) -> None:
    request = {**request_, "messages": HELLO}
    expected = None if options is None else {**request, "stream_options": options}
    assert with_usage(url, **request) == expected


def test_a_whole_response_is_read() -> None:
    answer = answered(
        CHAT,
        id="chatcmpl-1",
        model="gpt-4o-2024-08-06",
        service_tier="default",
        choices=[
            {
                "index": 0,
                "message": {
                    "content": "hello",
                    "tool_calls": [{"id": "c1", "function": {"name": "f", "arguments": "{}"}}],
                },
                "finish_reason": "tool_calls",
            },
            {
                "index": 1,
                "message": {"content": [{"type": "text", "text": "you"}, {}]},
                "finish_reason": "stop",
            },
        ],
        usage={
            "prompt_tokens": 100,
            "completion_tokens": 20,
            "prompt_tokens_details": {
                "cached_tokens": 60,
                "cache_write_tokens": 10,
                "audio_tokens": 3,
            },
            "completion_tokens_details": {"reasoning_tokens": 5, "audio_tokens": 2},
        },
    )
    assert answer.usage == Usage(
        input_tokens=100,
        output_tokens=20,
        cache_read_tokens=60,
        cache_write_tokens=10,
        reasoning_tokens=5,
        input_audio_tokens=3,
        output_audio_tokens=2,
    )
    assert (answer.response_id, answer.model) == ("chatcmpl-1", "gpt-4o-2024-08-06")
    assert (answer.service_tier, answer.finish_reasons) == ("default", ("tool_calls", "stop"))
    assert answer.tool_calls == (ToolCall("c1", "f", "{}"),)
    assert (answer.output_chars, answer.complete, answer.error_type) == (10, True, None)


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 10, "prompt_tokens_details": {"cached_tokens": 161}}, Usage(10, 0, 10)),
        ({"prompt_tokens": 10, "num_cached_tokens": 4}, Usage(10, 0, 4)),
        ({"prompt_tokens": 10, "prompt_cache_hit_tokens": 5}, Usage(10, 0, 5)),
        ({"prompt_tokens": 10, "cached_tokens": 6}, Usage(10, 0, 6)),
        ({"prompt_tokens": 10, "cache_read_input_tokens": 7}, Usage(10, 0, 7)),
        ({"total_tokens": 9}, Usage(9)),
        ({"total_tokens": 9, "completion_tokens": 4}, Usage(5, 4)),
        ({"prompt_tokens": 0, "completion_tokens": 0}, Usage()),
        (
            {"completion_tokens": 4, "completion_tokens_details": {"reasoning_tokens": 9}},
            Usage(0, 4, reasoning_tokens=4),
        ),
        ({"completion_tokens": 4, "reasoning_tokens": 3}, Usage(0, 4, reasoning_tokens=3)),
        (None, None),
        ({}, None),
        ("many", None),
    ],
)
def test_usage_is_normalised_and_parts_never_exceed_their_whole(
    usage: object, expected: Usage | None
) -> None:
    assert answered(CHAT, choices=[], usage=usage).usage == expected


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (429, b'{"error":{"type":"insufficient_quota","message":"secret"}}', "insufficient_quota"),
        (404, b'{"detail":"secret"}', "404"),
        (502, b"<html>secret</html>", "502"),
        (200, b'{"error":{"code":"bad"}}', "bad"),
        (200, b'{"choices":[{"error":{"code":5}}]}', "5"),
    ],
)
def test_an_error_is_named_and_its_message_is_not_kept(
    status: int, body: bytes, error: str
) -> None:
    answer = route(CHAT).api.answer(status, {}, body)
    assert answer.error_type == error
    assert answer.complete is (b"choices" in body)
    assert "secret" not in repr(answer)


def test_a_stream_is_read_to_its_end() -> None:
    answer, passed = read(
        CHAT,
        chat_chunk("", delta={"role": "assistant", "content": ""}),
        chat_chunk("hel"),
        chat_chunk("lo"),
        chat_chunk(finish_reason="stop"),
        usage_chunk(10, 2),
        "[DONE]",
    )
    assert answer.usage == Usage(10, 2)
    assert (answer.response_id, answer.model) == ("chatcmpl-1", "gpt-4o-2024-08-06")
    assert (answer.output_chars, answer.output_chunks) == (5, 2)
    assert (answer.finish_reasons, answer.complete) == (("stop",), True)
    assert passed.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize(
    ("events", "complete"),
    [
        ([chat_chunk("a")], False),
        ([], False),
        ([chat_chunk("a"), "[DONE]"], True),
        ([chat_chunk("a", finish_reason="stop")], True),
        ([chat_chunk("a", finish_reason="stop"), chat_chunk("b", index=1)], False),
        ([chat_chunk("a", finish_reason="stop"), chat_chunk("b")], True),
    ],
)
def test_a_stream_is_complete_when_every_choice_has_ended_or_the_mark_came(
    events: list[Any], complete: bool
) -> None:
    assert read(CHAT, *events)[0].complete is complete


@pytest.mark.parametrize(
    "events",
    [
        [usage_chunk(10, 2)],
        [usage_chunk(5, 1), usage_chunk(10, 2)],
        [usage_chunk(10, 2), usage_chunk(0, 0)],
        [usage_chunk(0, 0), usage_chunk(10, 2)],
        [{**chat_chunk("x"), "x_groq": {"usage": {"prompt_tokens": 10, "completion_tokens": 2}}}],
        [
            {
                **chat_chunk("x", finish_reason="stop"),
                "usage": {"prompt_tokens": 10, "completion_tokens": 2},
            }
        ],
        [usage_chunk(10, 2), {**chat_chunk("x"), "x_groq": {"id": "r"}}],
        [usage_chunk(10, 2), {**chat_chunk("x"), "usage": "?"}],
    ],
)
def test_the_last_usage_that_says_something_counts_wherever_it_stands(events: list[Any]) -> None:
    assert read(CHAT, *events)[0].usage == Usage(10, 2)


def test_tool_calls_are_put_together_from_their_pieces() -> None:
    def piece(
        index: object, call_id: str | None, name: str | None, arguments: object
    ) -> dict[str, Any]:
        call = {"index": index, "id": call_id, "function": {"name": name, "arguments": arguments}}
        return chat_chunk(delta={"tool_calls": [call]})

    answer, _ = read(
        CHAT,
        piece(0, "c1", "search", ""),
        piece(0, None, None, '{"q":'),
        piece(1, "c2", "fetch", "{}"),
        piece(0, None, None, "1}"),
        piece(0, None, None, {"no": "text"}),
        piece([], None, None, None),
        chat_chunk(delta={"function_call": {"name": "old", "arguments": "{}"}}),
    )
    assert answer.tool_calls == (
        ToolCall("c1", "search", '{"q":1}'),
        ToolCall("c2", "fetch", "{}"),
        ToolCall("", "old", "{}"),
    )
    assert answer.output_chars == len('{"q":1}{}{}')


def test_reasoning_text_counts_as_output_once() -> None:
    answer, _ = read(
        CHAT,
        chat_chunk(delta={"reasoning_content": "hm", "reasoning": "hm"}),
        chat_chunk(delta={"reasoning": "so"}),
        chat_chunk(delta={"refusal": "no"}),
        chat_chunk(delta={"content": 7}),
    )
    assert (answer.output_chars, answer.output_chunks) == (6, 3)


def test_equal_chunks_are_counted_like_those_that_are_parsed() -> None:
    answer, _ = read(CHAT, *(chat_chunk(f"word {at}") for at in range(10)))
    assert (answer.output_chars, answer.output_chunks) == (60, 10)


@pytest.mark.parametrize(
    "last",
    [
        chat_chunk("word 9", finish_reason="length"),
        {**chat_chunk("word 9"), "usage": {"prompt_tokens": 1}},
        {**chat_chunk("word 9"), "x_groq": {"usage": {"prompt_tokens": 1}}},
        {**chat_chunk("word 9"), "error": {"code": "bad"}},
        chat_chunk("word 9", error={"code": "bad"}),
        chat_chunk(
            delta={"content": "word 9", "tool_calls": [{"index": 0, "function": {"name": "f"}}]}
        ),
        {
            **chat_chunk("x"),
            "choices": [chat_chunk("x")["choices"][0], {"index": 1, "finish_reason": "stop"}],
        },
        {**chat_chunk("x"), "choices": ["?"]},
        chat_chunk(delta={"content": ["word"]}),
        chat_chunk(delta={"audio": {"data": "AAAA"}}),
    ],
)
def test_what_comes_with_a_text_is_never_taken_for_a_repetition(last: dict[str, Any]) -> None:
    alone = read(CHAT, last, last)[0]
    after = read(CHAT, chat_chunk("word 8"), chat_chunk("word 8"), last, last)[0]
    for name in ("finish_reasons", "usage", "error_type", "tool_calls"):
        assert getattr(after, name) == getattr(alone, name)


def test_an_error_inside_a_stream_is_named() -> None:
    answer, _ = read(CHAT, chat_chunk("x"), {"error": {"message": "secret", "type": "overloaded"}})
    assert (answer.error_type, answer.complete) == ("overloaded", False)


def test_an_error_beside_a_choice_is_named() -> None:
    failed = chat_chunk("x", finish_reason="error")
    answer, _ = read(CHAT, {**failed, "error": {"code": 502, "message": "secret"}})
    assert (answer.error_type, answer.finish_reasons) == ("502", ("error",))


def test_a_reason_that_may_be_content_is_not_kept() -> None:
    answer, _ = read(CHAT, chat_chunk(finish_reason="secret " * 20))
    assert answer.finish_reasons == ("other",)


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_the_injected_usage_chunk_is_hidden_and_all_else_passes(size: int) -> None:
    first = {"id": "", "model": "", "choices": [], "prompt_filter_results": [{"prompt_index": 0}]}
    filtered = {**usage_chunk(1, 1), "prompt_filter_results": []}
    kept = sse(
        first, {**chat_chunk("hi"), "usage": None}, chat_chunk(finish_reason="stop"), filtered
    )
    reader = route(CHAT).api.stream(hide_usage=True)
    fed = kept + sse(usage_chunk(10, 2)) + sse("[DONE]")
    assert in_pieces(reader, fed, size) == kept + sse("[DONE]")
    assert reader.answer.usage == Usage(10, 2)
    assert reader.answer.model == "gpt-4o-2024-08-06"


def test_an_error_that_comes_with_usage_is_never_hidden() -> None:
    failed = {**usage_chunk(10, 2), "error": {"code": 500}}
    assert read(CHAT, failed, hide_usage=True)[1] == sse(failed)


def test_what_a_hostile_stream_makes_us_remember_is_bounded() -> None:
    calls = [
        {"index": at, "id": "x", "function": {"name": "f" * 1000, "arguments": "{}"}}
        for at in range(2000)
    ]
    many = [{"index": at, "delta": {}, "finish_reason": "stop"} for at in range(5000)]
    huge = {"index": 0, "function": {"arguments": "x" * 700_000}}
    answer, _ = read(
        CHAT,
        chat_chunk(delta={"tool_calls": calls}),
        {"choices": many},
        *[chat_chunk(delta={"tool_calls": [huge]})] * 3,
    )
    assert len(answer.tool_calls) == 1024
    assert sum(len(call.arguments) for call in answer.tool_calls) == 1024 * 1024
    assert len(answer.tool_calls[0].name) == 512
    assert len(answer.finish_reasons) == 4096
    assert answer.output_chars == 2_104_000
