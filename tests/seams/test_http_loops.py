"""Bare tool loops over the SDKs: what repeats itself is stopped, what gets on is not."""

from __future__ import annotations

import asyncio
import json
from itertools import count

import pytest

from sdk_paths import claude_client, openai_async, openai_client
from wflo_otel.bootstrap import configure, shutdown
from wflo_otel.core.policy import Hint, Loops, Mode, Policy
from wflo_otel.decorators import track_tool_call
from wflo_otel.errors import InfiniteLoopDetectedError
from wflo_otel.testing import Reply, ScriptedProvider, ToolRequest
from wiring import Rig

LOOK = Reply(tool_calls=(ToolRequest("look_up", {"word": "tide"}),), input_tokens=50)
QUESTION = {"role": "user", "content": "What is a tide?"}
TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}
CLAUDE_TOOL = {"name": "look_up", "input_schema": {"type": "object"}}
MOST = 12


@pytest.fixture
def rig_of():
    with ScriptedProvider() as provider:
        provider.default = LOOK

        def made(mode=Mode.ENFORCE, **options):
            policy = Policy(mode=mode, loops=Loops(**options))
            return Rig(provider, configure(policy, state="memory://"))

        yield made
        shutdown()


def same():
    return lambda: "Water, rising and falling."


def new():
    numbers = count()
    return lambda: f"Meaning number {next(numbers)} of the word"


def chat(provider, answer):
    messages = [QUESTION]
    with openai_client(provider, max_retries=0) as client:
        for _ in range(MOST):
            given = client.chat.completions.create(
                model="gpt-4o", messages=messages, tools=[TOOL], max_tokens=50
            )
            message = given.choices[0].message
            messages.append(message.model_dump(exclude_none=True))
            messages += [
                {"role": "tool", "tool_call_id": call.id, "content": answer()}
                for call in message.tool_calls
            ]


def chat_stream(provider, answer):
    async def ask():
        messages = [QUESTION]
        async with openai_async(provider, max_retries=0) as client:
            for _ in range(MOST):
                stream = await client.chat.completions.create(
                    model="gpt-4o", messages=messages, tools=[TOOL], max_tokens=50, stream=True
                )
                pieces = [
                    piece
                    async for chunk in stream
                    for choice in chunk.choices
                    for piece in choice.delta.tool_calls or ()
                ]
                call_id = next(piece.id for piece in pieces if piece.id)
                asked = {"name": "look_up", "arguments": '{"word": "tide"}'}
                call = {"id": call_id, "type": "function", "function": asked}
                messages += [
                    {"role": "assistant", "tool_calls": [call]},
                    {"role": "tool", "tool_call_id": call_id, "content": answer()},
                ]

    asyncio.run(ask())


def responses(provider, answer):
    """The history stays at the provider: a request brings the answers alone."""
    said, before = [QUESTION], None
    with openai_client(provider, max_retries=0) as client:
        for _ in range(MOST):
            more = {} if before is None else {"previous_response_id": before}
            given = client.responses.create(model="gpt-4o", input=said, **more)
            before = given.id
            said = [
                {"type": "function_call_output", "call_id": item.call_id, "output": answer()}
                for item in given.output
                if item.type == "function_call"
            ]


def claude(provider, answer):
    messages = [QUESTION]
    with claude_client(provider, max_retries=0) as client:
        for _ in range(MOST):
            given = client.messages.create(
                model="claude-haiku-4-5", messages=messages, tools=[CLAUDE_TOOL], max_tokens=50
            )
            messages += [
                {"role": "assistant", "content": [each.model_dump() for each in given.content]},
                {"role": "user", "content": _results(given.content, answer)},
            ]


def claude_stream(provider, answer):
    messages = [QUESTION]
    with claude_client(provider, max_retries=0) as client:
        for _ in range(MOST):
            with client.messages.stream(
                model="claude-haiku-4-5", messages=messages, tools=[CLAUDE_TOOL], max_tokens=50
            ) as stream:
                content = stream.get_final_message().content
            messages += [
                {"role": "assistant", "content": [each.model_dump() for each in content]},
                {"role": "user", "content": _results(content, answer)},
            ]


def _results(content, answer):
    return [
        {"type": "tool_result", "tool_use_id": each.id, "content": answer()}
        for each in content
        if each.type == "tool_use"
    ]


each_loop = pytest.mark.parametrize(
    "loop", [chat, chat_stream, responses, claude, claude_stream], ids=lambda fn: fn.__name__
)


@each_loop
def test_a_loop_that_repeats_a_call_is_stopped_before_the_next_request(rig_of, loop):
    rig = rig_of()

    with pytest.raises(InfiniteLoopDetectedError, match="identical, 4 times: look_up") as caught:
        loop(rig.provider, same())

    assert caught.value.kind == "identical"
    assert rig.provider.bill.requests == 4
    rig.assert_settled()


@each_loop
def test_a_loop_that_learns_something_goes_on(rig_of, loop):
    rig = rig_of()
    loop(rig.provider, new())

    assert rig.provider.bill.requests == MOST


@each_loop
def test_an_agent_is_cut_off_after_its_turns(rig_of, loop):
    rig = rig_of(max_iterations=5)

    with pytest.raises(InfiniteLoopDetectedError, match="iteration_cap, 6 times"):
        loop(rig.provider, new())

    assert rig.provider.bill.requests == 5


@each_loop
def test_each_new_question_has_its_own_turns(rig_of, loop):
    rig = rig_of(max_iterations=MOST)
    for _ in range(2):
        loop(rig.provider, new())

    assert rig.provider.bill.requests == 2 * MOST


def test_a_program_that_swallows_the_error_meets_it_again(rig_of):
    rig = rig_of()
    for _ in range(3):
        with pytest.raises(InfiniteLoopDetectedError):
            chat(rig.provider, same())

    assert rig.provider.bill.requests == 4


def test_shadow_mode_stops_nothing(rig_of):
    rig = rig_of(Mode.SHADOW)
    chat(rig.provider, same())

    assert rig.provider.bill.requests == MOST
    assert rig.configuration.policy().loops is not None


@each_loop
def test_a_hint_goes_into_the_request_only_where_it_is_asked_for(rig_of, loop):
    for hint, times in ((Hint.EVENT, 0), (Hint.INJECT, 1)):
        rig = rig_of(hint=hint)
        seen = len(rig.provider.requests)
        with pytest.raises(InfiniteLoopDetectedError):
            loop(rig.provider, same())

        sent = [json.dumps(each.body) for each in rig.provider.requests[seen:]]
        assert [text.count("the same call 3 times") for text in sent] == [0, 0, 0, times]


def test_a_hint_is_not_written_in_shadow_mode(rig_of):
    rig = rig_of(Mode.SHADOW, hint=Hint.INJECT)
    chat(rig.provider, same())

    assert not any("the same call" in json.dumps(each.body) for each in rig.provider.requests)


def test_a_tool_that_is_tracked_too_counts_once(rig_of):
    rig = rig_of()
    look_up = track_tool_call(tool_name="look_up")(same())

    with pytest.raises(InfiniteLoopDetectedError, match="identical, 4 times"):
        chat(rig.provider, look_up)

    assert rig.provider.bill.requests == 4
