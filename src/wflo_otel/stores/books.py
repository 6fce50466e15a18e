"""What a store keeps of budgets, and what each operation does to it.

The rule that holds here: the rules are written once. A store gives :class:`Books`, atomically;
these functions decide by :mod:`wflo_otel.core` and write the answer down, the same way for
every store. Time is an argument.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from enum import StrEnum
from math import inf
from typing import Protocol

from wflo_otel.core import admission, breaker
from wflo_otel.core.admission import Reserve
from wflo_otel.core.breaker import Circuit, Component, Stamp
from wflo_otel.core.call import Call, CallRecord, Status
from wflo_otel.core.decision import Admission, CircuitOpen, Granted, Transition
from wflo_otel.core.ledger import ZERO, Amount, Ledger, Reservation
from wflo_otel.core.scope import Scope
from wflo_otel.core.value import value
from wflo_otel.ports import Charge, CircuitView, Ended, LedgerView, Settled, Warned


@value
class OpenCall:
    """A call that holds a reservation, and in which ledgers. Times are since the epoch."""

    call: Call
    keys: tuple[str, ...]
    opened_at: float
    #: Infinite once the reservation has expired and was charged, or where none expires.
    expires_at: float
    #: The circuits that let it in.
    stamps: tuple[Stamp, ...] = ()


class Standing(StrEnum):
    """Why a record is in the books."""

    #: Charged for what it used; final.
    CHARGED = "charged"
    #: Charged for what it had reserved; a late settle replaces it.
    EXPIRED = "expired"
    #: Costs nothing by itself.
    NOTED = "noted"


class Books(Protocol):
    """All of a store's ledgers and calls, open for one atomic operation."""

    def ledger(self, key: str) -> Ledger:
        """The ledger of a scope, to be changed in place; a new one where there is none."""
        ...

    def ledgers(self, prefix: str) -> list[Ledger]:
        """The ledgers whose key starts so, by key."""
        ...

    def forget(self, key: str) -> None:
        """Drop a ledger."""
        ...

    def circuit(self, key: str) -> Circuit:
        """The circuit of a component, to be changed in place; a new one where there is none."""
        ...

    def circuits(self, prefix: str) -> list[Circuit]:
        """The circuits whose key starts so, by key."""
        ...

    def forced(self) -> set[str]:
        """The keys of the circuits that are forced open, to be changed in place."""
        ...

    def open_call(self, call_id: str) -> OpenCall | None:
        """The open call with this id."""
        ...

    def enter(self, opened: OpenCall) -> None:
        """Keep an open call, in place of what was kept under its id."""
        ...

    def close_call(self, call_id: str) -> None:
        """Forget an open call."""
        ...

    def overdue(self, now: float) -> list[OpenCall]:
        """The open calls whose reservation has expired by now, in that order, then by id."""
        ...

    def standing(self, call_id: str) -> Standing | None:
        """Why this call's record is here; ``None`` where there is none."""
        ...

    def keep(self, record: CallRecord, standing: Standing) -> None:
        """Keep a record under an id that has none."""
        ...

    def strike(self, call_id: str) -> None:
        """Take a record out, to be replaced."""
        ...

    def has_response(self, key: str) -> bool:
        """Whether this response was charged."""
        ...

    def remember_response(self, key: str) -> None:
        """Know this response as charged."""
        ...


def admit(
    books: Books,
    scopes: Sequence[Scope],
    call: Call,
    request: Reserve,
    now: float,
    components: Sequence[Component] = (),
) -> Admission:
    """Reserve in the ledgers of all scopes and enter all circuits, or in none."""
    charge_overdue(books, now)
    before = books.open_call(call.call_id)
    if before is not None:
        _extend(books, before, request.expires_at)
    stamps = () if before is None else before.stamps
    met = [each for each in components if all(each.key != stamp.key for stamp in stamps)]
    is_open = _forced(books, call) or _blocked(books, met, now)
    if is_open is not None and request.enforce:
        books.circuit(is_open.key).refused += 1
        return is_open
    entries = [(books.ledger(scope.key), scope.budget) for scope in scopes]
    answer = admission.reserve(entries, request, now)
    if not isinstance(answer, Granted):
        return answer
    keys = tuple([scope.key for scope in scopes])
    if before is not None:
        _release(books, call.call_id, [key for key in before.keys if key not in keys])
    opened_at = now if before is None else before.opened_at
    entered, moved = _enter(books, met, call.call_id, now)
    books.enter(OpenCall(call, keys, opened_at, request.expires_at, (*stamps, *entered)))
    if is_open is None and not moved:
        return answer
    return answer._replace(instead=answer.instead or is_open, transitions=moved)


