"""A tool that has answered is not asked twice by a run that is taken up again."""

from __future__ import annotations

import asyncio
import functools
from dataclasses import dataclass

import pytest

from decorated import kept_spans
from kinds import KINDS, YIELDING, made, run
from wflo_otel.bootstrap import configure, shutdown
from wflo_otel.core.policy import Checkpoints, Policy
from wflo_otel.decorators import track_tool_call
from wflo_otel.workflow import WfloWorkflow

REPLAY = Policy(checkpoints=Checkpoints(replay=True))


@dataclass
class Found:
    """What a tool may answer that is no plain data."""

    title: str


@pytest.fixture(autouse=True)
def configured():
    configure(REPLAY, state="memory://")
    yield
    shutdown()


def twice(work):
    """Do some work in a run, and again in the same run, taken up again."""
    with WfloWorkflow() as first:
        before = work()
    with WfloWorkflow(run_id=first.run_id):
        return before, work()


def counted(answer):
    asked = []

    def tool(*args, **kwargs):
        asked.append((args, kwargs))
        return answer(*args, **kwargs)

    return tool, asked


@pytest.mark.parametrize("kind", [each for each in KINDS if each not in YIELDING])
def test_the_answer_is_met_again_by_every_kind_of_tool(kind):
    work, asked = counted(lambda: {"found": (1, 2), "by": {"x"}})
    tool = track_tool_call(made(kind, work))

    before, again = twice(lambda: run(kind, tool))

    assert before == again == {"found": (1, 2), "by": {"x"}}
    assert len(asked) == 1


@pytest.mark.parametrize("kind", YIELDING)
def test_a_tool_that_yields_works_each_time(kind):
    work, asked = counted(lambda: 5)
    tool = track_tool_call(made(kind, work))

    twice(lambda: run(kind, tool))

    assert len(asked) == 4  # each of them two steps


def test_a_tool_that_must_work_each_time_does():
    work, asked = counted(lambda city: city)

    twice(lambda: track_tool_call(replay=False)(work)("Bergen"))

    assert len(asked) == 2


def test_other_arguments_are_another_question():
    work, asked = counted(lambda city: city.upper())
    tool = track_tool_call(work)
    with WfloWorkflow() as first:
        tool("Bergen")
    with WfloWorkflow(run_id=first.run_id):
        assert [tool("Oslo"), tool("Bergen")] == ["OSLO", "BERGEN"]

    assert len(asked) == 2


@pytest.mark.parametrize("answer", [Found("tides"), object(), [Found("tides")]])
def test_what_would_not_come_back_as_it_was_is_not_kept(answer):
    work, asked = counted(lambda: answer)

    before, again = twice(track_tool_call(tool_name="find")(work))

    assert before is again is answer
    assert len(asked) == 2


def test_what_cannot_be_compared_is_not_kept():
    numpy = pytest.importorskip("numpy")
    work, asked = counted(lambda: numpy.array([1, 2]))

    twice(track_tool_call(tool_name="find")(work))

    assert len(asked) == 2


def test_arguments_that_are_no_data_are_no_question():
    work, asked = counted(lambda client: 5)

    twice(lambda: track_tool_call(tool_name="find")(work)(object()))

    assert len(asked) == 2


def test_a_tool_that_failed_works_again():
    asked = []

    def tool():
        asked.append(1)
        raise LookupError

    def work():
        with pytest.raises(LookupError):
            track_tool_call(tool)()

    twice(work)

    assert len(asked) == 2


def test_the_object_whose_method_it_is_is_no_argument():
    class Library:
        asked = 0

        @track_tool_call
        def find(self, title):
            Library.asked += 1
            return title

    assert twice(lambda: Library().find("tides")) == ("tides", "tides")
    assert Library.asked == 1


def test_a_coroutine_function_behind_a_plain_wrapper_is_still_awaited():
    async def find():
        return 5

    @functools.wraps(find)
    def wrapper():
        return find()

    tool = track_tool_call(wrapper)

    async def ask():
        return await tool()

    assert twice(lambda: asyncio.run(ask())) == (5, 5)


def test_the_span_says_so():
    tool = track_tool_call(tool_name="find")(lambda: 5)
    with kept_spans() as spans:
        twice(tool)
        shown = [each.attributes or {} for each in spans() if each.name == "execute_tool find"]

    assert [each.get("wflo.replayed") for each in shown] == [None, True]
