"""The Anthropic side of the scripted provider, through the real SDK."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import anthropic
import pytest

from wflo_otel.testing import Reply, ScriptedProvider, ToolRequest

pytestmark = pytest.mark.legacy

REQUEST = {
    "model": "claude-haiku-4-5",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "one two three"}],
}
LOOKUP = ToolRequest("lookup", {"query": "the answer"})


@pytest.fixture
def provider() -> Iterator[ScriptedProvider]:
    with ScriptedProvider() as provider:
        yield provider


@pytest.fixture
def client(provider: ScriptedProvider) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=provider.anthropic_url, api_key="k", max_retries=0) as client:
        yield client


def test_a_message_is_answered_with_twenty_words_and_its_usage(client) -> None:
    message = client.messages.create(**REQUEST)

    assert len(message.content[0].text.split()) == 20
    assert message.stop_reason == "end_turn"
    assert (message.usage.input_tokens, message.usage.output_tokens) == (3, 20)


def test_a_message_is_cut_at_max_tokens(client) -> None:
    message = client.messages.create(**REQUEST | {"max_tokens": 5})

    assert message.stop_reason == "max_tokens"
    assert message.usage.output_tokens == 5


def test_cached_input_stands_beside_the_rest_and_grows_a_small_prompt(client, provider) -> None:
    provider.script(
        Reply(input_tokens=1_000, cached_tokens=900, cache_write_tokens=50),
        Reply(cached_tokens=900),
    )

    large, small = (client.messages.create(**REQUEST).usage for _ in range(2))

    assert large.input_tokens == 50
    assert large.cache_read_input_tokens == 900
    assert large.cache_creation.ephemeral_5m_input_tokens == 50
    assert (small.input_tokens, small.cache_read_input_tokens) == (0, 900)


def test_a_stream_has_anthropics_events_and_cumulative_usage(client, provider) -> None:
    provider.script(Reply(text="good day", reasoning_tokens=6))

    events = list(client.messages.create(**REQUEST, stream=True))

    assert [event.type for event in events] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert events[0].message.usage.output_tokens == 1
    assert events[-2].usage.output_tokens == 8


def test_a_tool_call_is_given_whole_and_in_a_stream_alike(client, provider) -> None:
    provider.default = Reply(text="let me see", tool_calls=(LOOKUP,))

    whole = client.messages.create(**REQUEST)
    with client.messages.stream(**REQUEST) as stream:
        streamed = stream.get_final_message()

    for message in (whole, streamed):
        text, tool = message.content
        assert message.stop_reason == "tool_use"
        assert text.text == "let me see"
        assert (tool.name, tool.input) == ("lookup", {"query": "the answer"})


def test_a_stream_may_have_nothing_but_a_tool_call(client, provider) -> None:
    provider.script(Reply(tool_calls=(LOOKUP,)))

    with client.messages.stream(**REQUEST) as stream:
        message = stream.get_final_message()

    assert [block.type for block in message.content] == ["tool_use"]


def test_a_tool_call_that_a_cap_cuts_has_no_arguments(client, provider) -> None:
    provider.script(Reply(tool_calls=(LOOKUP,)))

    message = client.messages.create(**REQUEST | {"max_tokens": 2})

    assert message.stop_reason == "max_tokens"
    assert message.content[0].input == {}


def test_a_tool_result_is_seen_as_one_and_billed_as_input(client, provider) -> None:
    provider.reply_to(lambda request: Reply(text=f"{request.tool_results} results"))
    result = {"type": "tool_result", "tool_use_id": "t1", "content": "forty two"}

    message = client.messages.create(
        **REQUEST | {"messages": [{"role": "user", "content": [result]}]}
    )

    assert message.content[0].text == "1 results"
    assert message.usage.input_tokens == 2


def test_tokens_are_counted_for_nothing(client, provider) -> None:
    counted = client.messages.count_tokens(model="claude-haiku-4-5", messages=REQUEST["messages"])

    assert counted.input_tokens == 3
    assert (provider.bill.requests, len(provider.requests)) == (0, 1)


def test_the_models_are_listed_in_anthropics_shape(client) -> None:
    assert "claude-haiku-4-5" in {model.id for model in client.models.list()}


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, anthropic.BadRequestError, "invalid_request_error"),
        (429, anthropic.RateLimitError, "rate_limit_error"),
        (500, anthropic.InternalServerError, "api_error"),
        (529, anthropic.APIStatusError, "overloaded_error"),
    ],
)
def test_errors_have_anthropics_shape(client, provider, status, error, kind) -> None:
    provider.script(Reply(status=status))

    with pytest.raises(error) as raised:
        client.messages.create(**REQUEST)

    assert (raised.value.status_code, raised.value.body["error"]["type"]) == (status, kind)


def test_the_async_client_is_answered_like_the_sync_one(provider) -> None:
    async def said() -> tuple[str, str]:
        async with anthropic.AsyncAnthropic(base_url=provider.anthropic_url, api_key="k") as client:
            whole = await client.messages.create(**REQUEST)
            async with client.messages.stream(**REQUEST) as stream:
                return whole.content[0].text, await stream.get_final_text()

    whole, streamed = asyncio.run(said())

    assert whole == streamed
    assert provider.bill.calls == 2