def _forced(books: Books, call: Call) -> CircuitOpen | None:
    forced = books.forced()
    if not forced:
        return None
    met = (key for key in breaker.keys_of(call.ask, call.caller) if key in forced)
    key = next(met, None)
    return None if key is None else CircuitOpen(key, books.circuit(key).reason, None)


def _blocked(books: Books, components: Sequence[Component], now: float) -> CircuitOpen | None:
    for each in components:
        found = breaker.blocked(books.circuit(each.key), each, now)
        if found is not None:
            return found
    return None


def _enter(
    books: Books, components: Sequence[Component], call_id: str, now: float
) -> tuple[tuple[Stamp, ...], tuple[Transition, ...]]:
    entered = [breaker.enter(books.circuit(each.key), each, call_id, now) for each in components]
    moved = tuple(move for _, move in entered if move is not None)
    return tuple(stamp for stamp, _ in entered), moved


def grow(books: Books, call_id: str, more: Amount, expires_at: float, now: float) -> Amount:
    """Add to the reservation of an open call what fits in all its scopes."""
    charge_overdue(books, now)
    opened = books.open_call(call_id)
    if opened is None:
        return ZERO
    _extend(books, opened, expires_at)
    return admission.grow([books.ledger(key) for key in opened.keys], call_id, more, now)


def settle(books: Books, scopes: Sequence[Scope], charge: Charge, now: float) -> Settled:
    """Charge a call once, and keep its record.

    A charge that was made before changes nothing but that the call's reservation is given back.
    """
    charge_overdue(books, now)
    call_id, key = charge.record.call_id, charge.response_key
    standing = books.standing(call_id)
    known = charge.only_once and key is not None and books.has_response(key)
    if standing is Standing.CHARGED or known:
        moved = void(books, call_id, now, charge.ended)
        return Settled(charged=False, transitions=moved)
    opened = books.open_call(call_id)
    charged = tuple([scope.key for scope in scopes])
    held = () if opened is None else opened.keys
    moved = _leave(books, opened, charge.ended, now)
    if held != charged:  # else charging each releases what it holds
        _release(books, call_id, [key for key in held if key not in charged])
    if opened is not None:
        books.close_call(call_id)
    if standing is not None:
        books.strike(call_id)
    books.keep(charge.record, Standing.CHARGED)
    if key is not None:
        books.remember_response(key)
    return Settled(True, _charge(books, scopes, charge, held), moved)


def _charge(
    books: Books, scopes: Sequence[Scope], charge: Charge, held: Sequence[str]
) -> tuple[Warned, ...]:
    call_id, amount = charge.record.call_id, charge.amount
    warnings: tuple[Warned, ...] = ()
    for scope in scopes:
        ledger = books.ledger(scope.key)
        if scope.key not in held:  # else admitting it has set the limits
            ledger.limit_by(scope.budget)
        ledger.settle(call_id, amount)
        for unit in ledger.crossed(scope.budget):
            warned = Warned(ledger.key, unit, ledger.limits[unit], ledger.settled.of(unit))
            warnings = (*warnings, warned)
    return warnings


def void(
    books: Books, call_id: str, now: float, ended: Ended | None = None
) -> tuple[Transition, ...]:
    """Give a reservation back without a charge, also one that had expired."""
    charge_overdue(books, now)
    opened = books.open_call(call_id)
    if opened is None:
        return ()
    moved = _leave(books, opened, ended, now)
    _release(books, call_id, opened.keys)
    books.close_call(call_id)
    if books.standing(call_id) is Standing.EXPIRED:
        books.strike(call_id)
    return moved


