"""What a request brings that the model has not seen: results of tools, a new question."""

from __future__ import annotations

import json
from typing import Any

import pytest

from wflo_otel.core.call import Heard, ToolResult
from wire_fixtures import CHAT, COMPLETIONS, EMBEDDINGS, MESSAGES, RESPONSES, route

GOOGLE = "https://generativelanguage.googleapis.com/v1beta"
GEMINI = f"{GOOGLE}/models/gemini:generateContent"
INTERACTIONS = f"{GOOGLE}/interactions"
BEDROCK = "https://bedrock-runtime.us-east-1.amazonaws.com/model/amazon.nova"
CONVERSE, INVOKE = f"{BEDROCK}/converse", f"{BEDROCK}/invoke"
COHERE, OLLAMA = "https://api.cohere.com/v2/chat", "http://localhost:11434/api/chat"

USER = {"role": "user", "content": "q"}
ASSISTANT = {"role": "assistant", "content": "a"}


def heard(url: str, **request: Any) -> Heard:
    where = route(url)
    return where.api.heard(where, json.dumps({"model": "m", **request}).encode())


def texts(found: Heard) -> list[str]:
    return [result.text for result in found.results]


def calling(*calls: tuple[str, str]) -> dict[str, Any]:
    made = [{"id": call_id, "function": {"name": name}} for call_id, name in calls]
    return {"role": "assistant", "content": None, "tool_calls": made}


def tool(call_id: str, content: Any = "r", **more: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": content, **more}


@pytest.mark.parametrize("url", [CHAT, COHERE, OLLAMA])
def test_chat_results_after_the_last_turn_are_heard_with_their_tools_names(url: str) -> None:
    first = [USER, calling(("1", "old")), tool("1", "seen")]
    messages = [*first, calling(("2", "f"), ("3", "g")), tool("3", "x"), tool("2", "y")]
    assert heard(url, messages=messages) == Heard(
        (ToolResult("3", "g", "x"), ToolResult("2", "f", "y"))
    )


def test_a_custom_tool_is_named_and_a_call_that_is_not_there_is_not() -> None:
    custom = {"id": "1", "custom": {"name": "c"}}
    turn = {"role": "assistant", "tool_calls": [custom]}
    found = heard(CHAT, messages=[turn, tool("1"), tool("9")])
    assert [result.name for result in found.results] == ["c", ""]


@pytest.mark.parametrize("key", ["name", "tool_name"])
def test_a_result_that_names_its_tool_keeps_that_name(key: str) -> None:
    found = heard(OLLAMA, messages=[calling(("", "f")), {"role": "tool", "content": "r", key: "g"}])
    assert found.results == (ToolResult("", "g", "r"),)


def test_results_without_ids_take_their_names_in_the_order_of_the_calls() -> None:
    answers = [{"role": "tool", "content": str(at)} for at in range(3)]
    found = heard(OLLAMA, messages=[calling(("", "f"), ("", "g")), *answers])
    assert [result.name for result in found.results] == ["f", "g", ""]


def test_an_older_function_message_is_a_result() -> None:
    message = {"role": "function", "name": "f", "content": "r"}
    assert heard(CHAT, messages=[ASSISTANT, message]).results == (ToolResult("", "f", "r"),)


BLOCKS = [
    {"type": "tool_result", "tool_use_id": "1", "content": [{"type": "text", "text": "x"}, "y"]},
    {"type": "tool_result", "tool_use_id": "2"},
]
USES = [
    {"type": "text", "text": "t"},
    *({"type": "tool_use", "id": i, "name": f"f{i}"} for i in "12"),
]
PARTS = [
    {"toolResult": {"toolUseId": "1", "content": [{"text": "x"}, {"text": "y"}]}},
    {"toolResult": {"toolUseId": "2"}},
]
PART_USES = [{"text": "t"}, *({"toolUse": {"toolUseId": i, "name": f"f{i}"}} for i in "12")]


@pytest.mark.parametrize(
    ("url", "uses", "results"),
    [
        (MESSAGES, USES, BLOCKS),
        (INVOKE, USES, BLOCKS),
        (CONVERSE, PART_USES, PARTS),
        (INVOKE, PART_USES, PARTS),
    ],
)
def test_results_in_blocks_are_heard_and_a_text_beside_them_is_no_beginning(
    url: str, uses: list[Any], results: list[Any]
) -> None:
    turn = {"role": "assistant", "content": uses}
    answers = {"role": "user", "content": [*results, {"type": "text", "text": "and?"}]}
    assert heard(url, messages=[USER, turn, answers]) == Heard(
        (ToolResult("1", "f1", "x\ny"), ToolResult("2", "f2", ""))
    )


@pytest.mark.parametrize("url", [CHAT, MESSAGES, CONVERSE, INVOKE, COHERE, OLLAMA])
@pytest.mark.parametrize(
    ("messages", "begins"),
    [
        ([], True),
        ([{"role": "system", "content": "s"}], True),
        ([USER], True),
        ([USER, ASSISTANT, USER], True),
        ([USER, ASSISTANT], False),
        ([USER, ASSISTANT, {"role": "user", "content": []}], False),
        ([USER, ASSISTANT, {"role": "developer", "content": "d"}], False),
        ([USER, ASSISTANT, {"role": ["?"]}, "?"], False),
    ],
)
def test_a_user_who_speaks_after_an_answer_begins_something_new(
    url: str, messages: list[Any], begins: bool
) -> None:
    assert heard(url, messages=messages) == Heard(begins=begins)


def test_results_beside_coheres_older_message_are_heard() -> None:
    url = "https://api.cohere.com/v1/chat"
    given = [{"call": {"name": "f", "parameters": {}}, "outputs": [{"t": 1}]}]
    assert heard(url, message="q") == Heard(begins=True)
    assert heard(url, message="q", tool_results=given).results == (ToolResult("", "f", '{"t":1}'),)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, ""),
        ("r", "r"),
        ([{"json": {"a": 1}}], '{"a":1}'),
        ({"a": 1}, '{"a":1}'),
        ([{"type": ["?"]}], '{"type":["?"]}'),
        (7, "7"),
    ],
)
def test_what_is_no_text_is_heard_as_json(content: object, text: str) -> None:
    assert texts(heard(CHAT, messages=[tool("1", content)])) == [text]


