"""A run that is taken up again, or goes back, pays for no call twice."""

from __future__ import annotations

import secrets
import sqlite3

import anthropic
import openai
import pytest

from decorated import kept_spans
from sdk_paths import CLAUDE, HELLO, OPENAI_MODEL, PATHS, claude_client, openai_client
from wflo_otel.bootstrap import configure, shutdown
from wflo_otel.core.policy import Budget, Budgets, Checkpoints, Mode, OnExceeded, Policy
from wflo_otel.decorators import track_agent_cost, track_llm_call
from wflo_otel.errors import BudgetExceededError, StoreError
from wflo_otel.seams import results
from wflo_otel.seams.http import keeping
from wflo_otel.stores.sqlite_results import SqliteResults
from wflo_otel.testing import Reply, ScriptedProvider
from wflo_otel.workflow import WfloWorkflow

REPLAY = Policy(checkpoints=Checkpoints(replay=True))
ROLLBACK = Policy(
    budgets=Budgets(run=Budget(usd=1_600_000, clamp=False, on_exceeded=OnExceeded.ROLLBACK)),
    checkpoints=Checkpoints(replay=True),
)
PAID = Reply(text="the tides of the moon", input_tokens=100, output_tokens=50)


@pytest.fixture
def state(tmp_path):
    yield f"sqlite:///{tmp_path}/state.db"
    shutdown()


@pytest.fixture
def provider():
    with ScriptedProvider() as made:
        made.default = PAID
        yield made


def say(provider, text, client_of=openai_client, **more):
    with client_of(provider, max_retries=0) as client:
        messages = [{"role": "user", "content": text}]
        return client.chat.completions.create(model=OPENAI_MODEL, messages=messages, **more)


def asked(provider):
    provider.wait_until_idle()
    return [each.body["messages"][-1]["content"] for each in provider.requests]


def taken_up(state, run, policy=REPLAY):
    """What another process makes of a run."""
    configure(policy, state=state)
    return WfloWorkflow(run_id=run.run_id)


@pytest.mark.parametrize("path", PATHS, ids=[path.name for path in PATHS])
def test_each_way_of_asking_is_answered_from_the_record(path, state, provider):
    provider.default = Reply(text=path.text)
    configure(REPLAY, state=state)
    with WfloWorkflow() as first:
        path.run(provider)
    with taken_up(state, first) as again:
        path.run(provider)
        cost = again.cost_usd

        assert len(provider.requests) == 1
        provider.wait_until_idle()
        assert cost == provider.bill.total_usd > 0
        path.run(provider)
    assert len(provider.requests) == 2


def test_after_a_top_up_the_same_program_pays_for_each_call_once(state, provider):
    def write(provider):
        texts = []
        for part in ("one", "two", "three", "four"):
            texts.append(say(provider, part, max_tokens=60).choices[0].message.content)
            if part == "two":
                workflow.checkpoint("half", texts)
        return texts

    configure(ROLLBACK, state=state)
    with WfloWorkflow() as workflow, pytest.raises(BudgetExceededError) as raised:
        write(provider)
    assert raised.value.checkpoint == workflow.checkpoints()[-1].checkpoint_id
    first = workflow
    before = asked(provider)
    assert before == ["one", "two", "three"]

    with taken_up(state, first, ROLLBACK) as workflow:
        with pytest.raises(BudgetExceededError):
            write(provider)
        assert asked(provider) == before
        workflow.top_up(1)
    with taken_up(state, first, ROLLBACK) as workflow:
        texts = write(provider)

    assert texts == [PAID.text] * 4
    assert asked(provider) == ["one", "two", "three", "four"]
    assert workflow.cost_usd == provider.bill.total_usd


def test_who_loads_the_last_checkpoint_meets_what_came_after_it(state, provider):
    configure(REPLAY, state=state)
    with WfloWorkflow() as first:
        say(provider, "on")
        first.checkpoint("half", 1)
        say(provider, "on")
        say(provider, "more")
    with taken_up(state, first) as again:
        again.load(again.checkpoints()[-1].checkpoint_id)
        say(provider, "on")
        say(provider, "on")

    assert asked(provider) == ["on", "on", "more", "on"]


