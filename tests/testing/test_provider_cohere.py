"""The Cohere side of the scripted provider, as its bytes say it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from wflo_otel.testing import Reply, ScriptedProvider, ToolRequest

MODEL = "command-a-03-2025"
LOOKUP = Reply(tool_calls=(ToolRequest("lookup", {"query": "the answer"}),))


@pytest.fixture
def provider() -> Iterator[ScriptedProvider]:
    with ScriptedProvider() as provider:
        yield provider


def post(provider: ScriptedProvider, path: str, **body: object) -> httpx.Response:
    with httpx.Client() as client:
        return client.post(f"{provider.base_url}/v2/{path}", json=body)


def chat(provider: ScriptedProvider, **more: object) -> httpx.Response:
    messages = [{"role": "user", "content": "one two three"}]
    return post(provider, "chat", model=MODEL, messages=messages, **more)


def events(response: httpx.Response) -> list[dict]:
    lines = response.text.splitlines()
    return [json.loads(line[6:]) for line in lines if line.startswith("data: ")]


def test_a_chat_says_what_is_billed_beside_what_was_counted(provider) -> None:
    usage = chat(provider).json()["usage"]

    assert usage["billed_units"] == {"input_tokens": 3, "output_tokens": 20}
    assert usage["tokens"]["input_tokens"] > 3
    assert provider.bill.entries[0].tokens.input == 3


def test_a_chat_is_cut_at_its_cap(provider) -> None:
    answer = chat(provider, max_tokens=7).json()

    assert answer["finish_reason"] == "MAX_TOKENS"
    assert len(answer["message"]["content"][0]["text"].split()) == 7


def test_a_tool_is_asked_for_whole(provider) -> None:
    provider.default = LOOKUP

    answer = chat(provider).json()

    (call,) = answer["message"]["tool_calls"]
    assert answer["finish_reason"] == "TOOL_CALL"
    assert json.loads(call["function"]["arguments"]) == {"query": "the answer"}


def test_a_tool_is_asked_for_piece_by_piece(provider) -> None:
    provider.default = LOOKUP

    told = events(chat(provider, stream=True))

    deltas = [each["delta"]["message"] for each in told if each["type"] == "tool-call-delta"]
    pieces = [each["tool_calls"]["function"]["arguments"] for each in deltas]
    assert json.loads("".join(pieces)) == {"query": "the answer"}
    assert told[-1]["delta"]["finish_reason"] == "TOOL_CALL"


def test_each_text_has_an_embedding_and_all_of_them_one_price(provider) -> None:
    answer = post(provider, "embed", model="embed-v4.0", texts=["one two", "three"]).json()

    assert len(answer["embeddings"]["float"]) == 2
    assert answer["meta"]["billed_units"] == {"input_tokens": 3}


def test_an_error_is_a_message_alone(provider) -> None:
    provider.default = Reply(status=429)

    response = chat(provider)

    assert (response.status_code, list(response.json())) == (429, ["message"])
