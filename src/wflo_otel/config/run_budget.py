"""A budget for the run that was given beside the file: it can only tighten it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from wflo_otel.config.values import read_amount
from wflo_otel.core.policy import Budget, Policy
from wflo_otel.errors import ConfigError


def with_run_budget(policy: Policy, usd: Decimal | int | float | str) -> Policy:
    """Limit each run to this many US dollars, or to what the policy says if that is less.

    The other options of ``budgets.run`` stay as they are.

    Raises:
        ConfigError: ``usd`` is no amount.
    """
    try:
        nano_usd = read_amount(str(usd))
    except ValueError as problem:
        raise ConfigError(
            f"the run's budget (--budget, WFLO_BUDGET_USD, budget_usd): {problem}"
        ) from None
    run = policy.budgets.run or Budget()
    limit = nano_usd if run.usd is None else min(nano_usd, run.usd)
    return replace(policy, budgets=replace(policy.budgets, run=replace(run, usd=limit)))