def test_after_a_rollback_what_came_since_is_met_again(state, provider):
    configure(REPLAY, state=state)
    with WfloWorkflow() as workflow:
        say(provider, "before")
        saved = workflow.checkpoint("half", 1).checkpoint
        say(provider, "since")
        for _ in range(2):
            workflow.rollback(saved.checkpoint_id)
            say(provider, "since")
        say(provider, "before")

    assert asked(provider) == ["before", "since", "before"]


def test_to_look_at_an_older_checkpoint_is_not_to_go_back(state, provider):
    configure(REPLAY, state=state)
    with WfloWorkflow() as workflow:
        older = workflow.checkpoint("older", 1).checkpoint
        say(provider, "one")
        workflow.checkpoint("newer", 2)
        workflow.load(older.checkpoint_id)
        say(provider, "one")

    assert asked(provider) == ["one", "one"]


def test_a_request_that_differs_ends_the_replay(state, provider):
    configure(REPLAY, state=state)
    with WfloWorkflow() as first:
        for part in ("one", "two", "three"):
            say(provider, part)
    with taken_up(state, first):
        for part in ("one", "other", "three"):
            say(provider, part)

    assert asked(provider) == ["one", "two", "three", "other", "three"]


def test_it_ends_for_that_agent_only(state, provider):
    @track_agent_cost(agent_name="writer")
    def write(part):
        say(provider, part)

    configure(REPLAY, state=state)
    with WfloWorkflow() as first:
        say(provider, "one")
        write("two")
    with taken_up(state, first):
        say(provider, "other")
        write("two")
        say(provider, "one")

    assert asked(provider) == ["one", "two", "other", "one"]


def test_the_same_question_is_answered_as_often_as_it_was_paid_for(state, provider):
    provider.script(Reply(text="first"), Reply(text="second"))
    configure(REPLAY, state=state)
    with WfloWorkflow() as first:
        said = [say(provider, "on").choices[0].message.content for _ in range(2)]
    with taken_up(state, first):
        again = [say(provider, "on").choices[0].message.content for _ in range(2)]

    assert said == again == ["first", "second"]
    assert len(provider.requests) == 2


def test_keys_of_the_body_may_stand_in_any_order_and_credentials_may_change(state, provider):
    body = {"model": OPENAI_MODEL, "messages": HELLO, "seed": 1}
    configure(REPLAY, state=state)
    with WfloWorkflow() as first, openai_client(provider) as client:
        client.post("/chat/completions", cast_to=object, body=body)
    with taken_up(state, first), openai_client(provider) as client:
        client.api_key = "another"
        client.post("/chat/completions", cast_to=object, body=dict(reversed(body.items())))

    assert len(provider.requests) == 1


def test_the_span_says_that_nothing_was_paid(state, provider):
    configure(REPLAY, state=state)
    with WfloWorkflow() as first:
        say(provider, "one")
    with kept_spans() as spans, taken_up(state, first):
        say(provider, "one")
        (span,) = [each for each in spans() if each.name == "chat gpt-4o"]

    shown = dict(span.attributes or {})
    assert (shown["wflo.replayed"], shown["wflo.cost.usd"]) == (True, 0.0)
    assert shown["wflo.cost.source"] == "replayed"
    assert shown["gen_ai.response.model"] == OPENAI_MODEL
    assert shown["gen_ai.usage.output_tokens"] == 0


def test_a_decorated_call_that_is_met_again_holds_nothing(state, provider):
    @track_llm_call(model=OPENAI_MODEL)
    def ask():
        return say(provider, "one")

    configure(REPLAY, state=state)
    with WfloWorkflow(budget_usd=1) as first:
        ask()
    configuration = configure(REPLAY, state=state)
    with WfloWorkflow(budget_usd=1, run_id=first.run_id) as again:
        ask()
        (ledger,) = configuration.store.ledgers(f"run:{first.run_id}")
        assert (ledger.pending.usd, ledger.open_calls) == (0, 0)
        assert again.cost_usd == provider.bill.total_usd


def test_a_run_that_is_stopped_is_refused_what_it_has_paid_for_too(state, provider):
    configure(REPLAY, state=state)
    with WfloWorkflow() as first:
        say(provider, "one")
    configuration = configure(REPLAY, state=state)
    configuration.store.stop(f"run:{first.run_id}", "by hand")
    with WfloWorkflow(run_id=first.run_id):
        with pytest.raises(BudgetExceededError) as raised:
            say(provider, "one")
        configuration.store.reset(f"run:{first.run_id}")
        say(provider, "one")

    assert isinstance(raised.value, openai.OpenAIError)
    assert asked(provider) == ["one"]


