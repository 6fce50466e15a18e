"""A ledger: what one scope may spend, has spent, and has promised.

The rule that holds in it: ``settled + pending <= limit`` whenever a reservation is granted, so
what is ever settled stays within the limit plus what the input estimates missed. A ledger
knows no clock; every method that needs the time is given it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import Literal, NamedTuple, TypeAlias

from wflo_otel.core.policy import Budget

Unit: TypeAlias = Literal["usd", "tokens", "calls"]
UNITS: tuple[Unit, ...] = ("usd", "tokens", "calls")

_tuple = tuple.__new__

#: How long a waiting call keeps its place without asking again, in seconds.
PLACE_KEPT_S = 5.0


class Amount(NamedTuple):
    """An amount in every unit at once, in the order of :data:`UNITS`; ``usd`` in nano-USD."""

    # A tuple: it is made several times for each call, and a tuple is made three times as fast.
    usd: int = 0
    tokens: int = 0
    calls: int = 0

    def __add__(self, other: Amount) -> Amount:  # type: ignore[override]  # of amounts
        # Past the constructor, which takes as long again: a call adds and takes away nine times.
        return _tuple(Amount, (self[0] + other[0], self[1] + other[1], self[2] + other[2]))

    def __sub__(self, other: Amount) -> Amount:
        return _tuple(Amount, (self[0] - other[0], self[1] - other[1], self[2] - other[2]))

    def of(self, unit: Unit) -> int:
        """The amount in one unit."""
        return self[_AT[unit]]


#: Where a unit stands in an amount.
_AT: dict[Unit, int] = {unit: at for at, unit in enumerate(UNITS)}

ZERO = Amount()


def stop_of(unit: str) -> str:
    """Why a scope is stopped whose limit in this unit was hit."""
    return f"{unit} budget exceeded"


class Reservation(NamedTuple):
    """What an open call may still spend. After ``expires_at`` its process counts as dead."""

    amount: Amount
    owner: str
    expires_at: float


@dataclass
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
    #: What was added to the limits by hand; contained in ``limits``, and added to later ones.
    raised: Amount = ZERO

    def __post_init__(self) -> None:
        # Hints that save work: no part of the state, and never written down.
        #: No reservation expires before this.
        self._next_due = -inf
        #: The budget that was held last: it need not be held again.
        self._held: Budget | None = None
        #: The limits in the order of ``UNITS``, infinite where there is none.
        self._bounds = self._limits_of_all()

    @property
    def flagged(self) -> Amount:
        """What was charged for calls whose process died: the bill may be smaller by this much."""
        return sum(self.expired.values(), ZERO)

    @property
    def is_unused(self) -> bool:
        """Whether no call is open here, or waits, none was charged and nothing raised."""
        is_idle = not self.reservations and not self.queue
        return is_idle and self.settled == ZERO and self.raised == ZERO

    def limit_by(self, budget: Budget | None) -> None:
        """Hold this budget too; of several, the tightest of each unit holds."""
        if budget is None or budget is self._held:
            return
        self._held = budget
        for unit, limit in zip(UNITS, (budget.usd, budget.tokens, budget.calls), strict=True):
            if limit is not None:
                raised = limit + self.raised.of(unit)
                self.limits[unit] = min(raised, self.limits.get(unit, raised))
        self._bounds = self._limits_of_all()

    def top_up(self, more: Amount) -> None:
        """Raise the limits, also those that are held later, and lift a stop that they had made."""
        self.raised += more
        for unit in UNITS:
            if not more.of(unit):
                continue
            if unit in self.limits:
                self.limits[unit] += more.of(unit)
            self.warned.discard(unit)
            if self.stopped == stop_of(unit):
                self.stopped = None
        self._bounds = self._limits_of_all()

    def _limits_of_all(self) -> tuple[float, float, float]:
        limits = self.limits
        return limits.get("usd", inf), limits.get("tokens", inf), limits.get("calls", inf)

    def prepare(self, call_id: str, budget: Budget | None, now: float) -> Reservation | None:
        """Make room for a call's question: charge the dead, hold its budget too, and take back
        what it was promised before."""
        if now >= self._next_due:
            self.expire(now)
        if budget is not self._held:
            self.limit_by(budget)
        return self.release(call_id) if call_id in self.reservations else None

    def room(self, unit: Unit) -> int | None:
        """What settled spend leaves, ``None`` without a limit. Negative after an overrun."""
        limit = self.limits.get(unit)
        return None if limit is None else limit - self.settled.of(unit)

    def short_of(self, amount: Amount, *, beside: Amount) -> Unit | None:
        """Name the first unit in which ``amount`` does not fit beside what is promised."""
        settled = self.settled
        for unit, limit in self.limits.items():
            at = _AT[unit]
            if settled[at] + beside[at] + amount[at] > limit:
                return unit
        return None

    def grants_at_once(self, amount: Amount) -> bool:
        """Whether ``amount`` fits beside what is promised, nobody waits, and nothing is stopped."""
        if self.stopped is not None or self.queue:
            return False
        (usd, tokens, calls), settled, pending = self._bounds, self.settled, self.pending
        return (
            settled[0] + pending[0] + amount[0] <= usd
            and settled[1] + pending[1] + amount[1] <= tokens
            and settled[2] + pending[2] + amount[2] <= calls
        )

    def held_by(self, owner: str) -> Amount:
        """What this owner's open calls have reserved."""
        mine = (r.amount for r in self.reservations.values() if r.owner == owner)
        return sum(mine, ZERO)

    def reserve(self, call_id: str, reservation: Reservation) -> None:
        """Promise an amount to a call; a call that has a reservation gets this one instead."""
        if call_id in self.reservations:
            self.release(call_id)
        self.reservations[call_id] = reservation
        self.pending += reservation.amount
        if self.queue:
            self.queue.pop(call_id, None)
        self._next_due = min(self._next_due, reservation.expires_at)

    def release(self, call_id: str) -> Reservation | None:
        """Take a promise back."""
        reservation = self.reservations.pop(call_id, None)
        if reservation is not None:
            self.pending -= reservation.amount
        return reservation

    def settle(self, call_id: str, amount: Amount) -> None:
        """Charge what a call really used, in place of its promise or of its expiry charge."""
        self.release(call_id)
        if call_id in self.expired:
            amount -= self.expired.pop(call_id)
        self.settled += amount

    def expire(self, now: float) -> list[str]:
        """Charge the reservations of dead processes; return their calls."""
        if now < self._next_due:
            return []
        dead = [c for c, r in self.reservations.items() if r.expires_at <= now]
        due = (r.expires_at for r in self.reservations.values() if r.expires_at > now)
        self._next_due = min(due, default=inf)
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
        settled, share = self.settled, budget.warn_at
        usd, tokens, calls = self._bounds
        if settled[0] < share * usd and settled[1] < share * tokens and settled[2] < share * calls:
            return []
        now_past: list[Unit] = []
        for unit, limit in self.limits.items():
            if unit not in self.warned and settled[_AT[unit]] >= share * limit:
                self.warned.add(unit)
                now_past.append(unit)
        return now_past
