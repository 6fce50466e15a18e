"""A budget from the command line or the environment, beside what the policy says."""

from decimal import Decimal

import pytest

from wflo_otel.config import parse_policy, with_run_budget
from wflo_otel.core.policy import Budget, OnExceeded, Policy
from wflo_otel.errors import ConfigError

POLICY = parse_policy(
    "version: 1\nbudgets: {run: {usd: 2, calls: 9, on_exceeded: refuse}, agents: {writer: 1}}\n"
)


@pytest.mark.parametrize("usd", [1, 1.0, "1.00", Decimal(1)])
def test_a_smaller_budget_tightens_the_run_and_keeps_its_options(
    usd: Decimal | int | float | str,
) -> None:
    run = with_run_budget(POLICY, usd).budgets.run

    assert run == Budget(usd=1_000_000_000, calls=9, on_exceeded=OnExceeded.REFUSE)


def test_a_larger_budget_changes_nothing() -> None:
    assert with_run_budget(POLICY, 3) == POLICY


def test_a_policy_without_a_run_budget_gets_one() -> None:
    assert with_run_budget(Policy(), "0.10").budgets.run == Budget(usd=100_000_000)


def test_a_run_limited_in_calls_only_is_limited_in_dollars_too() -> None:
    policy = parse_policy("version: 1\nbudgets: {run: {calls: 9}}\n")

    assert with_run_budget(policy, 1).budgets.run == Budget(usd=1_000_000_000, calls=9)


@pytest.mark.parametrize("usd", ["five", float("nan"), Decimal("Infinity"), -1, "1e999999"])
def test_what_is_no_amount_is_refused(usd: Decimal | int | float | str) -> None:
    with pytest.raises(ConfigError, match=r"^the run's budget \(--budget.* is not an amount"):
        with_run_budget(Policy(), usd)
