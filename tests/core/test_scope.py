"""Whose budgets a call touches."""

from datetime import UTC, datetime

import pytest

from wflo_otel.core.policy import Budget, Budgets, Loops, Policy, Window
from wflo_otel.core.scope import Caller, Scope, scopes_of, tightest, window_name

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp()


def keys(caller, budgets):
    return [scope.key for scope in scopes_of(caller, Policy(budgets=budgets), NOON)]


def test_a_call_without_any_budget_is_counted_for_its_run():
    assert scopes_of(Caller("r"), Policy(), NOON) == (Scope("run:r"),)


def test_scopes_nest_from_tenant_to_tool():
    budgets = Budgets(
        run=Budget(usd=5),
        agents={"writer": Budget(usd=1)},
        tools={"*": Budget(usd=1)},
        workflows={"report": Budget(usd=9)},
        tenants={"acme": Budget(usd=9, per=Window.DAY)},
    )
    caller = Caller("r", workflow="report", agents=("writer",), tool="search", tenant="acme")

    assert keys(caller, budgets) == [
        "tenant:acme@2026-11-24",
        "workflow:report@all",
        "run:r",
        "run:r/agent:writer",
        "run:r/tool:search",
    ]


def test_a_sub_agent_is_charged_to_the_agents_above_it_and_a_child_run_to_both_runs():
    budgets = Budgets(agents={"*": Budget(usd=1)})
    caller = Caller("child", parent_runs=("parent",), agents=("lead", "helper"))

    assert keys(caller, budgets) == [
        "run:parent",
        "run:parent/agent:lead",
        "run:parent/agent:helper",
        "run:child",
        "run:child/agent:lead",
        "run:child/agent:helper",
    ]


def test_a_star_gives_each_unmatched_name_a_ledger_of_its_own():
    budgets = Budgets(agents={"writer": Budget(usd=3), "*": Budget(usd=1)})

    assert budgets.agent("writer") == Budget(usd=3)
    assert budgets.agent("other") == Budget(usd=1)
    assert budgets.agent(None) is None


def test_a_name_without_a_budget_has_no_scope():
    budgets = Budgets(agents={"writer": Budget(usd=3)}, tools={"writer": Budget(usd=3)})

    assert keys(Caller("r", agents=("editor",), tool="search"), budgets) == ["run:r"]


def test_an_agent_has_a_scope_where_loops_are_watched_for():
    caller = Caller("r", agents=("lead", "editor"))

    assert scopes_of(caller, Policy(loops=Loops()), NOON) == (
        Scope("run:r"),
        Scope("run:r/agent:lead"),
        Scope("run:r/agent:editor"),
    )


def test_limits_given_in_code_join_those_of_the_policy():
    caller = Caller("r", limits=(("run:r", Budget(usd=2)), ("run:r/agent:a", Budget(usd=1))))

    policy = Policy(budgets=Budgets(run=Budget(usd=5, calls=7)))

    assert scopes_of(caller, policy, NOON) == (
        Scope("run:r", Budget(usd=2, calls=7)),
        Scope("run:r/agent:a", Budget(usd=1)),
    )


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (None, None, None),
        (Budget(usd=1), None, Budget(usd=1)),
        (None, Budget(usd=1), Budget(usd=1)),
        (Budget(usd=3, tokens=5), Budget(usd=4, calls=2), Budget(usd=3, tokens=5, calls=2)),
    ],
)
def test_the_tightest_of_each_unit_holds(one, other, expected):
    assert tightest(one, other) == expected


@pytest.mark.parametrize(
    ("per", "name"),
    [
        (None, "all"),
        (Window.HOUR, "2026-11-24T13+0100"),
        (Window.DAY, "2026-11-24"),
        (Window.WEEK, "2026-11-23W"),
        (Window.MONTH, "2026-11"),
    ],
)
def test_a_window_is_named_by_the_wall_clock_of_its_time_zone(per, name):
    assert window_name(Budget(usd=1, per=per, timezone="Europe/Berlin"), NOON) == name


def test_the_repeated_hour_of_a_clock_change_is_two_windows():
    hour = Budget(usd=1, per=Window.HOUR, timezone="Europe/Berlin")
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC).timestamp()

    assert window_name(hour, first) != window_name(hour, first + 3600)


def test_a_name_cannot_pose_as_another_scope():
    budgets = Budgets(agents={"*": Budget(usd=1)})

    assert keys(Caller("r", agents=("a/tool:b",)), budgets)[1] == "run:r/agent:a%2Ftool:b"


def test_days_are_named_in_utc_by_default():
    assert window_name(Budget(usd=1, per=Window.DAY), NOON) == "2026-11-24"


def test_budgets_know_whether_they_limit_anything():
    assert Budgets().is_empty
    assert not Budgets(run=Budget(usd=1)).is_empty


def test_the_innermost_agent_is_the_one_that_calls():
    assert Caller("r", agents=("lead", "helper")).agent == "helper"
    assert Caller("r").agent is None
