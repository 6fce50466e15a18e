"""The answers that budgets and breakers give, as values. Only a seam raises one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from wflo_otel.core.finding import Finding


@dataclass(frozen=True, slots=True)
class Exceeded:
    """Settled spend leaves no room. ``usd`` figures are in nano-USD."""

    key: str
    unit: str
    limit: int
    settled: int
    pending: int
    needed: int
    #: The scope is stopped from now on.
    stops: bool = False
    #: The run goes back to its last checkpoint.
    rolls_back: bool = False
    #: Only money that the caller itself holds is in the way: waiting would never end.
    held_by_caller: bool = False


@dataclass(frozen=True, slots=True)
class Stopped:
    """A scope was stopped earlier."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class Queued:
    """Only other calls' reservations stand in the way: wait for them to settle."""

    #: The ledgers that are full, outermost first.
    keys: tuple[str, ...]
    #: What to say if the wait ends in vain.
    otherwise: Exceeded


@dataclass(frozen=True, slots=True)
class CircuitOpen:
    """A component's circuit breaker keeps calls out."""

    key: str
    #: Why it opened: see :class:`~wflo_otel.core.breaker.Transition`.
    reason: str
    #: When to ask again, in seconds; ``None`` where only a person can close it.
    retry_after_s: float | None


@dataclass(frozen=True, slots=True)
class Circling:
    """An agent goes in circles; its scope is stopped from now on."""

    key: str
    finding: Finding
    #: It was stopped earlier, and ``key`` counts what it refuses.
    is_stopped: bool = False


class Phase(StrEnum):
    """Where a circuit stands."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
    #: Opened by hand, until it is reset by hand.
    FORCED_OPEN = "forced_open"


@dataclass(frozen=True, slots=True)
class Transition:
    """A circuit went from one phase to another. ``until`` is in seconds since the epoch."""

    key: str
    before: Phase
    after: Phase
    #: ``error_rate``, ``consecutive_failures``, ``slow_calls``, ``tokens``, ``usd``,
    #: ``probe_failed``, ``probes_passed``, ``cooled_down`` or ``by_hand``.
    reason: str
    until: float = 0.0


class Granted(NamedTuple):
    """The call may run, with this much reserved."""

    usd: int
    tokens: int
    #: The output cap, in tokens per choice, that the reservation covers.
    cap: int
    #: The cap is smaller than what was asked for: write it into the request.
    clamped: bool = False
    #: In shadow mode: what the answer would have been.
    instead: Exceeded | Stopped | Queued | CircuitOpen | None = None
    #: Circuits that were half-opened for this call.
    transitions: tuple[Transition, ...] = ()


Admission: TypeAlias = Granted | Queued | Exceeded | Stopped | CircuitOpen
