"""A run goes back, goes on from there, and loses nothing of what was."""

from __future__ import annotations

import asyncio
import pickle
import sys
import weakref
from dataclasses import dataclass, replace

import pytest

from decorated import watch
from wflo_otel.bootstrap import configure
from wflo_otel.context import runs
from wflo_otel.core.policy import Budget, Budgets, Checkpoints, Mode, OnExceeded, Policy
from wflo_otel.decorators import checkpoint, record_usage, track_llm_call
from wflo_otel.errors import (
    BudgetExceededError,
    CheckpointCodecError,
    CheckpointNotFoundError,
    ConfigError,
)
from wflo_otel.workflow import WfloWorkflow


@track_llm_call(model="gpt-4o")
def ask():
    record_usage(input_tokens=1000, output_tokens=100)


@pytest.fixture
def seen():
    return watch()


def saved(workflow, *states):
    return [workflow.checkpoint(f"step {n}", each).checkpoint for n, each in enumerate(states)]


def test_a_rollback_goes_on_from_the_older_state_as_a_branch_of_it(seen):
    with WfloWorkflow("report") as workflow:
        first, second = saved(workflow, {"n": 1}, {"n": 2})
        restored = workflow.rollback(first.checkpoint_id)
        third = workflow.checkpoint("again", {"n": 3}).checkpoint

    assert restored.state == {"n": 1}
    assert restored.checkpoint.parent == first.checkpoint_id
    assert (restored.checkpoint.name, restored.checkpoint.digest) == (first.name, first.digest)
    assert third.parent == restored.checkpoint.checkpoint_id
    assert workflow.checkpoints() == [first, second, restored.checkpoint, third]


def test_a_rollback_may_be_awaited_and_shows_no_state(seen):
    async def work():
        async with WfloWorkflow() as workflow:
            first = await workflow.checkpoint("draft", {"secret": "hunter2"})
            return await workflow.rollback(first.checkpoint_id)

    restored = asyncio.run(work())

    assert restored.state == {"secret": "hunter2"}
    assert "hunter2" not in repr(restored)


def test_a_run_goes_back_to_its_own_checkpoints_only(seen):
    other = saved(WfloWorkflow(), 1)[0]

    with (
        WfloWorkflow() as workflow,
        pytest.raises(
            CheckpointNotFoundError, match=r"is not one of the run .*`workflow\.fork"
        ) as raised,
    ):
        workflow.rollback(other.checkpoint_id)

    assert workflow.checkpoints() == []
    again = pickle.loads(pickle.dumps(raised.value))
    assert (again.checkpoint_id, again.run_id) == (other.checkpoint_id, workflow.run_id)


@pytest.mark.parametrize("action", ["rollback", "fork", "load"])
def test_there_is_no_going_back_to_what_is_not_there(seen, action):
    before = len(seen.configuration.store.runs())
    with WfloWorkflow() as workflow, pytest.raises(CheckpointNotFoundError, match="'nowhere'"):
        getattr(workflow, action)("nowhere")

    assert len(seen.configuration.store.runs()) == before + 1


def test_a_fork_is_a_run_of_its_own_that_begins_with_the_state(seen):
    with WfloWorkflow("report", budget_usd=1, per_agent_budgets={"writer": 0.5}) as workflow:
        first, second = saved(workflow, {"n": 1}, {"n": 2})
        forked = workflow.fork(first.checkpoint_id)
    with forked:
        ask()

    (begun,) = forked.checkpoints()
    assert forked.run_id != workflow.run_id
    assert (begun.run_id, begun.parent) == (forked.run_id, first.checkpoint_id)
    assert forked.load(begun.checkpoint_id) == {"n": 1}
    assert workflow.checkpoints() == [first, second]
    assert workflow.cost_usd == 0 < forked.cost_usd
    assert (forked.name, list(forked.get_cost_breakdown_by_agent())) == ("report", ["writer", "-"])


def test_a_forks_budget_is_a_new_one_of_the_same_size(seen):
    with WfloWorkflow(budget_usd="0.000001") as workflow:
        (first,) = saved(workflow, 1)
        forked = workflow.fork(first.checkpoint_id)
    with forked, pytest.raises(BudgetExceededError) as raised:
        ask()

    assert raised.value.scope == f"run:{forked.run_id}"
    assert raised.value.checkpoint == forked.checkpoints()[0].checkpoint_id


