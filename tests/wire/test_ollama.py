"""Ollama's own API."""

from __future__ import annotations

from typing import Any

import pytest

from wflo_otel.core.call import Operation, ToolCall
from wflo_otel.core.usage import Usage
from wire_fixtures import answered, asked, capped, ndjson, read_bytes, route

CHAT, GENERATE = "http://localhost:11434/api/chat", "http://localhost:11434/api/generate"
EMBED = "http://localhost:11434/api/embed"


def test_a_chat_is_read() -> None:
    call = {"function": {"name": "f", "arguments": {"a": 1}}}
    ask = asked(
        CHAT,
        model="deepseek-r1:7b",
        messages=[
            {"role": "user", "content": "one", "images": ["AAAA"]},
            {"role": "assistant", "content": "", "tool_calls": [call]},
        ],
        options={"num_predict": 9},
        format={"type": "object"},
        tools=[{"a": 1}],
    )
    assert (ask.provider, ask.model, ask.output_cap) == ("ollama", "deepseek-r1:7b", 9)
    assert ask.texts == ("one", '{"name":"f","arguments":{"a":1}}')
    assert (ask.media_parts, ask.messages, ask.schema_chars) == (1, 2, 17)


@pytest.mark.parametrize(("stream", "streams"), [(None, True), (True, True), (False, False)])
def test_it_streams_unless_told_not_to(stream: bool | None, streams: bool) -> None:
    assert asked(CHAT, model="m", messages=[], stream=stream).streaming is streams


@pytest.mark.parametrize("told", [-1, -2, 0, None])
def test_as_much_as_fits_is_no_cap(told: int | None) -> None:
    assert asked(CHAT, model="m", messages=[], options={"num_predict": told}).output_cap is None


def test_a_format_that_is_only_a_name_is_no_schema() -> None:
    assert asked(CHAT, model="m", messages=[], format="json").schema_chars == 0


@pytest.mark.parametrize(
    ("url", "body"),
    [
        (CHAT, b'{"messages":[]}'),
        (CHAT, b'{"model":"m","message":"x"}'),
        (GENERATE, b'{"model":"m"}'),
        (GENERATE, b'{"prompt":"x"}'),
        (EMBED, b'{"model":"m"}'),
        (EMBED, b'{"input":"x"}'),
    ],
)
def test_a_body_without_a_model_or_a_text_is_not_read(url: str, body: bytes) -> None:
    where = route(url)
    assert where.api.ask(where, body) is None


def test_a_cap_is_written_among_the_options() -> None:
    request: dict[str, Any] = {"model": "m", "messages": [], "options": {"seed": 1}}
    assert capped(CHAT, 7, **request) == {**request, "options": {"seed": 1, "num_predict": 7}}


def test_a_completion_is_read() -> None:
    ask = asked(GENERATE, model="m", system="a", prompt="b", suffix="c", images=["x"])
    assert (ask.operation, ask.texts, ask.media_parts) == (
        Operation.TEXT_COMPLETION,
        ("a", "b", "c"),
        1,
    )


@pytest.mark.parametrize("given", [{"input": ["a", "b"]}, {"input": "ab"}, {"prompt": "ab"}])
def test_embeddings_are_read_and_have_no_cap(given: dict[str, Any]) -> None:
    ask = asked(EMBED, model="m", **given)
    assert (ask.operation, ask.text_chars, ask.streaming) == (Operation.EMBEDDINGS, 2, False)
    assert capped(EMBED, 7, model="m", **given) is None


def test_a_whole_answer_is_read() -> None:
    call = {"function": {"name": "f", "arguments": {"a": 1}}}
    message = {"content": "hello", "thinking": "hm", "tool_calls": [call]}
    answer = answered(
        CHAT,
        model="m",
        message=message,
        done=True,
        done_reason="stop",
        prompt_eval_count=3,
        eval_count=2,
    )
    assert answer.tool_calls == (ToolCall("", "f", '{"a":1}'),)
    assert (answer.usage, answer.model, answer.finish_reasons) == (Usage(3, 2), "m", ("stop",))
    assert (answer.output_chars, answer.complete) == (14, True)


def test_a_prompt_that_was_cached_is_not_counted() -> None:
    assert answered(CHAT, done=True, eval_count=2).usage == Usage(0, 2)
    assert answered(CHAT, done=True).usage is None


def test_a_stream_is_read() -> None:
    data = ndjson(
        {"model": "m", "response": "hel", "done": False},
        {"model": "m", "response": "lo", "done": False},
        {"model": "m", "response": "", "done": True, "prompt_eval_count": 3, "eval_count": 2},
    )
    answer = read_bytes(GENERATE, data)
    assert (answer.usage, answer.complete, answer.finish_reasons) == (Usage(3, 2), True, ())
    assert (answer.output_chars, answer.output_chunks) == (5, 2)


def test_a_stream_that_breaks_off_is_not_complete() -> None:
    answer = read_bytes(CHAT, ndjson({"message": {"content": "hel"}}, {"error": "secret"}))
    assert (answer.usage, answer.complete, answer.error_type) == (None, False, "error")


def test_embeddings_are_complete_without_an_end() -> None:
    answer = answered(EMBED, model="m", embeddings=[[1]], prompt_eval_count=3)
    assert (answer.usage, answer.complete) == (Usage(3), True)
    assert answered(EMBED, embedding=[1]).complete
