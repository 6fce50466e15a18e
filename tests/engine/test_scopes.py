"""The scopes of a caller are remembered, and are never other than they would be anew."""

import pytest

from wflo_otel.core.policy import Budget, Budgets, Policy, Window
from wflo_otel.core.scope import Caller, scopes_of
from wflo_otel.engine.sizing import ScopesOf

CALLER = Caller("r", tenant="acme", agents=("a",))
HOURLY = Policy(
    budgets=Budgets(tenants={"*": Budget(usd=1, per=Window.HOUR, timezone="Asia/Kathmandu")})
)


def test_a_caller_s_scopes_are_named_once():
    remembered = ScopesOf()

    assert remembered(CALLER, HOURLY, 100.0) is remembered(CALLER, HOURLY, 101.0)


@pytest.mark.parametrize("minute", range(0, 180, 5))
def test_a_new_window_is_seen_when_it_begins_in_any_time_zone(minute):
    remembered = ScopesOf()
    for now in (minute * 60 - 0.5, minute * 60.0, minute * 60 + 299.5, minute * 60 - 0.5):
        assert remembered(CALLER, HOURLY, now) == scopes_of(CALLER, HOURLY, now)


def test_a_new_policy_holds_for_a_caller_that_is_known():
    remembered, tighter = ScopesOf(), Policy(budgets=Budgets(run=Budget(usd=5)))
    remembered(CALLER, HOURLY, 0.0)

    assert remembered(CALLER, tighter, 0.0) == scopes_of(CALLER, tighter, 0.0)


def test_memory_stays_bounded_and_right_however_many_callers_there_are():
    remembered, callers = ScopesOf(), [Caller(f"r{n}") for n in range(3_000)]
    for caller in (*callers, *callers):
        assert remembered(caller, HOURLY, 0.0)[0].key == f"run:{caller.run_id}"

    assert len(remembered._known) <= 1_024
