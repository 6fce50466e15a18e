"""Google's Gemini API: generated content, embeddings, interactions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from wflo_otel.core.call import Operation, ToolCall
from wflo_otel.core.usage import Usage
from wire_fixtures import answered, asked, capped, read, read_bytes, route, sse

STUDIO = "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash"
CONTENT, STREAM = f"{STUDIO}:generateContent", f"{STUDIO}:streamGenerateContent?alt=sse"
EMBED, EMBED_MANY = f"{STUDIO}:embedContent", f"{STUDIO}:batchEmbedContents"
INTERACTIONS = "https://generativelanguage.googleapis.com/v1beta/interactions"
HELLO = [{"role": "user", "parts": [{"text": "hello"}]}]


# --- requests --------------------------------------------------------------------------------


def test_an_ask_holds_what_the_request_says() -> None:
    tools = [{"functionDeclarations": [{"name": "search"}]}]
    ask = asked(
        CONTENT,
        contents=HELLO,
        systemInstruction={"parts": [{"text": "be brief"}]},
        generationConfig={"maxOutputTokens": 100, "candidateCount": 2, "responseSchema": {"a": 1}},
        tools=tools,
    )
    assert (ask.provider, ask.model, ask.output_cap) == ("gcp.gemini", "gemini-2.5-flash", 100)
    assert (ask.texts, ask.messages, ask.choices) == (("be brief", "hello"), 2, 2)
    assert ask.tools_chars == len(json.dumps(tools, separators=(",", ":")))
    assert ask.schema_chars == len('{"a":1}')
    assert (ask.streaming, ask.hidden_history, ask.server_tools) == (False, False, False)


def test_the_other_spelling_of_its_fields_is_read_too() -> None:
    ask = asked(
        CONTENT,
        contents=HELLO,
        system_instruction={"parts": [{"text": "be brief"}]},
        generation_config={"max_output_tokens": 100, "candidate_count": 2},
        cached_content="cachedContents/1",
    )
    assert (ask.output_cap, ask.choices, ask.hidden_history) == (100, 2, True)
    assert ask.texts == ("be brief", "hello")


def test_the_url_says_whether_it_streams_and_which_model() -> None:
    ask = asked(STREAM, contents=HELLO)
    assert (ask.streaming, ask.model) == (True, "gemini-2.5-flash")


def test_every_part_is_seen_and_media_are_counted() -> None:
    parts = [
        {"text": "one", "thoughtSignature": "x" * 100},
        {"functionCall": {"name": "f", "args": {"a": 1}}},
        {"functionResponse": {"name": "f", "response": {"b": 2}}},
        {"inlineData": {"data": "AAAA"}},
        {"fileData": {"fileUri": "gs://x"}},
        {"executableCode": {"code": "x"}},
        "two",
    ]
    ask = asked(CONTENT, contents=[{"parts": parts}, {"parts": {"text": "three"}}, "four"])
    code = '{"executableCode":{"code":"x"}}'
    assert ask.texts == ("one", "f", '{"a":1}', "f", '{"b":2}', code, "two", "three", "four")
    assert (ask.media_parts, ask.messages) == (2, 3)


@pytest.mark.parametrize("contents", ["hello", {"parts": [{"text": "hello"}]}])
def test_contents_may_be_one_text_or_one_content(contents: object) -> None:
    ask = asked(CONTENT, contents=contents)
    assert (ask.texts, ask.messages) == (("hello",), 1)


@pytest.mark.parametrize("tool", [{"googleSearch": {}}, {"code_execution": {}}])
def test_tools_that_run_at_google_are_told_from_the_callers(tool: dict[str, Any]) -> None:
    assert asked(CONTENT, contents=HELLO, tools=[tool]).server_tools


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({}, {"generationConfig": {"maxOutputTokens": 7}}),
        (
            {"generationConfig": {"maxOutputTokens": 900, "topK": 3}},
            {"generationConfig": {"maxOutputTokens": 7, "topK": 3}},
        ),
        (
            {"generation_config": {"max_output_tokens": 900}},
            {"generation_config": {"max_output_tokens": 7}},
        ),
    ],
)
def test_a_cap_is_written_in_the_spelling_that_is_there(
    request_: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert capped(CONTENT, 7, contents=HELLO, **request_) == {"contents": HELLO, **expected}


def test_embeddings_have_no_output_to_cap() -> None:
    one = {"content": {"parts": [{"text": "a"}]}}
    assert capped(EMBED, 7, **one) is None
    ask = asked(EMBED, **one)
    assert (ask.operation, ask.texts, ask.output_cap) == (Operation.EMBEDDINGS, ("a",), 0)
    assert asked(EMBED_MANY, requests=[one, one]).texts == ("a", "a")


def test_the_name_of_an_embedding_call_is_its_own() -> None:
    assert route(EMBED).api.name == "gemini.embedContent"


# --- responses -------------------------------------------------------------------------------


def content(*parts: dict[str, Any], **more: Any) -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": list(parts)}, "index": 0, **more}
    return {"candidates": [candidate], "modelVersion": "gemini-2.5-flash", "responseId": "r1"}


def counts(prompt: int, candidates: int, **more: Any) -> dict[str, Any]:
    return {"promptTokenCount": prompt, "candidatesTokenCount": candidates, **more}


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (counts(8, 7), Usage(8, 7)),
        ({"promptTokenCount": 8}, Usage(8)),
        (counts(8, 7, thoughtsTokenCount=5), Usage(8, 12, reasoning_tokens=5)),
        (counts(8, 7, cachedContentTokenCount=6), Usage(8, 7, 6)),
        (counts(8, 7, cachedContentTokenCount=60), Usage(8, 7, 8)),
        (counts(8, 7, toolUsePromptTokenCount=20), Usage(28, 7, summed=True)),
        (
            counts(
                9,
                7,
                cachedContentTokenCount=4,
                promptTokensDetails=[
                    {"modality": "AUDIO", "tokenCount": 5},
                    {"modality": 2, "tokenCount": 3},
                    {"modality": "TEXT", "tokenCount": 1},
                    {"modality": ["?"], "tokenCount": 1},
                ],
                cacheTokensDetails=[{"modality": 4, "tokenCount": 2}],
                candidatesTokensDetails=[{"modality": "IMAGE", "tokenCount": 6}],
            ),
            Usage(
                9,
                7,
                4,
                input_audio_tokens=5,
                cache_read_audio_tokens=2,
                input_image_tokens=3,
                output_image_tokens=6,
            ),
        ),
    ],
)
def test_usage_is_made_inclusive(usage: dict[str, Any], expected: Usage) -> None:
    assert answered(CONTENT, **content(), usageMetadata=usage).usage == expected


def test_a_whole_response_is_read() -> None:
    parts = [
        {"text": "hello"},
        {"functionCall": {"id": "c1", "name": "f", "args": {"a": 1}}},
        {"functionCall": {"name": "g"}},
        {"executableCode": {"code": "1+1"}},
        {"odd": 1},
    ]
    answer = answered(
        CONTENT,
        **content(*parts, finishReason="STOP"),
        usageMetadata=counts(3, 2, serviceTier="standard"),
    )
    assert answer.tool_calls == (ToolCall("c1", "f", '{"a":1}'), ToolCall("", "g", ""))
    assert (answer.model, answer.response_id) == ("gemini-2.5-flash", "r1")
    assert (answer.service_tier, answer.finish_reasons) == ("standard", ("STOP",))
    assert (answer.complete, answer.output_chars) == (True, 15)


@pytest.mark.parametrize(
    ("reason", "expected"), [(2, "MAX_TOKENS"), (99, "99"), ("SAFETY", "SAFETY"), (["x"], "other")]
)
def test_a_reason_may_be_the_number_of_an_enumeration(reason: object, expected: str) -> None:
    assert answered(CONTENT, **content(finishReason=reason)).finish_reasons == (expected,)


@pytest.mark.parametrize("blocked", ["SAFETY", 1])
def test_a_blocked_prompt_ends_the_call(blocked: object) -> None:
    answer = answered(CONTENT, promptFeedback={"blockReason": blocked})
    assert (answer.finish_reasons, answer.complete) == ((str(blocked),), True)


def test_a_reason_that_is_no_name_is_not_passed_on() -> None:
    answer = answered(CONTENT, promptFeedback={"blockReason": {"secret": 1}})
    assert answer.finish_reasons == ("other",)


@pytest.mark.parametrize(
    ("model", "searches"), [("gemini-2.5-flash", 1), ("gemini-3-flash-preview", 2)]
)
def test_a_search_is_billed_by_the_prompt_and_from_the_third_generation_on_by_the_query(
    model: str, searches: int
) -> None:
    found = {"webSearchQueries": ["a", "b"]}
    body = content(groundingMetadata=found) | {"modelVersion": model}
    usage = answered(CONTENT, **body, usageMetadata=counts(3, 2)).usage
    assert usage == Usage(3, 2, server_tools=(("google_search", searches),), summed=True)


@pytest.mark.parametrize(
    ("traffic", "tier"), [("ON_DEMAND_FLEX", "flex"), ("ON_DEMAND", None), (1, None)]
)
def test_vertex_tells_the_tier_as_a_kind_of_traffic(traffic: object, tier: str | None) -> None:
    body = content(finishReason="STOP")
    answer = answered(CONTENT, **body, usageMetadata=counts(3, 2, trafficType=traffic))
    assert answer.service_tier == tier


def test_an_error_in_a_list_is_named() -> None:
    body = json.dumps([{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}}]).encode()
    answer = route(STREAM).api.answer(429, {}, body)
    assert (answer.error_type, answer.complete) == ("429", False)


def test_an_embedding_tells_its_usage_or_not() -> None:
    silent = answered(EMBED, embedding={"values": [1]})
    assert (silent.usage, silent.complete) == (None, True)
    told = answered(EMBED_MANY, embeddings=[], usageMetadata={"promptTokenCount": 4})
    assert (told.usage, told.complete) == (Usage(4), True)


def chunks() -> list[dict[str, Any]]:
    call = {"functionCall": {"name": "f", "args": {"a": 1}}}
    return [
        content({"text": "hel"}) | {"usageMetadata": {"trafficType": "ON_DEMAND"}},
        content({"text": "lo"}) | {"usageMetadata": counts(20, 9)},
        content(call, finishReason="STOP") | {"usageMetadata": counts(15, 4)},
        {"usageMetadata": {"trafficType": "ON_DEMAND"}},
    ]


def test_the_last_usage_that_tells_something_holds_although_counts_shrink() -> None:
    answer, _ = read(STREAM, *chunks())
    assert (answer.usage, answer.complete) == (Usage(15, 4), True)
    assert (answer.output_chars, answer.output_chunks) == (12, 3)
    assert answer.tool_calls == (ToolCall("", "f", '{"a":1}'),)


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize("indent", [None, 2])
def test_one_array_of_chunks_says_the_same_as_events(size: int, indent: int | None) -> None:
    data = b"\r\n" + json.dumps(chunks(), indent=indent).encode()
    assert read_bytes(STREAM, data, size) == read_bytes(STREAM, sse(*chunks()), size)
    assert route(STREAM).api.answer(200, {}, data) == read_bytes(STREAM, data)


def test_the_pieces_of_a_call_that_is_streamed_are_one_call() -> None:
    begun = {"functionCall": {"name": "f", "willContinue": True}}
    more = {"functionCall": {"partialArgs": [{"jsonPath": "$.a"}], "willContinue": True}}
    end: dict[str, Any] = {"functionCall": {"name": ""}}
    answer, _ = read(STREAM, content(begun), content(more), content(end))
    assert answer.tool_calls == (ToolCall("", "f", '[{"jsonPath":"$.a"}]'),)


def test_an_error_on_the_way_is_named() -> None:
    assert read_bytes(STREAM, sse({"error": {"code": 503}})).error_type == "503"
    assert read_bytes(STREAM, b'{"error": {"code": 503}}').error_type == "503"


def test_an_end_mark_ends_a_stream_and_choices_beyond_reason_are_not_remembered() -> None:
    many = [{"index": at, "finishReason": "STOP"} for at in range(5000)]
    answer, _ = read(STREAM, {"candidates": many}, "[DONE]")
    assert (len(answer.finish_reasons), answer.complete) == (4096, True)
    assert read(STREAM, "[DONE]")[0].complete


# --- interactions ----------------------------------------------------------------------------

TOLD = {
    "total_input_tokens": 100,
    "total_tool_use_tokens": 20,
    "total_cached_tokens": 40,
    "total_output_tokens": 30,
    "total_thought_tokens": 5,
    "input_tokens_by_modality": [{"modality": "audio", "tokens": 7}],
    "grounding_tool_count": [{"type": "google_search", "count": 2}],
}
BILLED = Usage(
    120,
    35,
    40,
    reasoning_tokens=5,
    input_audio_tokens=7,
    server_tools=(("google_search", 2),),
    summed=True,
)


def test_an_interactions_request_is_read_and_capped() -> None:
    given = [{"type": "user_input", "content": [{"type": "text", "text": "hello"}]}, "more"]
    request: dict[str, Any] = {
        "model": "gemini-3",
        "system_instruction": "be brief",
        "input": given,
        "tools": [{"type": "google_search"}],
        "previous_interaction_id": "v1_0",
        "generation_config": {"max_output_tokens": 9},
    }
    ask = asked(INTERACTIONS, **request)
    assert (ask.texts, ask.messages, ask.output_cap) == (("be brief", "hello", "more"), 3, 9)
    assert (ask.server_tools, ask.hidden_history) == (True, True)
    written = capped(INTERACTIONS, 7, **request)
    assert written == {**request, "generation_config": {"max_output_tokens": 7}}


def test_an_interaction_of_one_text_is_read() -> None:
    ask = asked(INTERACTIONS, model="gemini-3", input="hello")
    assert (ask.texts, ask.messages, ask.hidden_history) == (("hello",), 1, False)


def test_a_whole_interaction_is_read() -> None:
    steps = [
        {"type": "function_call", "id": "c1", "name": "f", "arguments": {"a": 1}},
        {"type": "function_call", "id": "c2", "name": "g"},
        {"type": "model_output", "content": [{"type": "text", "text": "hello"}]},
    ]
    body = {"id": "v1_1", "model": "gemini-3", "status": "completed", "usage": TOLD}
    answer = answered(INTERACTIONS, **body, steps=steps)
    assert answer.tool_calls == (ToolCall("c1", "f", '{"a":1}'), ToolCall("c2", "g", ""))
    assert (answer.usage, answer.response_id, answer.model) == (BILLED, "v1_1", "gemini-3")
    assert (answer.finish_reasons, answer.complete) == (("completed",), True)
    assert answer.output_chars == 12


def test_a_tool_without_a_name_is_billed_as_another() -> None:
    usage = {"total_input_tokens": 1, "grounding_tool_count": [{"count": 1}]}
    found = answered(INTERACTIONS, status="completed", usage=usage).usage
    assert found == Usage(1, server_tools=(("other", 1),), summed=True)


def test_a_streamed_interaction_is_read() -> None:
    call = {"type": "function_call", "id": "c1", "name": "f", "arguments": {}}
    answer, _ = read(
        INTERACTIONS,
        {"event_type": "interaction.created", "interaction": {"id": "v1_1", "status": "x"}},
        {"event_type": "step.start", "index": 0, "step": call},
        {"event_type": "step.delta", "index": 0, "delta": {"arguments": '{"a":1}'}},
        {"event_type": "step.delta", "index": 1, "delta": {"text": "hello"}},
        {"event_type": "step.delta", "delta": {"signature": "s"}},
        {"event_type": "step.start", "step": {"type": "model_output"}},
        {"event_type": "step.stop", "index": 1},
        {
            "event_type": "interaction.completed",
            "interaction": {"id": "v1_1", "status": "requires_action", "usage": TOLD},
        },
        "[DONE]",
    )
    assert answer.tool_calls == (ToolCall("c1", "f", '{"a":1}'),)
    assert (answer.usage, answer.finish_reasons) == (BILLED, ("requires_action",))
    assert (answer.output_chars, answer.output_chunks, answer.complete) == (12, 2, True)


def test_an_interaction_that_goes_on_is_not_complete() -> None:
    answer = answered(INTERACTIONS, id="v1_1", status="in_progress")
    assert (answer.complete, answer.usage, answer.finish_reasons) == (False, None, ())
    where = route(f"{INTERACTIONS}/v1_1", "GET")
    assert where.response_id == "v1_1"