def test_images_are_told_apart_by_letters_and_not_by_marks_for_a_cache() -> None:
    def image(data: str, **more: Any) -> str:
        part = {"type": "image", "source": {"data": data}, **more}
        (found,) = texts(heard(CHAT, messages=[tool("1", [part])]))
        return found

    assert image("AAAA") == image("AAAA", cache_control={"type": "ephemeral"}) != image("AAAB")
    digest = image("AAAA").removeprefix("[image ").removesuffix("]")
    assert len(digest) == 16
    assert set(digest) <= set("ghijklmnopqrstuv")


@pytest.mark.parametrize("call", ["function_call", "custom_tool_call"])
def test_outputs_after_the_last_items_of_the_model_are_heard(call: str) -> None:
    output = {"type": f"{call}_output", "call_id": "2", "output": "new"}
    found = heard(
        RESPONSES,
        input=[
            USER,
            {"type": call, "call_id": "1", "name": "old"},
            {"type": f"{call}_output", "call_id": "1", "output": "seen"},
            {"type": "reasoning"},
            {"type": call, "call_id": "2", "name": "f"},
            output,
        ],
    )
    assert found == Heard((ToolResult("2", "f", "new"),))


def test_outputs_are_heard_where_the_provider_keeps_the_history() -> None:
    outputs = [
        {"type": "local_shell_call_output", "id": "1", "output": "x"},
        {"type": "shell_call_output", "call_id": "2", "output": [{"stdout": "y"}]},
        {"type": "apply_patch_call_output", "call_id": "3", "status": "completed"},
    ]
    found = heard(RESPONSES, input=outputs, previous_response_id="resp_1")
    assert found == Heard(
        (ToolResult("1", "", "x"), ToolResult("2", "", '{"stdout":"y"}'), ToolResult("3", "", ""))
    )


def test_screenshots_are_told_apart() -> None:
    def seen(url: str) -> list[str]:
        shot = {"type": "computer_screenshot", "image_url": url}
        output = {"type": "computer_call_output", "call_id": "1", "output": shot}
        return texts(heard(RESPONSES, input=[output]))

    assert seen("data:1") == seen("data:1") != seen("data:2")


APPROVAL = {"type": "mcp_approval_response", "approve": True}


