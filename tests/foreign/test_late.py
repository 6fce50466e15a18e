"""A tool loop under each instrumentation of LangChain: the table of ``docs/processor.md``."""

import warnings
from contextvars import copy_context
from itertools import count

import pytest

from instrumented import instrumented, langchain_model
from sdk_paths import OPENAI_MODEL, openai_client
from wflo_otel.core.policy import Loops
from wflo_otel.errors import InfiniteLoopDetectedError
from wflo_otel.testing import Reply, ToolRequest

pytestmark = [pytest.mark.foreign, pytest.mark.filterwarnings("ignore")]

LOOK = Reply(tool_calls=(ToolRequest("look_up", {"word": "tide"}),), input_tokens=50)
TURNS = 8

#: Instrumentations whose tool spans show what was answered.
SHOWING = ["openinference-langchain", "openllmetry-langchain"]
each_showing = pytest.mark.parametrize("name", SHOWING)


def ask_graph(rig, answer):
    """An agent of LangGraph's that asks for one tool again and again, and then answers."""
    rig.provider.script(*[LOOK] * TURNS, Reply(text="It is water."))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        copy_context().run(_graph, rig.provider, answer)


def _graph(provider, answer):
    from langgraph.prebuilt import create_react_agent

    def look_up(word: str) -> str:
        """Look a word up."""
        return answer()

    graph = create_react_agent(langchain_model(provider), [look_up], name="scout")
    graph.invoke({"messages": [("user", "What is a tide?")]}, {"recursion_limit": 50})


def same():
    return lambda: "Water, rising and falling."


def polled():
    numbers = count(3)
    return lambda: f"{next(numbers) * 7} % done"


def found(rig):
    return [
        (event.attributes["wflo.loop.kind"], event.attributes["wflo.loop.rung"])
        for span in rig.finished
        for event in span.events
        if event.name == "wflo.loop.detected"
    ]


@each_showing
def test_a_loop_is_stopped_where_the_sdks_span_lets_a_refusal_out(name):
    with instrumented(name, "genai-openai", guard=False, loops=Loops()) as rig:
        with pytest.raises(InfiniteLoopDetectedError, match="identical, 4 times: look_up"):
            ask_graph(rig, same())

        assert len(rig.provider.requests) == 4


@each_showing
def test_where_the_refusal_is_swallowed_a_loop_is_told_of(name):
    with instrumented(name, guard=False, loops=Loops()) as rig:
        ask_graph(rig, same())

        assert ("identical", "stop") in found(rig)
        assert len(rig.provider.requests) == TURNS + 1


def test_openllmetrys_next_graph_of_a_stopped_agent_is_refused():
    with instrumented("openllmetry-langchain", guard=False, loops=Loops()) as rig:
        ask_graph(rig, same())
        with pytest.raises(InfiniteLoopDetectedError):
            ask_graph(rig, same())

        assert len(rig.provider.requests) == TURNS + 1


@each_showing
def test_polling_goes_on(name):
    with instrumented(name, "genai-openai", guard=False, loops=Loops()) as rig:
        ask_graph(rig, polled())

        assert not found(rig)
        assert len(rig.provider.requests) == TURNS + 1


def test_both_at_once_count_a_loop_once():
    with instrumented(*SHOWING, "genai-openai", guard=False, loops=Loops()) as rig:
        with pytest.raises(InfiniteLoopDetectedError, match="identical, 4 times: look_up"):
            ask_graph(rig, same())

        assert len(rig.provider.requests) == 4


@pytest.mark.parametrize("name", [*SHOWING, "genai-langchain"])
def test_turns_are_counted_by_spans_that_show_no_answers(name):
    with instrumented(name, guard=False, loops=Loops(max_iterations=3, repeats=20)) as rig:
        ask_graph(rig, polled())

        assert ("iteration_cap", "stop") in found(rig)


def _bare_loop(provider):
    provider.default = LOOK
    messages = [{"role": "user", "content": "What is a tide?"}]
    with openai_client(provider, max_retries=0) as client:
        for _ in range(TURNS):
            given = client.chat.completions.create(model=OPENAI_MODEL, messages=messages)
            message = given.choices[0].message
            messages.append(message.model_dump(exclude_none=True))
            messages += [
                {"role": "tool", "tool_call_id": call.id, "content": "Water"}
                for call in message.tool_calls
            ]


@pytest.mark.parametrize("name", ["genai-openai", "openllmetry-openai"])
def test_the_turns_of_a_bare_loop_are_capped(name):
    with instrumented(name, guard=False, loops=Loops(max_iterations=3)) as rig:
        with pytest.raises(InfiniteLoopDetectedError, match="iteration_cap"):
            copy_context().run(_bare_loop, rig.provider)

        assert len(rig.provider.requests) == 3


def test_the_turns_of_a_bare_loop_are_told_of_where_the_refusal_is_swallowed():
    with instrumented("openinference-openai", guard=False, loops=Loops(max_iterations=3)) as rig:
        copy_context().run(_bare_loop, rig.provider)

        assert ("iteration_cap", "stop") in found(rig)
        assert len(rig.provider.requests) == TURNS