def test_what_changed_between_two_checkpoints_is_a_json_patch(seen):
    with WfloWorkflow() as workflow:
        first, second = saved(
            workflow, {"parts": [1], "by": {"x"}}, {"parts": [1, (2,)], "by": {"x"}}
        )

        assert workflow.diff(first.checkpoint_id, first.checkpoint_id) == []
        assert workflow.diff(first.checkpoint_id, second.checkpoint_id) == [
            {"op": "add", "path": "/parts/1", "value": {"$wflo": "tuple", "value": [2]}}
        ]


@pytest.mark.parametrize("action", ["rollback", "fork", "load", "diff"])
def test_a_state_of_another_codec_is_named_and_not_read(seen, action):
    with WfloWorkflow() as workflow:
        (first,) = saved(workflow, 1)
        store = seen.configuration.store
        object.__setattr__(store.load(first.checkpoint_id)[0], "codec", "json/99")

        with pytest.raises(CheckpointCodecError, match=r"by the codec json/99; this version reads"):
            getattr(workflow, action)(*[first.checkpoint_id] * (2 if action == "diff" else 1))


def test_a_run_that_is_joined_goes_on_from_its_last_checkpoint(tmp_path):
    state = f"sqlite:///{tmp_path}/state.db"
    configure(state=state, run_id="shared")
    first = checkpoint("one", 1).checkpoint
    configure(state=state, run_id="shared")
    second = checkpoint("two", 2).checkpoint
    configure(state=state)
    with WfloWorkflow(run_id="shared") as workflow:
        third = saved(workflow, 3)[0]

    assert (second.parent, third.parent) == (first.checkpoint_id, second.checkpoint_id)


def test_a_refusal_for_lack_of_budget_names_the_last_checkpoint_of_the_run(seen):
    with WfloWorkflow(budget_usd="0.000001") as workflow:
        with pytest.raises(BudgetExceededError) as before:
            ask()
        last = saved(workflow, 1, 2)[-1]
        with pytest.raises(BudgetExceededError) as after:
            ask()

    assert before.value.checkpoint is None
    assert after.value.checkpoint == last.checkpoint_id
    assert pickle.loads(pickle.dumps(after.value)).checkpoint == last.checkpoint_id


def test_where_the_run_has_saved_nothing_it_is_the_one_of_the_run_around_it(seen):
    with WfloWorkflow(budget_usd="0.000001") as outer:
        (last,) = saved(outer, 1)
        with WfloWorkflow(), pytest.raises(BudgetExceededError) as raised:
            ask()

    assert raised.value.checkpoint == last.checkpoint_id


def test_only_so_many_are_kept_as_the_policy_says():
    configure(Policy(checkpoints=Checkpoints(keep=2)), state="memory://")
    with WfloWorkflow() as workflow:
        _, *kept = saved(workflow, 1, 2, 3)

        assert workflow.checkpoints() == kept


@dataclass
class Draft:
    title: str


def test_objects_come_back_where_their_types_are_named(seen):
    with WfloWorkflow() as workflow:
        (first,) = saved(workflow, {"draft": Draft("tides")})

        assert workflow.load(first.checkpoint_id, types=[Draft]) == {"draft": Draft("tides")}
        assert workflow.load(first.checkpoint_id)["draft"]["title"] == "tides"
        assert workflow.rollback(first.checkpoint_id, types=[Draft]).state["draft"] == Draft(
            "tides"
        )


def test_a_state_that_does_not_fit_its_type_is_not_gone_back_to(seen):
    class Draft:
        __qualname__ = "Draft"

    with WfloWorkflow() as workflow:
        (first,) = saved(workflow, globals()["Draft"]("tides"))

        with pytest.raises(CheckpointCodecError, match="does not fit its class any more"):
            workflow.rollback(first.checkpoint_id, types=[Draft])
        assert workflow.checkpoints() == [first]


def test_what_an_older_version_saved_is_read_as_plain_data(seen):
    with WfloWorkflow() as workflow:
        (first,) = saved(workflow, Draft("tides"))
        object.__setattr__(seen.configuration.store.load(first.checkpoint_id)[0], "codec", "json/1")

        assert workflow.load(first.checkpoint_id, types=[Draft])["title"] == "tides"


@pytest.mark.newest  # the second environment has no LangChain
def test_messages_of_langchain_come_back_as_messages(seen):
    from langchain_core import messages

    state = [
        messages.HumanMessage("hi", id="1"),
        messages.AIMessage("", tool_calls=[{"name": "f", "args": {"x": 1}, "id": "c"}]),
        messages.ToolMessage("3", tool_call_id="c"),
    ]
    with WfloWorkflow() as workflow:
        (first,) = saved(workflow, {"messages": state})

        assert workflow.load(first.checkpoint_id) == {"messages": state}


