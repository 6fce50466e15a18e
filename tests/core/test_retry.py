"""Whether something is tried again, and when: tables, and a machine against a model."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from effort import times
from wflo_otel.core.policy import Backoff, Retry
from wflo_otel.core.retry import (
    LONGEST_PAUSE_S,
    Again,
    Failure,
    FailureKind,
    GiveUp,
    Reason,
    RetryBudget,
    burst_of,
    checked,
    delay_s,
    is_transient,
    verdict,
)
from wflo_otel.errors import ConfigError

PLAIN = Retry(max_attempts=5, initial_delay_ms=100, max_delay_ms=1000, jitter=False)
BUSY = Failure(FailureKind.STATUS, 503)


@pytest.mark.parametrize(
    ("backoff", "expected"),
    [
        ("exponential", [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]),
        ("linear", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]),
        ("constant", [0.1] * 6),
    ],
)
def test_delays_grow_as_the_backoff_says_up_to_the_longest(backoff, expected):
    retry = Retry(initial_delay_ms=100, max_delay_ms=1000, jitter=False, backoff=Backoff(backoff))

    assert [delay_s(retry, n, 0.5) for n in range(1, 7)] == pytest.approx(expected)


def test_a_delay_never_overflows():
    assert delay_s(PLAIN, 100_000, 1.0) == 1.0


def test_full_jitter_takes_a_share_of_the_whole_delay():
    retry = Retry(initial_delay_ms=100, jitter=True)

    assert [delay_s(retry, 2, chance) for chance in (0.0, 0.25, 0.5)] == [0.0, 0.05, 0.1]


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (Failure(FailureKind.TIMEOUT), True),
        (Failure(FailureKind.CONNECTION), True),
        (Failure(FailureKind.OTHER), False),
        *((Failure(FailureKind.STATUS, status), True) for status in (408, 409, 429, 500, 503, 529)),
        *((Failure(FailureKind.STATUS, status), False) for status in (400, 401, 403, 404, 422)),
        (Failure(FailureKind.STATUS, 429, "rate_limit_exceeded"), True),
        (Failure(FailureKind.STATUS, 429, "insufficient_quota"), False),
        (Failure(FailureKind.STATUS, 500, advice=False), False),
        (Failure(FailureKind.STATUS, 400, advice=True), True),
    ],
)
def test_what_may_pass_is_known_by_its_facts(failure, expected):
    assert is_transient(failure) is expected


def test_the_provider_is_never_asked_sooner_than_it_wants():
    failure = Failure(FailureKind.STATUS, 429, retry_after_s=3.0)

    assert verdict(PLAIN, failure, attempt=1, elapsed_s=0, chance=0.0) == Again(3.0)
    long = Retry(initial_delay_ms=9000, jitter=False)
    assert verdict(long, failure, attempt=1, elapsed_s=0, chance=0.0) == Again(9.0)


@pytest.mark.parametrize("attempt", [5, 6])
def test_the_last_attempt_is_the_last(attempt):
    given_up = verdict(PLAIN, BUSY, attempt=attempt, elapsed_s=0, chance=0)

    assert given_up == GiveUp(Reason.ATTEMPTS)


@pytest.mark.parametrize(
    ("elapsed_s", "expected"),
    [(0.0, Again(0.1)), (1.9, Again(0.1)), (1.91, GiveUp(Reason.DEADLINE))],
)
def test_no_pause_goes_beyond_the_deadline(elapsed_s, expected):
    retry = Retry(initial_delay_ms=100, jitter=False, deadline_s=2.0)

    assert verdict(retry, BUSY, attempt=1, elapsed_s=elapsed_s, chance=0) == expected


def test_a_provider_that_asks_for_hours_is_given_up():
    for asked, expected in (
        (LONGEST_PAUSE_S, Again(LONGEST_PAUSE_S)),
        (LONGEST_PAUSE_S + 1, GiveUp(Reason.DEADLINE)),
    ):
        failure = Failure(FailureKind.STATUS, 429, retry_after_s=asked)
        assert verdict(PLAIN, failure, attempt=1, elapsed_s=0, chance=0) == expected


def test_a_component_may_always_make_the_retries_of_one_call():
    assert burst_of(Retry(max_attempts=3)) == 10
    assert burst_of(Retry(max_attempts=50)) == 49


def test_half_of_an_outage_costs_at_most_the_share_in_extra_calls():
    budget, calls, retries = RetryBudget(), 2000, 0
    for n in range(calls):
        budget = budget.paid_in(0.1, 10)
        if n % 2 and (left := budget.taken_out(10)) is not None:
            budget, retries = left, retries + 1

    assert 0.099 * calls <= retries <= 0.1 * calls


def test_a_long_calm_pays_for_no_storm():
    budget = RetryBudget()
    for _ in range(10_000):
        budget = budget.paid_in(0.1, 10)

    storm = 0
    while (left := budget.taken_out(10)) is not None:
        budget, storm = left, storm + 1

    assert storm == 10


class BudgetMachine(RuleBasedStateMachine):
    """Whatever the order of calls and failures: never more than the share, or the first burst."""

    SHARE, BURST = 0.2, 3

    def __init__(self):
        super().__init__()
        self.budget = RetryBudget()
        self.calls = self.retries = self.refused = 0

    @rule(times=st.integers(1, 20))
    def call(self, times):
        for _ in range(times):
            self.budget = self.budget.paid_in(self.SHARE, self.BURST)
        self.calls += times

    @rule()
    def retry(self):
        left = self.budget.taken_out(self.BURST)
        if left is None:
            self.refused += 1
            assert self.retries >= self.BURST
            assert self.budget.earned < self.retries + 1
        else:
            self.budget, self.retries = left, self.retries + 1

    @invariant()
    def no_more_than_the_share_of_the_calls(self):
        assert self.retries <= max(self.BURST, self.SHARE * self.calls + 1e-6)
        assert self.budget.spent == self.retries
        assert self.budget.earned <= self.retries + self.BURST


TestBudget = BudgetMachine.TestCase
TestBudget.settings = settings(max_examples=times(50, 2000), stateful_step_count=50, deadline=None)


@given(
    retry=st.builds(
        Retry,
        max_attempts=st.integers(1, 6),
        backoff=st.sampled_from(Backoff),
        initial_delay_ms=st.floats(0, 500),
        max_delay_ms=st.floats(500, 5000),
        jitter=st.booleans(),
        deadline_s=st.none() | st.floats(0, 20),
    ),
    asked=st.lists(st.none() | st.floats(0, 10), min_size=6, max_size=6),
    chance=st.floats(0, 1, exclude_max=True),
)
def test_a_call_ends_within_its_attempts_and_its_deadline(retry, asked, chance):
    elapsed, attempt = 0.0, 1
    while True:
        failure = Failure(FailureKind.STATUS, 429, retry_after_s=asked[attempt - 1])
        decided = verdict(retry, failure, attempt=attempt, elapsed_s=elapsed, chance=chance)
        if isinstance(decided, GiveUp):
            break
        assert decided.after_s >= (failure.retry_after_s or 0)
        assert decided.after_s <= max(retry.max_delay_ms / 1000, failure.retry_after_s or 0)
        elapsed, attempt = elapsed + decided.after_s, attempt + 1

    assert attempt <= retry.max_attempts
    assert retry.deadline_s is None or elapsed <= retry.deadline_s
    if attempt < retry.max_attempts:
        assert decided.reason is Reason.DEADLINE


def test_options_that_can_be_meant_are_taken():
    assert checked(Retry(backoff="linear"), "here") == Retry(backoff=Backoff.LINEAR)
    edge = Retry(max_attempts=1, initial_delay_ms=0, max_delay_ms=0, deadline_s=0, retry_budget=0)
    assert checked(edge, "here") == edge
    assert checked(Retry(retry_budget=None), "here").retry_budget is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_attempts": 0}, "max_attempts must be a whole number from 1, not 0"),
        ({"max_attempts": 2.5}, "max_attempts must be a whole number from 1, not 2.5"),
        ({"max_attempts": True}, "max_attempts must be a whole number from 1, not True"),
        ({"initial_delay_ms": -1}, "initial_delay_ms must be a number from 0, not -1"),
        ({"initial_delay_ms": True}, "initial_delay_ms must be a number from 0, not True"),
        ({"max_delay_ms": "9"}, "max_delay_ms must be a number from 0, not '9'"),
        ({"max_delay_ms": float("nan")}, "max_delay_ms must be a number from 0, not nan"),
        ({"deadline_s": float("inf")}, "deadline_s must be a number from 0, not inf"),
        ({"retry_budget": 1.5}, "retry_budget must be a number from 0 to 1; None switches it off"),
        ({"max_delay_ms": 50}, r"max_delay_ms \(50\) is below initial_delay_ms \(100\)"),
        ({"backoff": "fibonacci"}, "backoff must be one of exponential, linear, constant, not 'fi"),
    ],
)
def test_options_that_cannot_be_meant_are_named(options, message):
    with pytest.raises(ConfigError, match=f"^here: {message}"):
        checked(Retry(**options), "here")
