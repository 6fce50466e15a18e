"""Amounts that are given in code, checked where they are given."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from wflo_otel.core.money import to_nano_usd
from wflo_otel.core.policy import Budget
from wflo_otel.errors import ConfigError

Usd = Decimal | float | str


def nano_usd_of(argument: str, usd: Usd | None) -> int | None:
    """Turn US dollars into nano-USD; ``None`` stays ``None``.

    Raises:
        ConfigError: it is no amount; the message names the argument.
    """
    if usd is None:
        return None
    if isinstance(usd, bool):
        raise ConfigError(f"{argument}: {usd!r} is not an amount in US dollars")
    try:
        return to_nano_usd(usd)
    except ValueError as error:
        raise ConfigError(f"{argument}: {error}") from None


def budget_of(
    usd: Usd | None = None, tokens: int | None = None, argument: str = "budget_usd"
) -> Budget | None:
    """Make a budget; ``None`` where nothing is limited.

    Raises:
        ConfigError: a number is none, or negative.
    """
    if tokens is not None and (isinstance(tokens, bool) or not isinstance(tokens, int)):
        raise ConfigError(f"tokens: {tokens!r} is not a whole number")
    if tokens is not None and tokens < 0:
        raise ConfigError(f"tokens: {tokens} is negative")
    nano = nano_usd_of(argument, usd)
    return None if nano is None and tokens is None else Budget(usd=nano, tokens=tokens)


def agent_budgets_of(given: Mapping[str, Usd] | None) -> dict[str, Budget]:
    """Make the budgets of agents, by name.

    Raises:
        ConfigError: an amount is none; the message names the agent.
    """
    budgets: dict[str, Budget] = {}
    for name, usd in (given or {}).items():
        budget = budget_of(usd=usd, argument=f"per_agent_budgets[{name!r}]")
        if budget is not None:
            budgets[name] = budget
    return budgets
