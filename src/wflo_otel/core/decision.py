"""The answers a budget gives, as values. Only a seam turns one into an exception."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias


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


class Granted(NamedTuple):
    """The call may run, with this much reserved."""

    usd: int
    tokens: int
    #: The output cap, in tokens per choice, that the reservation covers.
    cap: int
    #: The cap is smaller than what was asked for: write it into the request.
    clamped: bool = False
    #: In shadow mode: what the answer would have been.
    instead: Exceeded | Stopped | Queued | None = None


Admission: TypeAlias = Granted | Queued | Exceeded | Stopped
