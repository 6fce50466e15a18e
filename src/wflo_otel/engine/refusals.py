"""Counting and telling what is refused, and what would be.

The rule: a refusal counts once, in the ledger that makes it, else as a note of its run.
"""

from __future__ import annotations

from wflo_otel.core.decision import Circling, Queued
from wflo_otel.engine.notes import note
from wflo_otel.engine.permit import Permit, Refusal, refusal_of
from wflo_otel.ports import Adapters, Refused

#: What refuses without a ledger that counts it.
_IN_NO_LEDGER = frozenset({"unpriced", "breaker", "loop", "unrecognised"})


class Refusals:
    """Counts them, and tells them."""

    def __init__(self, adapters: Adapters) -> None:
        self._ports = adapters

    def refused(self, refusal: Refusal) -> Refusal:
        """A call is refused."""
        if _is_in_no_ledger(refusal):
            note(self._ports, refusal.call, "refused", refusal.policy)
        self._tell(refusal, shadow=False)
        return refusal

    def shown(self, refusal: Refusal) -> None:
        """A call would have been refused, and runs."""
        self._tell(refusal, shadow=True)

    def shown_instead(self, permit: Permit) -> None:
        """A call runs for which the state would have given another answer, if it has one."""
        instead = permit.granted.instead
        shown = instead.otherwise if isinstance(instead, Queued) else instead
        if shown is not None:
            self.shown(refusal_of(permit.call, shown))

    def _tell(self, refusal: Refusal, *, shadow: bool) -> None:
        call, decision = refusal.call, refusal.decision
        self._ports.telemetry.refused(
            Refused(call, refusal.policy, refusal.message, shadow=shadow, decision=decision)
        )


def _is_in_no_ledger(refusal: Refusal) -> bool:
    """Whether no ledger counts it: the one that is stopped does, if it was stopped before."""
    decision = refusal.decision
    is_stopped = isinstance(decision, Circling) and decision.is_stopped
    return refusal.policy in _IN_NO_LEDGER and not is_stopped