@pytest.mark.parametrize(
    "policy",
    [
        Policy(),
        Policy(mode=Mode.SHADOW, checkpoints=REPLAY.checkpoints),
        Policy(store_content=False, checkpoints=REPLAY.checkpoints),
    ],
)
def test_where_the_policy_does_not_ask_for_it_nothing_is_kept(state, provider, tmp_path, policy):
    configure(policy, state=state)
    with WfloWorkflow() as first:
        say(provider, "a secret question")
    with taken_up(state, first, policy):
        say(provider, "a secret question")
    shutdown()

    assert len(provider.requests) == 2
    kept = b"".join(each.read_bytes() for each in tmp_path.iterdir())
    assert b"tides of the moon" not in kept
    assert b"secret question" not in kept


def test_with_a_key_what_is_kept_is_encrypted(state, provider, tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("WFLO_CHECKPOINT_KEY", secrets.token_urlsafe(32))
    configure(REPLAY, state=state)
    with WfloWorkflow() as first:
        say(provider, "one")
    with taken_up(state, first):
        say(provider, "one")
    assert len(provider.requests) == 1
    shutdown()
    assert b"tides" not in b"".join(each.read_bytes() for each in tmp_path.iterdir())

    for key in (secrets.token_urlsafe(32), None):
        caplog.clear()
        if key is None:
            monkeypatch.delenv("WFLO_CHECKPOINT_KEY")
        else:
            monkeypatch.setenv("WFLO_CHECKPOINT_KEY", key)
        with taken_up(state, first):
            assert "cannot be read, and are paid for again" in caplog.text
            assert "WFLO_CHECKPOINT_KEY" in caplog.text


def test_an_answer_that_failed_or_was_left_is_not_kept(state, provider):
    provider.script(Reply(status=500), Reply(text="word " * 500))
    configure(REPLAY, state=state)
    with WfloWorkflow() as first:
        with pytest.raises(openai.InternalServerError):
            say(provider, "one")
        with openai_client(provider) as client:
            create = client.chat.completions.create
            with create(model=OPENAI_MODEL, messages=HELLO, stream=True) as stream:
                assert next(stream).choices
        assert first._opened_in.results._store.results(first.run_id) == []


@pytest.mark.parametrize("module", [keeping, results])
def test_an_answer_that_is_too_large_is_not_kept(module, state, provider, monkeypatch):
    monkeypatch.setattr(module, "MAX_RESULT_BYTES", 10)
    configure(REPLAY, state=state)
    with WfloWorkflow() as first:
        say(provider, "one")
        assert first._opened_in.results._store.results(first.run_id) == []


def test_a_store_that_cannot_keep_or_read_fails_no_call(state, provider, monkeypatch, caplog):
    def broken(*_):
        raise StoreError("the disk is full")

    configure(REPLAY, state=state)
    monkeypatch.setattr(SqliteResults, "keep", broken)
    with WfloWorkflow() as first:
        say(provider, "one")
        say(provider, "two")
    assert caplog.text.count("a result cannot be kept, and may be paid for again") == 1

    monkeypatch.setattr(SqliteResults, "results", broken)
    with taken_up(state, first):
        say(provider, "one")
    assert "results of an earlier run cannot be read" in caplog.text
    assert asked(provider) == ["one", "two", "one"]


def test_a_result_that_is_damaged_is_paid_for_again(state, provider, tmp_path, caplog):
    configure(REPLAY, state=state)
    with WfloWorkflow() as first:
        say(provider, "one")
    shutdown()
    with sqlite3.connect(tmp_path / "state.db") as file:
        file.execute("UPDATE results SET payload = x'00'")
    with taken_up(state, first):
        say(provider, "one")

    assert "damaged, or of another version" in caplog.text
    assert len(provider.requests) == 2


def test_an_answer_of_claude_keeps_its_id(state, provider):
    configure(REPLAY, state=state)

    def ask():
        with claude_client(provider) as client:
            return client.messages.create(model=CLAUDE, messages=HELLO, max_tokens=100)

    with WfloWorkflow() as first:
        said = ask()
    with taken_up(state, first):
        again = ask()

    assert isinstance(again, anthropic.types.Message)
    assert (again.id, again.usage, again._request_id) == (said.id, said.usage, said._request_id)
