"""Loops that only spans tell of: tools with what they answered, and model calls."""

from __future__ import annotations

import json
from contextlib import nullcontext

import pytest

from span_rig import processing
from wflo_otel.core.policy import Loops, Mode
from wflo_otel.decorators import track_tool_call
from wflo_otel.errors import InfiniteLoopDetectedError

TOOL = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "look"}
SHOWN = {"gen_ai.tool.call.arguments": '{"at": "x"}', "gen_ai.tool.call.result": "a wall"}
CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}
USED = {"gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 10}


def looping(mode=Mode.ENFORCE, guard=False, **options):
    return processing(loops=Loops(**options), mode=mode, guard=guard)


def tool(rig, attributes=TOOL, shown=SHOWN):
    with rig.tracer().start_as_current_span("look", attributes=attributes) as span:
        span.set_attributes(shown)


def chat(rig, reason="tool_calls"):
    with rig.tracer().start_as_current_span("chat", attributes=CHAT) as span:
        span.set_attributes(USED | {"gen_ai.response.finish_reasons": (reason,)})


def test_a_tool_that_answers_the_same_is_refused_with_its_next_span():
    with looping() as rig:
        for _ in range(4):
            tool(rig)
        with pytest.raises(
            InfiniteLoopDetectedError, match=r"identical, 4 times: look\(11 chars\)"
        ):
            tool(rig)
        with pytest.raises(InfiniteLoopDetectedError):
            chat(rig)

        events = [event.name for span in rig.finished for event in span.events]
        assert events.count("wflo.loop.detected") == 3


def test_a_tool_is_known_by_what_its_span_says_at_its_end():
    late = {"openinference.span.kind": "TOOL", "tool.name": "look", "output.value": "a wall"}
    with looping() as rig:
        for _ in range(4):
            tool(rig, {}, late)
        with pytest.raises(InfiniteLoopDetectedError):
            chat(rig)


def test_spans_that_turn_out_to_be_no_tool_s_are_nothing():
    with looping() as rig:
        for _ in range(9):
            tool(rig, {}, {"output.value": "a wall"})
        chat(rig)


def test_a_tool_whose_span_shows_no_answer_is_not_judged():
    with looping() as rig:
        for _ in range(9):
            tool(rig, shown={})


@pytest.mark.parametrize("attributes", [TOOL, {}])
def test_a_tool_that_is_decorated_inside_of_its_span_counts_once(attributes):
    decorated = track_tool_call(tool_name="look")(lambda at: "a wall")
    with looping() as rig:
        for _ in range(4):
            with rig.tracer().start_as_current_span("look", attributes=attributes) as span:
                decorated("x")
                span.set_attributes(TOOL | SHOWN)
        with pytest.raises(InfiniteLoopDetectedError, match="identical, 4 times"):
            tool(rig)


@pytest.mark.parametrize("reason", ["tool_calls", "tool_use", "function_call", "TOOL_CALL"])
def test_turns_that_ask_for_tools_are_counted(reason):
    with looping(max_iterations=3) as rig:
        for _ in range(3):
            chat(rig, reason)
        with pytest.raises(InfiniteLoopDetectedError, match="iteration_cap, 4 times"):
            chat(rig, reason)


def test_turns_that_a_tool_follows_are_counted_where_no_reason_is_told():
    with looping(max_iterations=3) as rig:
        for turn in range(3):
            chat(rig, "stop")
            tool(rig, shown=SHOWN | {"gen_ai.tool.call.result": f"page {turn}"})
        with pytest.raises(InfiniteLoopDetectedError):
            chat(rig)


def test_paging_through_what_a_tool_puts_out_goes_on():
    with looping() as rig:
        for page in range(12):
            chat(rig, "tool_calls")
            answer = json.dumps({"output": "a row", "page": page, "pages": 12})
            tool(rig, shown=SHOWN | {"gen_ai.tool.call.result": answer})


@pytest.mark.parametrize(("messages", "is_asked"), [("output", True), ("input", False)])
def test_of_openinferences_messages_those_that_are_answered_ask_for_tools(messages, is_asked):
    call = "message.tool_calls.0.tool_call.function.name"
    shown = {
        "openinference.span.kind": "LLM",
        "llm.model_name": "gpt-4o",
        f"llm.{messages}_messages.0.{call}": "look",
    }
    with looping(max_iterations=3) as rig:
        for _ in range(3):
            with rig.tracer().start_as_current_span("llm", attributes=shown):
                pass
        expected = pytest.raises(InfiniteLoopDetectedError) if is_asked else nullcontext()
        with expected, rig.tracer().start_as_current_span("llm", attributes=shown):
            pass


def test_questions_that_are_answered_are_not():
    with looping(max_iterations=3) as rig:
        for _ in range(9):
            chat(rig, "stop")


def test_shadow_mode_only_tells():
    with looping(Mode.SHADOW) as rig:
        for _ in range(6):
            tool(rig)

        rungs = [e.attributes.get("wflo.loop.rung") for s in rig.finished for e in s.events]
        assert "stop" in rungs


def test_without_loops_in_the_policy_no_span_is_looked_at():
    with processing() as rig:
        for _ in range(9):
            tool(rig)
        assert not any(
            event.name == "wflo.loop.detected" for s in rig.finished for event in s.events
        )
