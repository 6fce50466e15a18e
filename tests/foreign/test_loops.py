"""The span processor alone: a tool loop that only other projects' spans tell of."""

from contextvars import Context
from itertools import count

import pytest

from instrumented import HELLO, OPENAI_MODEL, instrumented, langchain_model
from sdk_paths import openai_client
from wflo_otel.core.policy import Loops
from wflo_otel.errors import InfiniteLoopDetectedError
from wflo_otel.testing import Reply, ToolRequest

pytestmark = [pytest.mark.foreign, pytest.mark.filterwarnings("ignore")]

LOOK = Reply(tool_calls=(ToolRequest("find_job", {"name": "nightly"}),))
#: Spans of tools with what they answered, and spans of model calls that let a refusal out.
SHOWING = [
    ("openinference-langchain", "openllmetry-openai"),
    ("openllmetry-langchain", "genai-openai"),
    ("openinference-langchain", "genai-openai"),
]
#: Those whose model spans swallow it. OpenLLMetry's for LangChain keep those for OpenAI away.
SWALLOWING = [
    ("openinference-langchain", "openinference-openai"),
    ("openllmetry-langchain", "openllmetry-openai"),
]
TURNS = 12


def agent(provider, answer):
    """LangChain's own agent; in a context of its own, for OpenLLMetry's leave one attached."""
    return Context().run(_agent, provider, answer)


def _agent(provider, answer):
    """It runs until it is stopped or has taken its turns."""
    from langchain.agents import create_agent
    from langchain_core.tools import tool
    from langgraph.errors import GraphRecursionError

    @tool
    def find_job(name: str) -> str:
        """Find a job."""
        return answer()

    graph = create_agent(langchain_model(provider), [find_job])
    with pytest.raises((InfiniteLoopDetectedError, GraphRecursionError)) as caught:
        graph.invoke({"messages": HELLO}, {"recursion_limit": 2 * TURNS})
    return caught.value


def bare_loop(provider):
    messages = [*HELLO]
    with openai_client(provider, max_retries=0) as client:
        for _ in range(TURNS):
            given = client.chat.completions.create(model=OPENAI_MODEL, messages=messages)
            (call,) = given.choices[0].message.tool_calls
            messages += [
                given.choices[0].message.model_dump(exclude_none=True),
                {"role": "tool", "tool_call_id": call.id, "content": "in the list"},
            ]


def looping(*names, **options):
    return instrumented(*names, guard=False, loops=Loops(**options))


@pytest.mark.parametrize("names", SHOWING, ids=" and ".join)
def test_a_tool_loop_is_refused_where_a_model_s_span_lets_it_out(names):
    with looping(*names) as rig:
        rig.provider.default = LOOK
        stopped = agent(rig.provider, lambda: "it is in the list")

        assert isinstance(stopped, InfiniteLoopDetectedError)
        assert stopped.kind == "identical"
        assert len(rig.provider.requests) == 4
        events = [event.name for span in rig.finished for event in span.events]
        assert "wflo.loop.detected" in events
        assert not any(
            "it is in the list" in str(e.attributes) for s in rig.finished for e in s.events
        )


@pytest.mark.parametrize("names", SWALLOWING, ids=" and ".join)
def test_a_tool_loop_is_told_of_where_a_refusal_is_swallowed(names):
    with looping(*names) as rig:
        rig.provider.default = LOOK
        stopped = agent(rig.provider, lambda: "it is in the list")

        assert not isinstance(stopped, InfiniteLoopDetectedError)
        events = [event for span in rig.finished for event in span.events]
        assert "stop" in [event.attributes.get("wflo.loop.rung") for event in events]


@pytest.mark.parametrize("names", SHOWING, ids=" and ".join)
def test_a_tool_that_gets_on_is_left_alone(names):
    numbers = count()
    with looping(*names) as rig:
        rig.provider.default = LOOK
        ended = agent(rig.provider, lambda: f"{next(numbers)} % done")

        assert not isinstance(ended, InfiniteLoopDetectedError)
        assert len(rig.provider.requests) >= TURNS - 1


def test_a_tool_whose_answers_no_span_shows_is_left_alone():
    with looping("genai-langchain", "genai-openai") as rig:
        rig.provider.default = LOOK
        ended = agent(rig.provider, lambda: "it is in the list")

        assert not isinstance(ended, InfiniteLoopDetectedError)


@pytest.mark.parametrize("name", ["genai-openai", "openllmetry-openai"])
def test_turns_are_counted_by_the_spans_of_model_calls_alone(name):
    with looping(name, max_iterations=5) as rig:
        rig.provider.default = LOOK
        with pytest.raises(InfiniteLoopDetectedError, match="iteration_cap, 6 times"):
            bare_loop(rig.provider)

        assert len(rig.provider.requests) == 5


def test_two_instrumentations_at_once_count_a_loop_once():
    names = ("openinference-langchain", "openllmetry-langchain", "genai-openai")
    with looping(*names) as rig:
        rig.provider.default = LOOK
        stopped = agent(rig.provider, lambda: "it is in the list")

        assert isinstance(stopped, InfiniteLoopDetectedError)
        assert (stopped.kind, stopped.count) == ("identical", 4)
        assert len(rig.provider.requests) == 4


def test_the_turns_of_a_bare_loop_are_told_of_where_the_refusal_is_swallowed():
    with looping("openinference-openai", max_iterations=5) as rig:
        rig.provider.default = LOOK
        bare_loop(rig.provider)

        assert len(rig.provider.requests) == TURNS
        events = [event for span in rig.finished for event in span.events]
        assert "stop" in [event.attributes.get("wflo.loop.rung") for event in events]
