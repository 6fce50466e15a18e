"""Reservations and circuits: what is shared by everyone who uses the same state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from wflo_otel.core.admission import Reserve
from wflo_otel.core.breaker import Component, Seen
from wflo_otel.core.call import Call, CallRecord
from wflo_otel.core.decision import (
    Admission,
    Phase,
    Transition,
)
from wflo_otel.core.ledger import Amount, Unit
from wflo_otel.core.scope import Scope


class Ended(NamedTuple):
    """How a call ended, for the breakers it had met."""

    components: tuple[Component, ...]
    seen: Seen


class Charge(NamedTuple):
    """What a call really used, to be settled once."""

    amount: Amount
    record: CallRecord
    #: The response's id, where the same response may be fetched again (it is then free).
    response_key: str | None = None
    #: This *is* such a fetch: charge only if ``response_key`` has not been charged yet.
    only_once: bool = False
    #: ``None`` where the call met no breaker.
    ended: Ended | None = None


@dataclass(frozen=True, slots=True)
class Warned:
    """A budget has just passed its ``warn_at``."""

    key: str
    unit: str
    limit: int
    settled: int


class Settled(NamedTuple):
    """What settling did."""

    #: False: this call, or this response, had been charged before; nothing changed.
    charged: bool
    warnings: tuple[Warned, ...] = ()
    transitions: tuple[Transition, ...] = ()


@dataclass(frozen=True, slots=True)
class LedgerView:
    """A ledger as people look at it."""

    key: str
    limits: dict[Unit, int]
    settled: Amount
    pending: Amount
    #: Part of ``settled``: charges for calls whose process died.
    flagged: Amount
    stopped: str | None
    open_calls: int
    #: How many times this scope refused a call.
    refused: int = 0


@dataclass(frozen=True, slots=True)
class CircuitView:
    """A circuit as people look at it. ``until`` is in seconds since the epoch."""

    key: str
    phase: Phase
    #: Why it opened last.
    reason: str
    until: float
    #: How often it opened, without a quiet time in between.
    trips: int
    #: How many calls probe it now.
    probes: int
    #: How many calls it kept out.
    refused: int


class PolicyState(Protocol):
    """Reservations and circuits, shared by everyone who uses the same state. Synchronous.

    The state tells the time. Every method is atomic over all scopes it names, safe from any
    thread, and raises :class:`StoreError` where it cannot answer.
    """

    #: For how long a reservation holds without ``renew``, in seconds; infinite in memory.
    lease_s: float

    def admit(
        self,
        scopes: Sequence[Scope],
        call: Call,
        request: Reserve,
        components: Sequence[Component] = (),
    ) -> Admission:
        """Reserve in all scopes and enter all circuits, or in none.

        The state fills in ``request.expires_at``.
        """
        ...

    def grow(self, call_id: str, more: Amount) -> Amount:
        """Add to an open call's reservation what fits, without waiting."""
        ...

    def settle(self, scopes: Sequence[Scope], charge: Charge) -> Settled:
        """Charge a call in all scopes, release its reservation, keep its record. Idempotent."""
        ...

    def void(self, call_id: str, ended: Ended | None = None) -> tuple[Transition, ...]:
        """Release a reservation without a charge: the call never reached the provider.

        ``ended`` tells the circuits how it ended all the same; without it they learn nothing.
        """
        ...

    def leave(self, call_id: str) -> None:
        """Give up a place in the queues."""
        ...

    def forget(self, key: str) -> None:
        """Drop a scope's ledger, unless a call is open in it or it was charged for one."""
        ...

    def renew(self, call_ids: Iterable[str]) -> None:
        """Say that these calls are still open."""
        ...

    def stop(self, key: str, reason: str) -> None:
        """Stop a scope: every further call in it, and below it, is refused."""
        ...

    def reset(self, key: str) -> None:
        """Lift a stop. What was spent stays spent."""
        ...

    def top_up(self, key: str, more: Amount) -> LedgerView:
        """Raise the limits of a scope by so much, for good, and lift a stop that they had made.

        A limit that is held there later, such as by whoever joins the run, is raised as well.
        """
        ...

    def circuits(self, prefix: str = "") -> list[CircuitView]:
        """Show the circuits whose key starts so."""
        ...

    def force_open(self, key: str) -> Transition:
        """Open a circuit until it is reset, whatever its calls do."""
        ...

    def close_circuit(self, key: str) -> Transition:
        """Close a circuit, and forget what it counted."""
        ...

    def forced(self) -> frozenset[str]:
        """The keys of the circuits that are forced open; most often none."""
        ...

    def ledgers(self, prefix: str = "") -> list[LedgerView]:
        """Show the ledgers whose key starts so, dead processes' reservations charged."""
        ...

    def watch(self, released: Callable[[], None]) -> Callable[[], None]:
        """Call ``released`` whenever this process settles or voids; return the way to end it.

        Where other processes share the state, waiters also ask again by themselves.
        """
        ...

    def after_fork(self) -> None:
        """Drop what a child process must not share with its parent."""
        ...

    def close(self) -> None:
        """Release files and connections."""
        ...
