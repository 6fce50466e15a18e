"""Words for the model, written into a request where its API has a place for them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from wire_fixtures import CHAT, COMPLETIONS, EMBEDDINGS, MESSAGES, RESPONSES, route

GOOGLE = "https://generativelanguage.googleapis.com/v1beta"
GEMINI = f"{GOOGLE}/models/gemini:generateContent"
INTERACTIONS = f"{GOOGLE}/interactions"
BEDROCK = "https://bedrock-runtime.us-east-1.amazonaws.com/model/amazon.nova"
CONVERSE, INVOKE = f"{BEDROCK}/converse", f"{BEDROCK}/invoke"
COHERE, OLLAMA = "https://api.cohere.com/v2/chat", "http://localhost:11434/api/chat"

TOOL = {"role": "tool", "content": "r"}
ASSISTANT = {"role": "assistant", "content": "a"}
HINT = {"role": "user", "content": "hint"}
BLOCK = {"type": "text", "text": "hint"}
ITEM = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hint"}]}


def hinted(url: str, **request: Any) -> dict[str, Any] | None:
    where = route(url)
    body = where.api.with_hint(where, json.dumps(request).encode(), "hint")
    return None if body is None else json.loads(body)


@pytest.mark.parametrize("url", [CHAT, COHERE, OLLAMA, INVOKE])
def test_a_users_message_follows_results_that_are_messages(url: str) -> None:
    request = {"x": 1, "messages": [ASSISTANT, TOOL], "model": "m"}
    written = hinted(url, **request)
    assert written == {**request, "messages": [ASSISTANT, TOOL, HINT]}
    assert list(written) == ["x", "messages", "model"]


@pytest.mark.parametrize("url", [MESSAGES, INVOKE])
def test_a_block_follows_the_results_in_the_users_message(url: str) -> None:
    result = {"type": "tool_result", "tool_use_id": "1", "content": "r"}
    message = {"role": "user", "content": [result]}
    assert hinted(url, model="m", messages=[ASSISTANT, message]) == {
        "model": "m",
        "messages": [ASSISTANT, {"role": "user", "content": [result, BLOCK]}],
    }


@pytest.mark.parametrize("url", [CONVERSE, INVOKE])
def test_a_part_follows_the_results_in_bedrocks_own_form(url: str) -> None:
    result = {"toolResult": {"toolUseId": "1", "content": [{"text": "r"}]}}
    written = hinted(url, messages=[{"role": "user", "content": [result]}])
    assert written == {"messages": [{"role": "user", "content": [result, {"text": "hint"}]}]}


def test_a_users_plain_text_is_extended() -> None:
    written = hinted(MESSAGES, model="m", messages=[{"role": "user", "content": "q"}])
    assert written == {"model": "m", "messages": [{"role": "user", "content": "q\n\nhint"}]}


@pytest.mark.parametrize(
    "messages", [[], ["?"], [ASSISTANT], [{"role": "user"}], [{"role": "user", "content": []}]]
)
@pytest.mark.parametrize("url", [MESSAGES, CONVERSE, INVOKE])
def test_without_a_users_word_at_the_end_nothing_is_written(url: str, messages: list[Any]) -> None:
    assert hinted(url, model="m", messages=messages) is None


def test_an_item_follows_the_input_of_responses() -> None:
    output = {"type": "function_call_output", "call_id": "1", "output": "r"}
    assert hinted(RESPONSES, model="m", input=[output]) == {"model": "m", "input": [output, ITEM]}
    said = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "q"}]}
    assert hinted(RESPONSES, model="m", input="q") == {"model": "m", "input": [said, ITEM]}


MODEL = {"role": "model", "parts": [{"text": "a"}]}
RESPONSE = {"functionResponse": {"name": "f", "response": {}}}


@pytest.mark.parametrize(
    ("contents", "written"),
    [
        (
            [MODEL, {"role": "user", "parts": [RESPONSE]}],
            [MODEL, {"role": "user", "parts": [RESPONSE, {"text": "hint"}]}],
        ),
        ({"parts": {"text": "q"}}, [{"role": "user", "parts": [{"text": "q"}, {"text": "hint"}]}]),
        ("q", [{"role": "user", "parts": [{"text": "q"}, {"text": "hint"}]}]),
    ],
)
def test_a_part_follows_what_the_user_says_to_gemini(contents: Any, written: Any) -> None:
    assert hinted(GEMINI, contents=contents) == {"contents": written}


STEP = {"type": "function_result", "call_id": "1", "result": "r"}
TURN = {"role": "user", "content": [STEP]}
QUESTION = {"type": "text", "text": "q"}


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("q", [QUESTION, BLOCK]),
        ([QUESTION], [QUESTION, BLOCK]),
        ([TURN], [TURN, {"role": "user", "content": [BLOCK]}]),
        ([STEP], [STEP, {"type": "user_input", "content": [BLOCK]}]),
    ],
)
def test_words_follow_an_interactions_input_in_its_own_form(given: Any, written: Any) -> None:
    assert hinted(INTERACTIONS, model="m", input=given) == {"model": "m", "input": written}


@pytest.mark.parametrize(
    ("url", "request_"),
    [
        (CHAT, {"messages": []}),
        (RESPONSES, {"prompt": {"id": "p"}}),
        (f"{RESPONSES}/compact", {"model": "m", "input": "q"}),
        (GEMINI, {"contents": [MODEL]}),
        (GEMINI, {"contents": []}),
        (INTERACTIONS, {"model": "m", "input": []}),
        ("https://api.cohere.com/v1/chat", {"model": "m", "message": "q"}),
        (INVOKE, {"prompt": "q"}),
        (EMBEDDINGS, {"model": "m", "input": "x"}),
        (COMPLETIONS, {"model": "m", "prompt": "x", "messages": [ASSISTANT]}),
        (f"{MESSAGES}/count_tokens", {"model": "m", "messages": [HINT]}),
    ],
)
def test_where_there_is_no_place_for_words_nothing_is_written(
    url: str, request_: dict[str, Any]
) -> None:
    assert hinted(url, **request_) is None


def test_nothing_is_written_into_what_is_fetched_or_cannot_be_read() -> None:
    fetch = route(f"{RESPONSES}/resp_1", "GET")
    assert fetch.api.with_hint(fetch, b"{}", "hint") is None
    assert route(CHAT).api.with_hint(route(CHAT), b"[", "hint") is None