@pytest.mark.parametrize(
    ("request_", "begins"),
    [
        ({"input": "q"}, True),
        ({"input": "q", "previous_response_id": "r"}, True),
        ({"input": [USER], "conversation": "c"}, True),
        ({"prompt": {"id": "p"}}, True),
        ({"input": [USER, {"type": "message", "role": "assistant"}, USER]}, True),
        ({"input": [USER, {"type": "item_reference", "id": "x"}]}, False),
        ({"input": [APPROVAL], "previous_response_id": "r"}, False),
        ({"input": [{"type": "mcp_approval_request"}, APPROVAL]}, False),
        ({"input": [ASSISTANT, {"role": "developer", "content": "d"}]}, False),
    ],
)
def test_a_users_item_begins_something_new_in_responses(
    request_: dict[str, Any], begins: bool
) -> None:
    assert heard(RESPONSES, **request_) == Heard(begins=begins)


def test_nothing_is_heard_when_a_history_is_shortened() -> None:
    assert heard(f"{RESPONSES}/compact", input=[USER]) == Heard()


@pytest.mark.parametrize("key", ["functionResponse", "function_response"])
def test_geminis_responses_are_heard_as_json(key: str) -> None:
    call = {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]}
    plain = {key: {"name": "f", "response": {"output": 1}}}
    media = {
        key: {"id": "2", "name": "f", "response": {}, "parts": [{"inlineData": {"data": "A"}}]}
    }
    found = heard(GEMINI, contents=[call, {"role": "user", "parts": [plain, media, {"text": "t"}]}])
    assert found.results[0] == ToolResult("", "f", '{"output":1}')
    assert (found.results[1].call_id, found.begins) == ("2", False)
    assert found.results[1].text.startswith("{}\n[inlineData ")


MODEL = {"role": "model", "parts": [{"text": "a"}]}


@pytest.mark.parametrize(
    ("contents", "begins"),
    [
        ("q", True),
        ({"parts": {"text": "q"}}, True),
        ([], True),
        ([MODEL, {"parts": [{"text": "q"}]}], True),
        ([MODEL], False),
        ([MODEL, {"role": "user", "parts": []}], False),
    ],
)
def test_a_users_part_begins_something_new_at_gemini(contents: object, begins: bool) -> None:
    assert heard(GEMINI, contents=contents) == Heard(begins=begins)


CALLED = {"type": "function_call", "id": "1", "name": "f"}
RESULT = {"type": "function_result", "call_id": "1", "result": {"a": 1}}


@pytest.mark.parametrize(
    "items",
    [
        [CALLED, RESULT],
        [{"type": "thought"}, CALLED, RESULT],
        [{"role": "model", "content": [CALLED]}, {"role": "user", "content": [RESULT]}],
    ],
)
def test_results_in_an_interaction_are_heard(items: list[Any]) -> None:
    found = heard(INTERACTIONS, input=[{"type": "user_input", "content": "q"}, *items])
    assert found == Heard((ToolResult("1", "f", '{"a":1}'),))


@pytest.mark.parametrize(
    ("request_", "begins"),
    [
        ({"input": "q"}, True),
        ({"input": [{"type": "text", "text": "q"}]}, True),
        ({"input": [], "previous_interaction_id": "v1_x"}, False),
        ({"input": "q", "previous_interaction_id": "v1_x"}, True),
        ({"input": [CALLED]}, False),
        ({"input": []}, True),
    ],
)
def test_a_users_input_begins_something_new_in_an_interaction(
    request_: dict[str, Any], begins: bool
) -> None:
    assert heard(INTERACTIONS, **request_) == Heard(begins=begins)


@pytest.mark.parametrize(
    ("url", "request_"),
    [
        (EMBEDDINGS, {"input": "x"}),
        (COMPLETIONS, {"prompt": "x", "messages": [ASSISTANT]}),
        ("https://api.openai.com/v1/images/generations", {"prompt": "x"}),
        ("http://localhost:11434/api/generate", {"prompt": "x"}),
    ],
)
def test_without_a_conversation_each_call_begins_something_new(
    url: str, request_: dict[str, Any]
) -> None:
    assert heard(url, **request_) == Heard(begins=True)


def test_nothing_is_heard_of_what_is_no_call_or_cannot_be_read() -> None:
    fetch = route(f"{RESPONSES}/resp_1", "GET")
    count = route(f"{MESSAGES}/count_tokens")
    body = json.dumps({"model": "m", "messages": [USER]}).encode()
    assert fetch.api.heard(fetch, b"") == count.api.heard(count, body) == Heard()
    assert route(CHAT).api.heard(route(CHAT), b"[") == Heard()


def test_what_a_tool_answered_is_never_shown() -> None:
    assert "secret" not in repr(Heard((ToolResult("1", "f", "secret"),)))
