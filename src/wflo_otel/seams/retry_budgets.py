"""What each component of this process may still try again.

The rule: the decision is :mod:`wflo_otel.core.retry`'s; here is only kept what it needs, under one
lock.
"""

from __future__ import annotations

import threading

from wflo_otel.core.policy import Retry
from wflo_otel.core.retry import (
    Again,
    Failure,
    GiveUp,
    Reason,
    RetryBudget,
    Verdict,
    burst_of,
    verdict,
)
from wflo_otel.seams.chance import chance


class RetryBudgets:
    """The retry budgets of one configuration, by component. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, RetryBudget] = {}

    def pay_in(self, component: str, retry: Retry) -> None:
        """A call of this component was made."""
        if retry.retry_budget is None:
            return
        with self._lock:
            found = self._known.get(component) or RetryBudget()
            self._known[component] = found.paid_in(retry.retry_budget, burst_of(retry))

    def decide(
        self, component: str, retry: Retry, failure: Failure, *, attempt: int, elapsed_s: float
    ) -> Verdict:
        """Say what is made of a failed attempt; one more is counted where there is to be one.

        Args:
            component: whose budget it is on.
            retry: the options.
            failure: how the attempt failed.
            attempt: its number, from 1.
            elapsed_s: the seconds since the first attempt began.
        """
        decided = verdict(retry, failure, attempt=attempt, elapsed_s=elapsed_s, chance=chance())
        if isinstance(decided, Again) and not self.take(component, retry):
            return GiveUp(Reason.BUDGET)
        return decided

    def take(self, component: str, retry: Retry) -> bool:
        """Whether something may be tried again; it is then counted."""
        if retry.retry_budget is None:
            return True
        with self._lock:
            left = (self._known.get(component) or RetryBudget()).taken_out(burst_of(retry))
            if left is not None:
                self._known[component] = left
        return left is not None