@pytest.mark.newest  # the second environment has no LangChain
def test_a_library_that_is_not_loaded_is_not_loaded_for_its_objects(seen, monkeypatch):
    from langchain_core import messages

    with WfloWorkflow() as workflow:
        (first,) = saved(workflow, messages.HumanMessage("hi"))
        monkeypatch.delitem(sys.modules, "langchain_core.messages")

        assert workflow.load(first.checkpoint_id)["content"] == "hi"
        assert "langchain_core.messages" not in sys.modules


class Changing(weakref.WeakSet):
    """Changes, the first time, while it is looked through."""

    is_changing = True

    def __iter__(self):
        if self.is_changing:
            self.is_changing = False
            raise RuntimeError("Set changed size during iteration")
        return super().__iter__()


def test_a_workflow_that_another_thread_makes_meanwhile_spoils_no_refusal(seen, monkeypatch):
    with WfloWorkflow(budget_usd="0.000001") as workflow:
        (last,) = saved(workflow, 1)
        monkeypatch.setattr(runs, "_declared", Changing())

        with pytest.raises(BudgetExceededError) as raised:
            ask()

    assert raised.value.checkpoint == last.checkpoint_id


GOES_BACK = Policy(budgets=Budgets(run=Budget(usd=1_000, on_exceeded=OnExceeded.ROLLBACK)))


def refused():
    with pytest.raises(BudgetExceededError) as raised:
        ask()
    return raised.value


@pytest.mark.parametrize("state", ["memory://", "sqlite:///{}/state.db"])
def test_a_run_whose_budget_is_gone_goes_back_to_its_last_checkpoint_once(state, tmp_path):
    configure(GOES_BACK, state=state.format(tmp_path))
    with WfloWorkflow() as workflow:
        first, second = saved(workflow, 1, 2)
        error, again = refused(), refused()
        *before, branch = workflow.checkpoints()

        assert before == [first, second]
        assert (branch.parent, branch.digest) == (second.checkpoint_id, second.digest)
        assert error.checkpoint == again.checkpoint == branch.checkpoint_id
        assert workflow.load(error.checkpoint) == 2
    assert error.stopped
    assert again.stopped


def test_a_run_without_a_checkpoint_is_stopped_where_it_is():
    watch(policy=GOES_BACK)
    with WfloWorkflow() as workflow:
        error = refused()

        assert workflow.checkpoints() == []
    assert (error.stopped, error.checkpoint) == (True, None)


def test_in_shadow_mode_a_run_does_not_go_back():
    watch(policy=replace(GOES_BACK, mode=Mode.SHADOW))
    with WfloWorkflow() as workflow:
        saved(workflow, 1)
        ask()

        assert len(workflow.checkpoints()) == 1


def test_a_checkpoint_that_is_gone_keeps_no_refusal_from_coming_out():
    configure(GOES_BACK, state="memory://")
    with WfloWorkflow() as workflow:
        saved(workflow, 1)
        workflow._run.last_checkpoint = "gone"

        assert refused().checkpoint == "gone"
        assert len(workflow.checkpoints()) == 1


def test_a_run_that_was_topped_up_goes_on_in_another_process(tmp_path):
    state = f"sqlite:///{tmp_path}/state.db"
    configure(state=state)
    with WfloWorkflow(budget_usd="0.000001") as workflow:
        saved(workflow, 1)
        assert refused().stopped
        workflow.top_up(1)

    configure(state=state)
    with WfloWorkflow(budget_usd="0.000001", run_id=workflow.run_id) as again:
        ask()

    assert again.cost_usd > 0


def test_the_scope_that_an_error_names_can_be_topped_up():
    watch()
    workflow = WfloWorkflow(per_agent_budgets={"writer": "0.000001"})
    with workflow, workflow.agent("writer"):
        error = refused()
        workflow.top_up("0.50")
        assert refused().stopped
        workflow.top_up("0.50", scope=error.scope)
        ask()

    assert workflow.cost_usd > 0


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"usd": "much"}, "usd: "),
        ({"usd": 0}, "usd: 0 raises nothing"),
        ({"usd": 1, "scope": "run:elsewhere"}, "no call has met a budget of 'run:elsewhere'"),
    ],
)
def test_what_raises_nothing_is_said(seen, more, message):
    with WfloWorkflow() as workflow, pytest.raises(ConfigError, match=message):
        workflow.top_up(**more)
