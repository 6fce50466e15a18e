"""A step under ``@checkpoint`` saves what it leaves; its own work is never spoilt by that."""

from __future__ import annotations

import asyncio
import logging

import pytest

from decorated import watch
from kinds import KINDS, made, run
from wflo_otel.core import codec
from wflo_otel.decorators import checkpoint, record_usage, scope, track_llm_call
from wflo_otel.errors import CheckpointCodecError, StoreError
from wflo_otel.seams import saving


def saved(seen):
    store = seen.configuration.store
    checkpoints = store.checkpoints(seen.run_id)
    return [(each.name, codec.decode(store.load(each.checkpoint_id)[1])) for each in checkpoints]


@pytest.fixture(autouse=True)
def _nothing_told(monkeypatch):
    monkeypatch.setattr(saving, "_told", set())


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_step_gives_is_saved_under_its_name(kind):
    seen = watch()

    assert run(kind, checkpoint(made(kind, lambda: {"draft": 1}))) == {"draft": 1}

    ((name, state),) = saved(seen)
    assert name == made(kind, len).__name__
    assert state == {"draft": 1}


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_that_gives_nothing_leaves_the_state_it_was_given(kind):
    seen = watch()

    run(kind, checkpoint(made(kind, lambda state: None)), {"given": 1})

    assert [state for _, state in saved(seen)] == [{"given": 1}]


def test_a_methods_state_is_its_second_argument_and_keywords_count():
    seen = watch()

    class Steps:
        @checkpoint
        def plan(self, state):
            state["planned"] = True

    Steps().plan({})
    Steps().plan(state={"by": "keyword"})

    assert [state for _, state in saved(seen)] == [
        {"planned": True},
        {"by": "keyword", "planned": True},
    ]


def test_a_step_without_result_and_argument_is_marked_by_an_empty_state():
    seen = watch()

    checkpoint(made("plain", lambda: None))()

    assert [state for _, state in saved(seen)] == [None]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("error", [ValueError("bad"), KeyboardInterrupt()])
def test_a_step_that_fails_saves_nothing(kind, error):
    seen = watch()

    def fails():
        raise error

    with pytest.raises(type(error)):
        run(kind, checkpoint(made(kind, fails)))

    assert saved(seen) == []


def test_a_state_that_is_no_data_is_logged_once_and_the_step_goes_on(caplog):
    seen = watch()
    step = checkpoint(checkpoint_name="plan")(made("plain", lambda: {"tools": [len]}))

    with caplog.at_level(logging.WARNING, "wflo_otel"):
        step()
        step()

    (message,) = [record.getMessage() for record in caplog.records]
    assert "no checkpoint of plan: state.tools[0]: builtin_function_or_method" in message
    assert saved(seen) == []


def test_a_store_that_fails_spoils_no_step(caplog):
    seen = watch()

    def fails(*_):
        raise StoreError("disk full")

    seen.configuration.store.save = seen.configuration.store.note = fails
    with caplog.at_level(logging.WARNING, "wflo_otel"):
        assert checkpoint(made("plain", lambda: 1))() == 1

    assert "disk full" in caplog.text


def test_an_explicit_checkpoint_is_saved_at_once_and_may_be_awaited():
    seen = watch()

    async def work():
        return await checkpoint("draft", {"n": 1})

    kept = checkpoint("draft", {"n": 0})
    awaited = asyncio.run(work())

    assert saved(seen) == [("draft", {"n": 0}), ("draft", {"n": 1})]
    assert awaited.parent == kept.checkpoint.checkpoint_id
    assert "draft" in repr(kept)


def test_an_explicit_checkpoint_of_no_data_raises():
    watch()

    with pytest.raises(CheckpointCodecError, match=r"^state: object cannot be stored"):
        checkpoint("draft", object())


def test_a_checkpoint_says_where_in_the_run_it_was_saved():
    seen = watch()

    with scope(step="outline"):
        kept = checkpoint("draft", 1).checkpoint

    assert (kept.run_id, kept.step, kept.codec) == (seen.run_id, "outline", codec.CODEC)
    assert kept.digest == codec.digest(b"1")
    assert kept.size == 1


@pytest.mark.parametrize("kind", ["plain", "coroutine"])
def test_a_step_inside_a_model_call_writes_its_event_on_that_calls_span(kind):
    seen = watch()

    def work():
        record_usage(input_tokens=1, output_tokens=1)
        return {"n": 1}

    run(kind, track_llm_call(model="gpt-4")(checkpoint(made(kind, work))))

    (event,) = [each for each in seen.span("chat gpt-4").events if each.name == "wflo.checkpoint"]
    assert event.attributes["wflo.checkpoint.size"] == 7
    assert saved(seen) == [(made(kind, len).__name__, {"n": 1})]
