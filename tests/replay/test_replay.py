"""A letter is sent again as it was, and what came of it is written down."""

from __future__ import annotations

import asyncio
import functools
import sys
import threading
from dataclasses import replace
from types import ModuleType

import pytest

from decorated import watch
from kinds import KINDS, made
from made_calls import record
from made_letters import NOW, letter
from wflo_otel.context import current_caller
from wflo_otel.core import codec
from wflo_otel.core.call import Status
from wflo_otel.core.dead_letter import LEASE_S, LetterState
from wflo_otel.core.policy import Policy
from wflo_otel.decorators import track_llm_call
from wflo_otel.errors import DeadLetterError, StoreError
from wflo_otel.replay import clear_doubts, replay
from wflo_otel.retries import dead_letters, with_retry
from wflo_otel.testing import FakeClock

DEAD, SENDING, DONE, POISON, IN_DOUBT = LetterState


@pytest.fixture
def clock():
    return FakeClock(start=NOW)


@pytest.fixture
def agent(monkeypatch):
    """A module that can be imported by the name ``agent``."""

    module = ModuleType("agent")
    monkeypatch.setitem(sys.modules, "agent", module)
    return module


class Replayer:
    def __init__(self, seen, clock):
        self.seen, self.clock = seen, clock
        self.letters = seen.configuration.store.dead_letters

    def send(self, *args, also=(), **fields):
        self.letters.bury(letter("l1", *args, **fields))
        return replay(self.letters, "l1", self.clock, also)


@pytest.fixture
def replayer(clock):
    return Replayer(watch(clock=clock), clock)


@pytest.mark.parametrize("kind", KINDS)
def test_a_letter_is_sent_with_its_arguments_whatever_kind_it_is(kind, replayer, agent):
    got = []
    agent.call = made(kind, lambda *args, **kwargs: got.append((args, kwargs)))
    payload = codec.encode({"args": ["question"], "kwargs": {"n": 2}})

    sent = replayer.send(payload=payload)

    assert sent.state is DONE
    assert got[0] == (("question",), {"n": 2})
    assert len(got) == (2 if "generator" in kind else 1)


def test_a_replay_is_a_run_of_its_own_inside_the_processs(replayer, agent):
    callers = []
    response = {"model": "gpt-4o", "usage": {"prompt_tokens": 1000}}
    agent.call = track_llm_call(model="gpt-4o")(
        lambda: callers.append(current_caller()) or response
    )

    replayer.send()

    (caller,) = callers
    assert (caller.run_id, caller.agent) == ("l1-1", "writer")
    assert caller.parent_runs == (replayer.seen.run_id,)
    runs = {run.run_id: run for run in replayer.seen.configuration.store.runs()}
    assert (runs["l1-1"].name, runs["l1-1"].parent) == ("call", replayer.seen.run_id)
    assert runs["l1-1"].ended_at is not None
    assert replayer.seen.record.cost == 2_500_000


def test_a_letter_of_no_agent_is_sent_for_none(replayer, agent):
    callers = []
    agent.call = lambda: callers.append(current_caller())

    assert replayer.send(agent=None).state is DONE
    assert callers[0].agent is None


def test_a_claim_that_cannot_be_renewed_just_now_is_tried_again(replayer, agent, monkeypatch):
    monkeypatch.setattr("wflo_otel.replay._RENEW_EVERY_S", 0.001)
    twice = threading.Semaphore(0)
    change = replayer.letters.change

    def busy(letter_id, become):
        if threading.current_thread().name != "wflo-claim":
            return change(letter_id, become)
        twice.release()
        raise StoreError("locked")

    monkeypatch.setattr(replayer.letters, "change", busy)
    agent.call = lambda: [twice.acquire(timeout=10), twice.acquire(timeout=10)]

    assert replayer.send().state is DONE


