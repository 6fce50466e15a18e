"""A call that failed for good is kept, and what is kept of it."""

from __future__ import annotations

import json
import logging
from dataclasses import replace

import pytest

from decorated import watch
from kinds import KINDS, made, run
from wflo_otel.core.dead_letter import LetterState
from wflo_otel.core.policy import Policy
from wflo_otel.decorators import track_agent_cost
from wflo_otel.errors import BudgetExceededError, ConfigError, StoreError
from wflo_otel.retries import dead_letters, with_retry
from wflo_otel.seams.active import activate
from wflo_otel.seams.burying import replaying
from wflo_otel.testing import FakeClock


def fails(*_: object, **__: object) -> None:
    raise TimeoutError("secret message") from ValueError("secret cause")


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def seen(clock):
    return watch(clock=clock)


def letter_of(seen):
    (listed,) = seen.configuration.store.dead_letters.letters()
    return seen.configuration.store.dead_letters.letter(listed.letter_id)


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_that_used_up_its_attempts_is_kept(kind, seen, clock):
    with pytest.raises(TimeoutError):
        run(kind, with_retry(max_attempts=2, name="api")(made(kind, fails)), "question", n=2)

    letter = letter_of(seen)
    assert letter.state is LetterState.DEAD
    assert (letter.name, letter.attempts, letter.run_id) == ("api", 2, seen.run_id)
    assert [each.type for each in letter.errors] == ["TimeoutError", "ValueError"]
    assert [each.message for each in letter.errors] == ["secret message", "secret cause"]
    assert json.loads(letter.payload) == {"args": ["question"], "kwargs": {"n": 2}}
    assert letter.created_at == letter.changed_at == clock.time()


def test_a_letter_says_who_called_and_in_which_trace(seen):
    with pytest.raises(TimeoutError):
        track_agent_cost(agent_name="writer")(with_retry(fails))()

    letter = letter_of(seen)
    span = seen.span("invoke_agent writer")
    assert letter.agent == "writer"
    assert letter.trace_id == f"{span.context.trace_id:032x}"


def test_a_letter_shows_no_content_and_neither_does_the_log(seen, caplog):
    with caplog.at_level(logging.DEBUG), pytest.raises(TimeoutError):
        with_retry(fails)("private")

    assert "secret" not in repr(letter_of(seen)) + caplog.text
    assert "private" not in repr(letter_of(seen)) + caplog.text
    assert f"wflo: fails failed for good; dead letter {letter_of(seen).letter_id}" in caplog.text


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({}, ValueError("would fail again")),
        ({}, BudgetExceededError("no room")),
        ({"dead_letter": False}, TimeoutError()),
    ],
    ids=["final", "refused", "not wanted"],
)
def test_what_is_no_dead_letter_is_not_kept(options, error, seen):
    def call():
        raise error

    with pytest.raises(type(error)):
        with_retry(**options)(call)()

    assert dead_letters() == []


def test_a_call_that_ran_out_of_time_or_of_retries_is_kept_too(seen):
    with pytest.raises(TimeoutError):
        with_retry(deadline_s=0, jitter=False)(fails)()
    assert len(dead_letters()) == 1

    for _ in range(6):
        with pytest.raises(TimeoutError):
            with_retry(name="api")(fails)()
    assert [each.attempts for each in dead_letters()][:2] == [1, 3]


def test_letters_are_counted_and_the_newest_come_first(seen, clock):
    for n in range(3):
        clock.advance(1)
        with pytest.raises(TimeoutError):
            with_retry(name=f"api {n}")(fails)()

    assert [each.name for each in dead_letters(limit=2)] == ["api 2", "api 1"]


def test_a_policy_can_keep_all_content_out_of_letters(clock):
    seen = watch(policy=Policy(store_content=False), clock=clock)

    with pytest.raises(TimeoutError):
        with_retry(fails)("private")

    letter = letter_of(seen)
    assert letter.payload is None
    assert [each.message for each in letter.errors] == ["", ""]
    assert letter.problem


def test_arguments_that_cannot_be_kept_lose_no_letter(seen):
    with pytest.raises(TimeoutError):
        with_retry(fails)(object(), "x" * 10)

    letter = letter_of(seen)
    assert letter.payload is None
    assert [each.type for each in letter.errors] == ["TimeoutError", "ValueError"]


class MuteError(TimeoutError):
    def __str__(self):
        raise RuntimeError


def test_an_error_that_cannot_be_read_is_kept_by_its_type(seen):
    def call():
        raise MuteError

    with pytest.raises(MuteError):
        with_retry(call)()

    (fact,) = letter_of(seen).errors
    assert (fact.type, fact.message) == ("MuteError", "(RuntimeError in its __str__)")


class FullLetters:
    def bury(self, letter):
        raise StoreError("the disk is full")


def test_a_store_that_is_full_costs_the_letter_and_not_the_error(seen, caplog):
    activate(replace(seen.configuration.active, dead_letters=FullLetters()))

    with pytest.raises(TimeoutError):
        with_retry(fails)()

    assert "wflo: no dead letter for fails: the disk is full" in caplog.text


def test_a_replay_that_fails_writes_no_second_letter(seen):
    with pytest.raises(TimeoutError), replaying(f"{fails.__module__}:fails"):
        with_retry(fails)()
    with pytest.raises(TimeoutError), replaying("other:function"):
        with_retry(fails)()

    assert len(dead_letters()) == 1


def test_dead_letter_is_true_or_false():
    with pytest.raises(ConfigError, match="dead_letter must be True or False, not 'yes'"):
        with_retry(dead_letter="yes")(fails)
