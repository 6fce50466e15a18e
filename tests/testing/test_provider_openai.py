"""The OpenAI side of the scripted provider, through the real SDK."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from decimal import Decimal

import openai
import pydantic
import pytest

from wflo_otel.testing import Reply, Rule, ScriptedProvider, ToolRequest

pytestmark = pytest.mark.legacy

USER = [{"role": "user", "content": "one two three"}]
LOOKUP = ToolRequest("lookup", {"query": "the answer"})


@pytest.fixture
def provider() -> Iterator[ScriptedProvider]:
    with ScriptedProvider() as provider:
        yield provider


@pytest.fixture
def client(provider: ScriptedProvider) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=provider.openai_url, api_key="k", max_retries=0) as client:
        yield client


def chat(client: openai.OpenAI, **options: object):
    return client.chat.completions.create(model="gpt-4o", messages=USER, **options)


def test_a_chat_is_answered_with_twenty_words_and_its_usage(client) -> None:
    answer = chat(client)

    assert len(answer.choices[0].message.content.split()) == 20
    assert answer.choices[0].finish_reason == "stop"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (3, 20)


@pytest.mark.parametrize("cap", ["max_tokens", "max_completion_tokens"])
def test_a_chat_is_cut_at_its_cap(client, provider, cap) -> None:
    provider.default = Reply(output_tokens=10_000)

    answer = chat(client, **{cap: 7})

    assert len(answer.choices[0].message.content.split()) == 7
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 7


def test_hidden_reasoning_is_billed_and_comes_first_under_a_cap(client, provider) -> None:
    provider.default = Reply(reasoning_tokens=8)

    answer = chat(client, max_completion_tokens=10)

    assert len(answer.choices[0].message.content.split()) == 2
    assert answer.usage.completion_tokens_details.reasoning_tokens == 8
    assert answer.usage.completion_tokens == 10


def test_a_chat_stream_gives_one_chunk_a_word(client) -> None:
    chunks = list(chat(client, stream=True))

    deltas = [chunk.choices[0].delta.content for chunk in chunks]
    assert chunks[0].choices[0].delta.role == "assistant"
    assert len([delta for delta in deltas if delta]) == 20
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert all(chunk.usage is None for chunk in chunks)


def test_a_chat_stream_ends_with_usage_only_where_that_is_asked(client, provider) -> None:
    options = {"include_usage": True}
    with client.chat.completions.with_streaming_response.create(
        model="gpt-4o", messages=USER, stream=True, stream_options=options
    ) as response:
        lines = [line for line in response.iter_lines() if line]

    *ordinary, last, done = [line.removeprefix("data: ") for line in lines]
    assert done == "[DONE]"
    assert json.loads(last)["usage"]["completion_tokens"] == 20
    assert json.loads(last)["choices"] == []
    assert all('"usage":null' in line for line in ordinary)


def test_several_choices_share_the_prompt_and_are_each_billed(client) -> None:
    answer = chat(client, n=3)

    assert len(answer.choices) == 3
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (3, 60)


def test_a_stream_of_several_choices_gives_one_after_the_other(client, provider) -> None:
    chunks = list(chat(client, n=2, stream=True, max_tokens=3))

    indexes = [chunk.choices[0].index for chunk in chunks]
    assert indexes == [0] * 5 + [1] * 5
    assert provider.bill.entries[0].tokens.output == 6


def test_a_tool_call_is_given_whole_and_in_a_stream_alike(client, provider) -> None:
    provider.default = Reply(tool_calls=(LOOKUP,))

    whole = chat(client).choices[0]
    chunks = list(chat(client, stream=True))

    (call,) = whole.message.tool_calls
    pieces = [c.choices[0].delta.tool_calls for c in chunks if c.choices[0].delta.tool_calls]
    streamed = "".join(piece[0].function.arguments for piece in pieces)
    assert (whole.finish_reason, whole.message.content) == ("tool_calls", None)
    assert (call.function.name, json.loads(call.function.arguments)) == (
        "lookup",
        {"query": "the answer"},
    )
    assert pieces[0][0].function.name == "lookup"
    assert streamed == call.function.arguments


def test_a_cap_cuts_a_tool_call_in_its_arguments(client, provider) -> None:
    provider.default = Reply(tool_calls=(LOOKUP, LOOKUP))

    choice = chat(client, max_tokens=3).choices[0]

    assert choice.finish_reason == "length"
    assert [call.function.arguments for call in choice.message.tool_calls] == ['{"query": "the']


def test_a_responder_can_play_a_model_that_uses_a_tool_and_then_answers(client, provider) -> None:
    tools = Reply(tool_calls=(LOOKUP,))
    provider.reply_to(lambda request: Reply(text="42") if request.tool_results else tools)

    first = chat(client).choices[0].message
    result = {"role": "tool", "tool_call_id": first.tool_calls[0].id, "content": "forty-two"}
    second = client.chat.completions.create(
        model="gpt-4o", messages=[*USER, first.model_dump(exclude_none=True), result]
    )

    provider.reply_to(None)
    assert second.choices[0].message.content == "42"
    assert len(chat(client).choices[0].message.content.split()) == 20


def test_rules_choose_by_model_prompt_and_turn(client, provider) -> None:
    provider.rules(
        Rule(Reply(text="other model"), model="gpt-4.1"),
        Rule(Reply(text="about four"), contains="four"),
        Rule(Reply(text="first turn"), tool_results=0, contains="three"),
    )

    def said(model: str, text: str) -> str:
        messages = [{"role": "user", "content": text}]
        answer = client.chat.completions.create(model=model, messages=messages)
        return answer.choices[0].message.content

    assert said("gpt-4.1", "four") == "other model"
    assert said("gpt-4o", "four") == "about four"
    assert said("gpt-4o", "three") == "first turn"
    assert len(said("gpt-4o", "five").split()) == 20


def test_queued_replies_come_before_the_default_and_once(client, provider) -> None:
    provider.script(Reply(text="first"), Reply(text="second"))

    said = [chat(client).choices[0].message.content for _ in range(3)]

    assert said[:2] == ["first", "second"]
    assert len(said[2].split()) == 20


def test_a_parsed_chat_gets_the_text_it_was_scripted(client, provider) -> None:
    city = pydantic.create_model("City", name=(str, ...))
    provider.script(Reply(text='{"name": "Turin"}'))

    answer = client.chat.completions.parse(model="gpt-4o", messages=USER, response_format=city)

    assert answer.choices[0].message.parsed.name == "Turin"


def test_a_response_is_answered_and_can_be_fetched_again_without_a_charge(client, provider) -> None:
    made = client.responses.create(model="gpt-4o", instructions="be short", input="one two")

    again = client.responses.retrieve(made.id)

    assert len(made.output_text.split()) == 20
    assert (made.usage.input_tokens, made.usage.output_tokens) == (4, 20)
    assert again.output_text == made.output_text
    assert provider.bill.calls == provider.bill.requests == 1


def test_a_streamed_response_can_be_resumed_without_a_charge(client, provider) -> None:
    events = list(client.responses.create(model="gpt-4o", input="one", stream=True))
    key = events[0].response.id

    again = list(client.responses.retrieve(key, stream=True))
    rest = list(client.responses.retrieve(key, stream=True, starting_after=4))

    assert again == events
    assert rest == events[5:]
    assert provider.bill.calls == 1


def test_a_response_may_have_nothing_but_a_tool_call(client, provider) -> None:
    provider.default = Reply(tool_calls=(LOOKUP,))

    whole = client.responses.create(model="gpt-4o", input="one")
    with client.responses.stream(model="gpt-4o", input="one") as stream:
        streamed = stream.until_done().get_final_response()

    assert [item.type for item in whole.output] == ["function_call"]
    assert [item.type for item in streamed.output] == ["function_call"]


def test_cached_and_written_input_are_parts_of_the_input(client, provider) -> None:
    provider.default = Reply(input_tokens=1_000, cached_tokens=900, cache_write_tokens=50)

    by_chat = chat(client).usage
    by_responses = client.responses.create(model="gpt-4o", input="one").usage

    assert (by_chat.prompt_tokens, by_responses.input_tokens) == (1_000, 1_000)
    for details in (by_chat.prompt_tokens_details, by_responses.input_tokens_details):
        assert details.cached_tokens == 900
        assert details.model_dump()["cache_write_tokens"] == 50
    assert provider.bill.entries[0].cost_usd == Decimal("0.001575")


def test_the_model_that_answers_can_be_another_one(client, provider) -> None:
    provider.script(Reply(model="gpt-4o-mini-2024-07-18"))

    assert chat(client).model == "gpt-4o-mini-2024-07-18"
    assert list(provider.bill.by_model) == ["gpt-4o-mini-2024-07-18"]


def test_a_response_is_incomplete_at_its_cap(client) -> None:
    made = client.responses.create(model="gpt-4o", input="one", max_output_tokens=5)

    assert (made.status, made.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    assert made.usage.output_tokens == 5


def test_a_response_in_the_background_is_queued_then_works_then_is_complete(client) -> None:
    made = client.responses.create(model="gpt-4o", input="one", background=True)

    polls = [client.responses.retrieve(made.id) for _ in range(2)]

    assert [made.status, *(poll.status for poll in polls)] == ["queued", "in_progress", "completed"]
    assert [made.usage, polls[0].usage] == [None, None]
    assert polls[1].usage.output_tokens == 20


def test_a_streamed_response_names_every_step(client, provider) -> None:
    provider.script(Reply(text="good day", tool_calls=(LOOKUP,), reasoning_tokens=4))

    events = list(client.responses.create(model="gpt-4o", input="one", stream=True))

    kinds = list(dict.fromkeys(event.type.removeprefix("response.") for event in events))
    assert kinds == [
        "created",
        "in_progress",
        "output_item.added",
        "output_item.done",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "completed",
    ]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    final = events[-1].response
    assert [item.type for item in final.output] == ["reasoning", "message", "function_call"]
    assert final.usage.output_tokens_details.reasoning_tokens == 4
    assert json.loads(final.output[2].arguments) == {"query": "the answer"}


def test_a_tool_result_of_a_response_is_seen_as_one(client, provider) -> None:
    provider.reply_to(lambda request: Reply(text=f"{request.tool_results} results"))
    result = {"type": "function_call_output", "call_id": "c1", "output": "forty-two"}

    assert client.responses.create(model="gpt-4o", input=[result]).output_text == "1 results"


def test_embeddings_are_given_for_each_text_in_either_format(client, provider) -> None:
    model = "text-embedding-3-small"

    packed = client.embeddings.create(model=model, input=["one two", "three"])
    plain = client.embeddings.create(
        model=model, input=[5, 6, 7], dimensions=4, encoding_format="float"
    )

    assert [len(each.embedding) for each in packed.data] == [1536, 1536]
    assert packed.data[0].embedding[0] == 0.5
    assert [each.embedding for each in plain.data] == [[0.5] * 4]
    assert provider.bill.total_usd == Decimal(6) * Decimal("0.02") / 1_000_000
    assert (packed.usage.prompt_tokens, plain.usage.prompt_tokens) == (3, 3)


def test_a_completion_is_given_whole_and_in_a_stream(client) -> None:
    request = {"model": "gpt-3.5-turbo-instruct", "prompt": "one two", "max_tokens": 3}

    whole = client.completions.create(**request)
    plain = list(client.completions.create(**request, stream=True))
    counted = list(
        client.completions.create(**request, stream=True, stream_options={"include_usage": True})
    )

    assert (whole.usage.prompt_tokens, whole.usage.completion_tokens) == (2, 3)
    assert whole.choices[0].finish_reason == plain[-1].choices[0].finish_reason == "length"
    assert "".join(each.choices[0].text for each in plain) == whole.choices[0].text
    assert counted[-1].usage.completion_tokens == 3


def test_the_input_can_be_counted_for_nothing(client, provider) -> None:
    counted = client.post(
        "/responses/input_tokens", cast_to=dict[str, object], body={"input": "one two three"}
    )

    assert counted["input_tokens"] == 3
    assert provider.bill.requests == 0


def test_the_models_it_has_prices_for_are_listed(client) -> None:
    names = {model.id for model in client.models.list()}

    assert {"gpt-4o", "text-embedding-3-small"} <= names
    assert not any(name.startswith("claude") for name in names)


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, openai.BadRequestError, "invalid_request_error"),
        (401, openai.AuthenticationError, "invalid_request_error"),
        (429, openai.RateLimitError, "rate_limit_error"),
        (500, openai.InternalServerError, "server_error"),
    ],
)
def test_errors_have_openais_shape(client, provider, status, error, kind) -> None:
    provider.script(Reply(status=status))

    with pytest.raises(error) as raised:
        chat(client)

    assert raised.value.type == kind
    assert provider.bill.total_usd == 0
    assert (provider.bill.requests, provider.bill.calls) == (1, 0)


def test_the_kind_of_an_error_can_be_scripted(client, provider) -> None:
    provider.script(Reply(status=429, error_type="insufficient_quota"))

    with pytest.raises(openai.RateLimitError) as raised:
        chat(client)

    assert (raised.value.type, raised.value.code) == ("insufficient_quota", "insufficient_quota")


def test_a_retry_after_is_a_header_that_the_sdk_obeys(provider) -> None:
    provider.script(Reply(status=429, retry_after_s=0.01), Reply(text="at last"))
    with openai.OpenAI(base_url=provider.openai_url, api_key="k", max_retries=1) as client:
        answer = chat(client)

    first, second = provider.requests
    assert answer.choices[0].message.content == "at last"
    assert second.at - first.at < 0.37  # by itself the SDK waits for 0.375 s at least
    assert (provider.bill.requests, provider.bill.calls) == (2, 1)


def test_an_unknown_path_is_not_found(client) -> None:
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve("resp_nobody")


def test_the_async_client_is_answered_like_the_sync_one(provider) -> None:
    async def both() -> tuple[str, int]:
        async with openai.AsyncOpenAI(base_url=provider.openai_url, api_key="k") as client:
            answer = await client.chat.completions.create(model="gpt-4o", messages=USER)
            stream = await client.chat.completions.create(
                model="gpt-4o", messages=USER, stream=True
            )
            words = [c async for c in stream if c.choices[0].delta.content]
            return answer.choices[0].message.content, len(words)

    said, streamed = asyncio.run(both())

    assert len(said.split()) == streamed == 20
    assert provider.bill.total_usd == 2 * (3 * Decimal("2.5") + 20 * Decimal(10)) / 1_000_000
