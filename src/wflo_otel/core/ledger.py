"""A ledger: what one scope may spend, has spent, and has promised.

The rule that holds in it: ``settled + pending <= limit`` whenever a reservation is granted, so
what is ever settled stays within the limit plus what the input estimates missed. A ledger
knows no clock; every method that needs the time is given it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from wflo_otel.core.policy import Budget

Unit: TypeAlias = Literal["usd", "tokens", "calls"]
UNITS: tuple[Unit, ...] = ("usd", "tokens", "calls")

#: How long a waiting call keeps its place without asking again, in seconds.
PLACE_KEPT_S = 5.0


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount in every unit at once; ``usd`` in nano-USD."""

    usd: int = 0
    tokens: int = 0
    calls: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.usd + other.usd, self.tokens + other.tokens, self.calls + other.calls)

    def __sub__(self, other: Amount) -> Amount:
        return Amount(self.usd - other.usd, self.tokens - other.tokens, self.calls - other.calls)

    def of(self, unit: Unit) -> int:
        """The amount in one unit."""
        return self.usd if unit == "usd" else self.tokens if unit == "tokens" else self.calls


ZERO = Amount()


@dataclass(frozen=True, slots=True)
class Reservation:
    """What an open call may still spend. After ``expires_at`` its process counts as dead."""

    amount: Amount
    owner: str
    expires_at: float


@dataclass(slots=True)
class Ledger:
    """The state of one scope. ``limits`` holds only the units that are limited."""

    key: str
    limits: dict[Unit, int] = field(default_factory=dict)
    settled: Amount = ZERO
    pending: Amount = ZERO
    reservations: dict[str, Reservation] = field(default_factory=dict)
    #: Charges for reservations that expired, by call; contained in ``settled``.
    expired: dict[str, Amount] = field(default_factory=dict)
    #: Calls that wait, first come first, each with the time until its place is kept.
    queue: dict[str, float] = field(default_factory=dict)
    #: Why every further call is refused.
    stopped: str | None = None
    #: How many times this scope refused a call.
    refused: int = 0
    #: Units whose warning was given.
    warned: set[Unit] = field(default_factory=set)

    @property
    def flagged(self) -> Amount:
        """What was charged for calls whose process died: the bill may be smaller by this much."""
        return sum(self.expired.values(), ZERO)

    def limit_by(self, budget: Budget | None) -> None:
        """Hold this budget too; of several, the tightest of each unit holds."""
        if budget is None:
            return
        for unit in UNITS:
            limit: int | None = getattr(budget, unit)
            if limit is not None:
                self.limits[unit] = min(limit, self.limits.get(unit, limit))

    def room(self, unit: Unit) -> int | None:
        """What settled spend leaves, ``None`` without a limit. Negative after an overrun."""
        limit = self.limits.get(unit)
        return None if limit is None else limit - self.settled.of(unit)

    def short_of(self, amount: Amount, *, beside: Amount) -> Unit | None:
        """Name the first unit in which ``amount`` does not fit beside what is promised."""
        for unit in self.limits:
            taken = self.settled.of(unit) + beside.of(unit)
            if taken + amount.of(unit) > self.limits[unit]:
                return unit
        return None

    def held_by(self, owner: str) -> Amount:
        """What this owner's open calls have reserved."""
        mine = (r.amount for r in self.reservations.values() if r.owner == owner)
        return sum(mine, ZERO)

    def reserve(self, call_id: str, reservation: Reservation) -> None:
        """Promise an amount to a call; a call that has a reservation gets this one instead."""
        self.release(call_id)
        self.reservations[call_id] = reservation
        self.pending += reservation.amount
        self.queue.pop(call_id, None)

    def release(self, call_id: str) -> Reservation | None:
        """Take a promise back."""
        reservation = self.reservations.pop(call_id, None)
        if reservation is not None:
            self.pending -= reservation.amount
        return reservation

    def settle(self, call_id: str, amount: Amount) -> None:
        """Charge what a call really used, in place of its promise or of its expiry charge."""
        self.release(call_id)
        self.settled += amount - self.expired.pop(call_id, ZERO)

    def expire(self, now: float) -> list[str]:
        """Charge the reservations of dead processes; return their calls."""
        dead = [c for c, r in self.reservations.items() if r.expires_at <= now]
        for call_id in dead:
            amount = self.reservations[call_id].amount
            self.release(call_id)
            self.settled += amount
            self.expired[call_id] = amount
        return dead

    def enqueue(self, call_id: str, now: float) -> None:
        """Take a place in the queue, or keep the one that is held."""
        self.queue[call_id] = now + PLACE_KEPT_S

    def is_behind(self, call_id: str, now: float) -> bool:
        """Whether another call was here first and still waits."""
        for waiting, kept_until in list(self.queue.items()):
            if waiting == call_id:
                return False
            if kept_until > now:
                return True
            del self.queue[waiting]
        return False

    def crossed(self, budget: Budget | None) -> list[Unit]:
        """Name the units that have just passed the budget's ``warn_at``."""
        if budget is None:
            return []
        now_past = [
            unit
            for unit, limit in self.limits.items()
            if unit not in self.warned and self.settled.of(unit) >= budget.warn_at * limit
        ]
        self.warned.update(now_past)
        return now_past