def _leave(
    books: Books, opened: OpenCall | None, ended: Ended | None, now: float
) -> tuple[Transition, ...]:
    """Tell the circuits that let a call in how it ended; of no call they learn nothing."""
    if opened is None or not opened.stamps:
        return ()
    call_id, moved = opened.call.call_id, []
    options = {} if ended is None else {each.key: each.options for each in ended.components}
    for stamp in opened.stamps:
        circuit = books.circuit(stamp.key)
        if ended is None or stamp.key not in options:
            breaker.leave(circuit, call_id)
            continue
        move = breaker.settle(circuit, options[stamp.key], stamp, call_id, ended.seen, now)
        if move is not None:
            moved.append(move)
    return tuple(moved)


def _release(books: Books, call_id: str, keys: Iterable[str]) -> None:
    for key in keys:
        books.ledger(key).settle(call_id, ZERO)


def renew(books: Books, call_ids: Iterable[str], expires_at: float) -> None:
    """Let reservations hold for longer."""
    for call_id in call_ids:
        if (opened := books.open_call(call_id)) is not None:
            _extend(books, opened, expires_at)


def _extend(books: Books, opened: OpenCall, expires_at: float) -> None:
    """Hold a reservation for longer; one that had expired is a reservation again.

    Its process was only asleep. ``settled + pending`` stays what it was, so the ceiling holds.
    """
    call_id = opened.call.call_id
    if opened.expires_at == expires_at:
        return
    for key in opened.keys:
        ledger = books.ledger(key)
        amount = ledger.expired.get(call_id, ZERO)
        reservation = ledger.reservations.get(call_id)
        if reservation is None:
            ledger.settle(call_id, ZERO)
            reservation = Reservation(amount, opened.call.owner, expires_at)
        ledger.reserve(call_id, reservation._replace(expires_at=expires_at))
    if books.standing(call_id) is Standing.EXPIRED:
        books.strike(call_id)
    books.enter(replace(opened, expires_at=expires_at))


def charge_overdue(books: Books, now: float) -> None:
    """Charge what dead processes had reserved, in all its scopes at once, and record it."""
    for opened in books.overdue(now):
        amount = ZERO
        for key in opened.keys:
            ledger = books.ledger(key)
            ledger.expire(now)
            amount = ledger.expired.get(opened.call.call_id, amount)
        _leave(books, opened, None, now)
        books.enter(replace(opened, expires_at=inf))
        if books.standing(opened.call.call_id) is None:
            books.keep(_expired_record(opened, amount), Standing.EXPIRED)


def _expired_record(opened: OpenCall, amount: Amount) -> CallRecord:
    call, ask = opened.call, opened.call.ask
    return CallRecord(
        call_id=call.call_id,
        caller=call.caller,
        operation=ask.operation,
        status=Status.EXPIRED,
        started_at=opened.opened_at,
        ended_at=opened.expires_at,
        provider=ask.provider,
        model=ask.model or "",
        cost=amount.usd,
        cost_source="reserved",
        attempt=call.attempt,
        streaming=ask.streaming,
    )


def force_open(books: Books, key: str) -> Transition:
    """Open a circuit until it is reset."""
    books.forced().add(key)
    return breaker.force_open(books.circuit(key))


def close_circuit(books: Books, key: str, now: float) -> Transition:
    """Close a circuit, and forget what it counted."""
    books.forced().discard(key)
    return breaker.reset(books.circuit(key), now)


def view(ledger: Ledger) -> LedgerView:
    """Show a ledger to people."""
    return LedgerView(
        key=ledger.key,
        limits=dict(ledger.limits),
        settled=ledger.settled,
        pending=ledger.pending,
        flagged=ledger.flagged,
        stopped=ledger.stopped,
        open_calls=len(ledger.reservations),
        refused=ledger.refused,
    )


def circuit_view(circuit: Circuit) -> CircuitView:
    """Show a circuit to people."""
    return CircuitView(
        key=circuit.key,
        phase=circuit.phase,
        reason=circuit.reason,
        until=circuit.until,
        trips=circuit.trips,
        probes=len(circuit.probes),
        refused=circuit.refused,
    )
