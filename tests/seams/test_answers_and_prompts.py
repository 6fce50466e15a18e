"""What results and arguments of a function say about the model call it makes."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from wflo_otel.core.usage import Usage
from wflo_otel.seams.answers import answer_of, merged, text_chars, usage_of
from wflo_otel.seams.prompts import prompt_of

FULL = Usage(100, 20, cache_read_tokens=60, reasoning_tokens=5)


class Dumped:
    """A usage object as the SDKs' are: pydantic."""

    def __init__(self, **fields):
        self._fields = fields

    def model_dump(self):
        return self._fields


OPENAI = {
    "prompt_tokens": 100,
    "completion_tokens": 20,
    "prompt_tokens_details": {"cached_tokens": 60},
    "completion_tokens_details": {"reasoning_tokens": 5},
}
RESPONSES = {
    "input_tokens": 100,
    "output_tokens": 20,
    "input_tokens_details": {"cached_tokens": 60},
    "output_tokens_details": {"reasoning_tokens": 5},
}
LANGCHAIN = {
    "input_tokens": 100,
    "output_tokens": 20,
    "input_token_details": {"cache_read": 60},
    "output_token_details": {"reasoning": 5},
}
GOOGLE = {
    "prompt_token_count": 90,
    "tool_use_prompt_token_count": 10,
    "candidates_token_count": 15,
    "thoughts_token_count": 5,
    "cached_content_token_count": 60,
}


@pytest.mark.parametrize(
    "result",
    [
        {"usage": OPENAI},
        SimpleNamespace(usage=Dumped(**OPENAI)),
        SimpleNamespace(
            usage=SimpleNamespace(
                **{**OPENAI, "prompt_tokens_details": SimpleNamespace(cached_tokens=60)}
            )
        ),
        {"usage": RESPONSES},
        SimpleNamespace(usage_metadata=LANGCHAIN),
        SimpleNamespace(usage_metadata=Dumped(**GOOGLE)),
        LANGCHAIN,
        OPENAI,
        FULL,
    ],
)
def test_usage_is_read_from_responses_of_every_make(result):
    assert usage_of(result) == FULL


def test_anthropics_input_is_made_inclusive():
    usage = {
        "input_tokens": 10,
        "output_tokens": 20,
        "cache_read_input_tokens": 60,
        "cache_creation_input_tokens": 30,
    }

    assert usage_of({"usage": usage}) == Usage(100, 20, cache_read_tokens=60, cache_write_tokens=30)


@pytest.mark.parametrize(
    "result",
    [
        None,
        "text",
        3,
        {},
        {"usage": None},
        {"usage": {}},
        {"usage": "x"},
        object(),
        {"usage": {"prompt_tokens": 0}},
    ],
)
def test_a_result_without_usage_says_none(result):
    assert usage_of(result) is None


@pytest.mark.parametrize(
    ("result", "model"),
    [
        ({"model": "gpt-4o"}, "gpt-4o"),
        (SimpleNamespace(response_metadata={"model_name": "gpt-4o"}), "gpt-4o"),
        (SimpleNamespace(model_version="gemini"), "gemini"),
        (SimpleNamespace(model=3), None),
        (None, None),
    ],
)
def test_the_model_is_read_where_frameworks_put_it(result, model):
    assert answer_of(result).model == model


def test_an_answer_has_the_responses_id():
    assert answer_of({"id": "chatcmpl-1"}).response_id == "chatcmpl-1"


@pytest.mark.parametrize(
    ("value", "chars"),
    [
        ("word", 4),
        ({"content": "word"}, 4),
        ({"content": [{"text": "wo"}, {"text": "rd"}, 3]}, 4),
        (SimpleNamespace(output_text="word"), 4),
        ({"choices": [{"message": {"content": "word"}}, {"delta": {"content": "s"}}]}, 5),
        ({"choices": [{"text": "word"}]}, 4),
        ({"delta": {"text": "word"}}, 4),
        (None, 0),
        (3, 0),
    ],
)
def test_the_text_in_an_answer_is_counted(value, chars):
    assert text_chars(value) == chars


def test_chunks_join_by_the_most_that_each_count_reached():
    first, last = Usage(100, 1), Usage(0, 20, server_tools=(("web_search", 1),))

    assert merged(first, last) == Usage(100, 20, server_tools=(("web_search", 1),))
    assert merged(None, last) == last
    assert merged(first, None) == first
    assert merged(None, None) is None


MESSAGES = [
    {"role": "system", "content": "abc"},
    {"role": "user", "content": [{"type": "text", "text": "def"}]},
    SimpleNamespace(content="ghi"),
]


@pytest.mark.parametrize(
    ("values", "texts", "messages"),
    [
        (["abc"], ["abc"], 0),
        ([MESSAGES], ["abc", "def", "ghi"], 3),
        ([{"messages": MESSAGES}], ["abc", "def", "ghi"], 3),
        ([SimpleNamespace(prompt="abc"), 3, None, b"x", object()], ["abc"], 0),
        ([("a", ["b", ["c", ["d", ["e", ["f", ["too deep"]]]]]])], list("abcdef"), 0),
    ],
)
def test_texts_and_messages_are_found_in_arguments(values, texts, messages):
    found = prompt_of(values)

    assert found.texts == texts
    assert found.messages == messages
    assert found.chars == sum(map(len, texts))


def test_a_prompt_is_never_shown():
    assert "secret" not in repr(prompt_of(["secret"]))
