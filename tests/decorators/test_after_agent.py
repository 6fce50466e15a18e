"""What an agent has come to is saved when it is done, and its task goes on whatever comes of that."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest

from decorated import watch
from kinds import KINDS, made, run
from wflo_otel.after_agent import checkpoint_after_agent
from wflo_otel.core import codec
from wflo_otel.decorators import record_usage, track_agent_cost, track_llm_call
from wflo_otel.errors import ConfigError
from wflo_otel.seams import saving


@pytest.fixture(autouse=True)
def _nothing_told(monkeypatch):
    monkeypatch.setattr(saving, "_told", set())


def saved(seen):
    store = seen.configuration.store
    return [
        (each.name, each.agent, codec.decode(store.load(each.checkpoint_id)[1]))
        for each in store.checkpoints(seen.run_id)
    ]


@track_llm_call(model="gpt-4o")
def ask():
    record_usage(input_tokens=1000, output_tokens=100)


@pytest.mark.parametrize("kind", KINDS)
def test_what_an_agents_function_gives_is_saved_as_the_agents(kind):
    seen = watch()

    def work():
        ask()
        return {"found": 1}

    task = checkpoint_after_agent(made(kind, work), agent_name="researcher")

    assert run(kind, task) == {"found": 1}
    assert saved(seen) == [("researcher", "researcher", {"found": 1})]
    assert {each.caller.agent for each in seen.records} == {"researcher"}
    assert task.__name__ == made(kind, work).__name__


def test_a_tasks_output_is_saved_before_its_own_callback_is_called():
    seen = watch()
    called = []
    task = SimpleNamespace(callback=lambda output: called.append((output, saved(seen))) or "own")

    assert checkpoint_after_agent(task, agent_name="writer") is task
    assert task.callback({"text": 1}) == "own"

    assert called == [({"text": 1}, [("writer", "writer", {"text": 1})])]


def test_a_task_without_a_callback_of_its_own_is_saved_too():
    seen = watch()
    task = checkpoint_after_agent(SimpleNamespace(callback=None), agent_name="writer")

    @track_agent_cost(agent_name="writer")
    def work():
        return task.callback("text")

    assert work() is None
    assert saved(seen) == [("writer", "writer", "text")]


def test_an_output_that_cannot_be_saved_is_logged_and_counted_and_the_task_goes_on(caplog):
    seen = watch()
    task = SimpleNamespace(callback=lambda output: "own")
    checkpoint_after_agent(task, agent_name="writer")

    with caplog.at_level(logging.WARNING, "wflo_otel"):
        assert [task.callback({"client": object()}) for _ in range(2)] == ["own", "own"]

    (message,) = [record.getMessage() for record in caplog.records]
    assert (
        message
        == "wflo: no checkpoint of writer: state.client: object cannot be stored as plain data"
    )
    (note,) = seen.configuration.store.notes(seen.run_id)
    assert (note.kind, note.subject, note.count) == ("unsaved", "writer", 2)


def test_what_is_neither_a_function_nor_a_task_is_a_mistake():
    with pytest.raises(ConfigError, match="a list is neither a function nor a task"):
        checkpoint_after_agent([], agent_name="writer")
