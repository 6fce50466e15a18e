"""Cohere's own API, both versions: chat, embeddings, rerank."""

from __future__ import annotations

from typing import Any

import pytest

from wflo_otel.core.call import Operation, ToolCall
from wflo_otel.core.usage import Usage
from wire_fixtures import answered, asked, capped, ndjson, read_bytes, route, sse

V1, V2 = "https://api.cohere.com/v1/chat", "https://api.cohere.com/v2/chat"
EMBED, RERANK = "https://api.cohere.com/v2/embed", "https://api.cohere.com/v2/rerank"
BILLED = {"billed_units": {"input_tokens": 5, "output_tokens": 2}, "tokens": {"input_tokens": 206}}


def test_a_request_of_the_second_version_is_read() -> None:
    call = {"id": "c", "function": {"name": "f", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "one"},
        {"role": "assistant", "tool_plan": "two", "tool_calls": [call]},
        {"role": "user", "content": [{"type": "text", "text": "three"}]},
    ]
    ask = asked(
        V2,
        model="command-a",
        messages=messages,
        documents=["four"],
        max_tokens=9,
        tools=[{"a": 1}],
        response_format={"json_schema": {"b": 2}},
        stream=True,
    )
    assert (ask.provider, ask.model, ask.output_cap) == ("cohere", "command-a", 9)
    function = '{"name":"f","arguments":"{}"}'
    assert ask.texts == ("one", "two", function, "three", '["four"]')
    assert (ask.messages, ask.tools_chars, ask.schema_chars, ask.streaming) == (3, 9, 7, True)


def test_a_request_of_the_first_version_is_read() -> None:
    ask = asked(
        V1,
        message="three",
        preamble="two",
        chat_history=[{"role": "USER", "message": "one"}],
        connectors=[{"id": "web-search"}],
    )
    assert (ask.texts, ask.messages) == (("one", "two", "three"), 2)
    assert (ask.server_tools, ask.streaming, ask.model) == (True, False, None)


@pytest.mark.parametrize(
    ("host", "body", "is_read"),
    [
        ("api.cohere.com", b'{"message":"x"}', True),
        ("chat.example", b'{"message":"x"}', False),
        ("chat.example", b'{"message":"x","model":"command"}', True),
        ("api.cohere.com", b'{"model":"command"}', False),
    ],
)
def test_at_an_unknown_host_a_chat_must_name_its_model(
    host: str, body: bytes, is_read: bool
) -> None:
    where = route(f"https://{host}/v1/chat")
    assert (where.api.ask(where, body) is not None) is is_read


def test_a_cap_is_written() -> None:
    request = {"model": "command-a", "messages": []}
    assert capped(V2, 7, **request) == {**request, "max_tokens": 7}


def test_a_whole_answer_of_the_second_version_is_read() -> None:
    call = {"id": "c1", "function": {"name": "f", "arguments": '{"a":1}'}}
    message = {
        "content": [{"type": "text", "text": "hello"}, {"type": "thinking", "thinking": "hm"}],
        "tool_plan": "plan",
        "tool_calls": [call],
    }
    answer = answered(V2, id="r1", message=message, finish_reason="TOOL_CALL", usage=BILLED)
    assert answer.tool_calls == (ToolCall("c1", "f", '{"a":1}'),)
    assert (answer.usage, answer.response_id) == (Usage(5, 2), "r1")
    assert (answer.finish_reasons, answer.complete) == (("TOOL_CALL",), True)
    assert answer.output_chars == 18


def test_a_whole_answer_of_the_first_version_is_read() -> None:
    calls = [{"name": "f", "parameters": {"a": 1}}]
    answer = answered(V1, response_id="r1", text="hello", tool_calls=calls, meta=BILLED)
    assert answer.tool_calls == (ToolCall("", "f", '{"a":1}'),)
    assert (answer.usage, answer.response_id, answer.complete) == (Usage(5, 2), "r1", True)