def test_a_replay_that_fails_leaves_the_letter_dead_and_writes_no_other(replayer, agent):
    @with_retry(max_attempts=2)
    def call():
        raise ConnectionResetError("new message")

    call.__wrapped__.__module__, call.__wrapped__.__qualname__ = "agent", "call"
    agent.call = call

    failed = replayer.send()

    assert (failed.state, failed.attempts, failed.replays) == (DEAD, 4, 1)
    assert [(each.type, each.message) for each in failed.errors] == [
        ("ConnectionResetError", "new message")
    ]
    assert len(dead_letters()) == 1


def test_messages_are_content_that_a_policy_can_keep_out(clock, agent):
    replayer = Replayer(watch(policy=Policy(store_content=False), clock=clock), clock)

    def call():
        raise ConnectionResetError("private")

    agent.call = call
    assert replayer.send().errors[0].message == ""


def test_a_refusal_makes_no_letter_poison(clock, agent):
    replayer = Replayer(watch(usd="0", clock=clock), clock)
    agent.call = track_llm_call(model="gpt-4o")(lambda: None)

    for _ in range(6):
        refused = replayer.send()

    assert (refused.state, refused.replays) == (DEAD, 6)
    assert refused.errors[0].type == "BudgetExceededError"


def test_a_replay_that_is_interrupted_is_in_doubt_at_once(replayer, agent):
    def call():
        raise KeyboardInterrupt

    agent.call = call
    with pytest.raises(KeyboardInterrupt):
        replayer.send()

    assert replayer.letters.letter("l1").state is IN_DOUBT


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"function": "agent:gone"}, "agent:gone is not found"),
        ({"problem": "its arguments are gone"}, "cannot be replayed: its arguments are gone"),
        ({"state": DONE}, "never sent again"),
    ],
)
def test_a_letter_that_cannot_be_sent_stays_as_it_is(fields, message, replayer, agent):
    agent.call = lambda: None

    with pytest.raises(DeadLetterError, match=message):
        replayer.send(**fields)

    assert replayer.letters.letter("l1").replays == 0


def test_damaged_arguments_are_the_letters_next_error(replayer, agent):
    agent.call = lambda: None

    assert replayer.send(payload=b"damaged").errors[0].type == "DeadLetterError"


def test_a_claim_is_renewed_for_as_long_as_the_call_takes(replayer, agent, monkeypatch):
    monkeypatch.setattr("wflo_otel.replay._RENEW_EVERY_S", 0.001)
    renewed = threading.Event()
    change = replayer.letters.change

    def watched(letter_id, become):
        changed = change(letter_id, become)
        if threading.current_thread().name == "wflo-claim":
            renewed.set()
        return changed

    def call():
        replayer.clock.advance(LEASE_S - 1)
        renewed.clear()
        assert renewed.wait(10)
        replayer.clock.advance(LEASE_S - 1)
        assert replayer.letters.letter("l1").state is SENDING

    monkeypatch.setattr(replayer.letters, "change", watched)
    agent.call = call

    assert replayer.send().state is DONE


def test_a_coroutine_function_behind_a_plain_one_is_awaited(replayer, agent):
    got = []

    async def inner(text):
        await asyncio.sleep(0)
        got.append(text)

    agent.call = functools.partial(lambda each, text: each(text), inner)

    assert replayer.send("x").state is DONE
    assert got == ["x"]


@pytest.mark.parametrize(
    ("status", "expected"),
    [(Status.OK, DONE), (Status.ERROR, IN_DOUBT), (Status.EXPIRED, IN_DOUBT)],
)
def test_only_an_answer_clears_a_doubt(status, expected, replayer):
    replayer.letters.bury(letter(state=IN_DOUBT, replays=1))
    records = {"l1-1": [replace(record("c1", 5), status=status)], "l1-0": [record("c0", 5)]}

    clear_doubts(replayer.letters, lambda run_id: records.get(run_id, []))

    assert replayer.letters.letter("l1").state is expected
