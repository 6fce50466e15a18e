"""``assert_cost(run) <= Decimal("0.05")``: an assertion on what a run cost.

A comparison that fails raises ``AssertionError`` by itself, with the figures in its message;
one that holds is true, so that ``assert assert_cost(run) <= limit`` reads the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Protocol


class Costed(Protocol):
    """Anything that knows what it cost, such as a run, a workflow or a report.

    Where it also has ``calls`` (a number) and ``by_agent`` (US dollars by name), a failing
    comparison shows them.
    """

    @property
    def cost_usd(self) -> Decimal:
        """US dollars spent so far."""
        ...


def assert_cost(run: Costed) -> CostAssertion:
    """Return the cost of a run, to be compared with US dollars.

    >>> assert_cost(run) <= Decimal("0.05")  # doctest: +SKIP
    AssertionError: cost $0.0612 is not <= $0.05 | calls 7 | researcher $0.05, writer $0.0112
    """
    return CostAssertion(run)


class CostAssertion:
    """A cost whose failing comparison raises ``AssertionError``."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, run: Costed) -> None:
        self._run = run

    def __le__(self, limit: Decimal) -> bool:
        return self._claim(self._run.cost_usd <= limit, "<=", limit)

    def __lt__(self, limit: Decimal) -> bool:
        return self._claim(self._run.cost_usd < limit, "<", limit)

    def __ge__(self, limit: Decimal) -> bool:
        return self._claim(self._run.cost_usd >= limit, ">=", limit)

    def __gt__(self, limit: Decimal) -> bool:
        return self._claim(self._run.cost_usd > limit, ">", limit)

    def __eq__(self, limit: object) -> bool:
        return self._claim(self._run.cost_usd == limit, "==", limit)

    def __repr__(self) -> str:
        return f"<cost {_usd(self._run.cost_usd)}>"

    def _claim(self, holds: bool, sign: str, limit: object) -> bool:
        if holds:
            return True
        failed = f"cost {_usd(self._run.cost_usd)} is not {sign} {_usd(limit)}"
        raise AssertionError(" | ".join([failed, *_details(self._run)]))


def _details(run: Costed) -> list[str]:
    calls: object = getattr(run, "calls", None)
    agents: object = getattr(run, "by_agent", None)
    parts = [f"calls {calls}"] if isinstance(calls, int) else []
    if isinstance(agents, Mapping) and agents:
        parts.append(", ".join(f"{name} {_usd(usd)}" for name, usd in agents.items()))
    return parts


def _usd(amount: object) -> str:
    return f"${amount:f}" if isinstance(amount, Decimal) else f"${amount}"