def test_what_is_not_told_as_billed_is_read_as_counted() -> None:
    assert answered(V2, usage={"tokens": {"input_tokens": 206}}).usage == Usage(206)
    assert answered(V2, meta={"api_version": {}}).usage is None


def test_an_error_is_no_answer() -> None:
    answer = answered(V2, 400, message="secret")
    assert (answer.error_type, answer.complete) == ("400", False)
    assert not answered(V2, message="secret").complete


def test_a_stream_of_events_is_read() -> None:
    start = {"id": "c1", "function": {"name": "f", "arguments": ""}}
    more = {"function": {"arguments": '{"a":1}'}}
    data = sse(
        {"type": "message-start", "id": "r1", "delta": {"message": {"content": []}}},
        {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "plan"}}},
        {"type": "content-delta", "delta": {"message": {"content": {"text": "hello"}}}},
        {"type": "tool-call-start", "delta": {"message": {"tool_calls": start}}},
        {"type": "tool-call-delta", "delta": {"message": {"tool_calls": more}}},
        {"type": "message-end", "delta": {"finish_reason": "TOOL_CALL", "usage": BILLED}},
        "[DONE]",
    )
    answer = read_bytes(V2, data)
    assert answer.tool_calls == (ToolCall("c1", "f", '{"a":1}'),)
    assert (answer.usage, answer.response_id) == (Usage(5, 2), "r1")
    assert (answer.finish_reasons, answer.complete) == (("TOOL_CALL",), True)
    assert (answer.output_chars, answer.output_chunks) == (16, 3)


def test_a_stream_of_lines_is_read() -> None:
    calls = [{"name": "f", "parameters": {"a": 1}}]
    end = {"response_id": "r2", "text": "hello", "tool_calls": calls, "meta": BILLED}
    data = ndjson(
        {"event_type": "stream-start", "generation_id": "g1"},
        {"event_type": "text-generation", "text": "hello"},
        {"event_type": "stream-end", "finish_reason": "COMPLETE", "response": end},
    )
    answer = read_bytes(V1, data)
    assert answer.tool_calls == (ToolCall("", "f", '{"a":1}'),)
    assert (answer.usage, answer.response_id) == (Usage(5, 2), "g1")
    assert (answer.finish_reasons, answer.complete) == (("COMPLETE",), True)


def test_a_reason_that_is_no_name_is_not_passed_on() -> None:
    assert answered(V2, finish_reason={"secret": 1}).finish_reasons == ("other",)


def test_embeddings_are_read_and_have_no_cap() -> None:
    content = [{"type": "text", "text": "c"}, {"type": "image_url"}]
    given: dict[str, Any] = {
        "model": "embed-v4",
        "texts": ["a", "b"],
        "inputs": [{"content": content}],
        "images": ["data:"],
    }
    ask = asked(EMBED, **given)
    assert (ask.operation, ask.texts, ask.media_parts) == (
        Operation.EMBEDDINGS,
        ("a", "b", "c"),
        2,
    )
    assert capped(EMBED, 7, **given) is None
    meta = {"billed_units": {"input_tokens": 4}}
    answer = answered(EMBED, id="e1", embeddings={}, meta=meta)
    assert (answer.usage, answer.complete) == (Usage(4), True)


def test_a_rerank_is_billed_by_its_searches() -> None:
    ask = asked(RERANK, model="rerank-v4", query="q", documents=["a", {"text": "b"}])
    assert (ask.texts, ask.output_cap) == (("q", "a", "b"), 0)
    answer = answered(RERANK, results=[], meta={"billed_units": {"search_units": 2}})
    assert (answer.usage, answer.complete) == (Usage(server_tools=(("search_units", 2),)), True)


def test_those_who_copy_rerank_tell_tokens_and_cost() -> None:
    url = "https://openrouter.ai/api/v1/rerank"
    answer = answered(url, model="m", results=[], usage={"total_tokens": 17, "cost": 3.4e-7})
    assert (answer.usage, answer.provider_cost, answer.model) == (Usage(17), 340, "m")
