"""Whether a call may run: a reservation of its worst case in all scopes, or in none.

The order: a stopped scope refuses; what does not fit beside settled spend even alone gets a
smaller cap or is refused; what only other calls' reservations keep out waits its turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from wflo_otel.core.decision import Admission, Exceeded, Granted, Queued, Stopped
from wflo_otel.core.ledger import Amount, Ledger, Reservation, Unit, stop_of
from wflo_otel.core.money import PICO_PER_NANO, ceil_nano
from wflo_otel.core.policy import Budget, OnExceeded

#: A ledger, and the budget that holds there for this call.
Entry = tuple[Ledger, Budget | None]


class Need(NamedTuple):
    """The most a call can use, as a line over its output cap.

    Args:
        input_pico: what the input costs at most, in pico-USD.
        output_pico: what one token of the cap costs, in pico-USD (all choices together).
        input_tokens: the input at most.
        output_cap: the output at most, in tokens per choice.
        least_output: below this cap the call is of no use.
        choices: how many outputs of that cap are asked for.
    """

    input_pico: int
    output_pico: int
    input_tokens: int
    output_cap: int
    least_output: int = 1
    choices: int = 1

    def amount(self, cap: int) -> Amount:
        """What the call uses at most under this cap."""
        usd = ceil_nano(self.input_pico + self.output_pico * cap)
        return Amount(usd, self.input_tokens + self.choices * cap, 1)

    def cap_within(self, ledger: Ledger) -> int:
        """The largest cap that settled spend leaves room for; -1 if not even the input fits."""
        cap = self.output_cap
        if (usd := ledger.room("usd")) is not None:
            cap = min(cap, _most(usd * PICO_PER_NANO - self.input_pico, self.output_pico, cap))
        if (tokens := ledger.room("tokens")) is not None:
            cap = min(cap, _most(tokens - self.input_tokens, self.choices, cap))
        if (calls := ledger.room("calls")) is not None and calls < 1:
            return -1
        return cap


def _most(room: int, each: int, cap: int) -> int:
    if room < 0:
        return -1
    return cap if each == 0 else room // each


class Reserve(NamedTuple):
    """One request for a reservation."""

    call_id: str
    need: Need
    owner: str
    expires_at: float
    #: False in shadow mode: count, never refuse.
    enforce: bool = True


def reserve(entries: Sequence[Entry], request: Reserve, now: float) -> Admission:
    """Reserve in all ledgers, or in none.

    A call that already holds a reservation has it resized; if that fails it keeps the old one.
    """
    call_id = request.call_id
    held = [ledger.prepare(call_id, budget, now) for ledger, budget in entries]
    easily = _at_once(entries, request)
    if easily is not None:
        return easily
    answer = _decide(entries, request, now)
    if isinstance(answer, Granted) or not request.enforce:
        granted = _granted(entries, request, answer)
        _hold(entries, request, Amount(granted.usd, granted.tokens, 1))
        return granted
    for (ledger, _), old in zip(entries, held, strict=True):
        if old is not None:
            ledger.reserve(call_id, old)
    _mark(entries, request, answer, now)
    return answer


def _at_once(entries: Sequence[Entry], request: Reserve) -> Granted | None:
    """Grant and hold what is easily granted, as most calls are."""
    cap = request.need.output_cap
    amount = request.need.amount(cap)
    for ledger, _ in entries:
        if not ledger.grants_at_once(amount):
            return None
    _hold(entries, request, amount)
    return Granted(amount[0], amount[1], cap)


def _decide(entries: Sequence[Entry], request: Reserve, now: float) -> Admission:
    for ledger, _ in entries:
        if ledger.stopped is not None:
            return Stopped(ledger.key, ledger.stopped)
    need, cap = request.need, request.need.output_cap
    for ledger, budget in entries:
        within = need.cap_within(ledger)
        useful = within >= min(need.least_output, need.output_cap)
        if within < need.output_cap and not (useful and budget is not None and budget.clamp):
            then = OnExceeded.REFUSE if budget is None else budget.on_exceeded
            return _exceeded(ledger, need, then)
        cap = min(cap, within)
    amount = need.amount(cap)
    return _in_the_way(entries, request, amount, now) or Granted(
        amount.usd, amount.tokens, cap, clamped=cap < need.output_cap
    )


def _in_the_way(
    entries: Sequence[Entry], request: Reserve, amount: Amount, now: float
) -> Queued | Exceeded | None:
    full: list[Ledger] = []
    for ledger, _ in entries:
        if (unit := ledger.short_of(amount, beside=ledger.pending)) is not None:
            if request.owner and ledger.short_of(amount, beside=ledger.held_by(request.owner)):
                return _short(ledger, unit, amount, held_by_caller=True)
            full.append(ledger)
        elif ledger.limits and ledger.is_behind(request.call_id, now):
            full.append(ledger)
    if not full:
        return None
    first = full[0]
    unit = first.short_of(amount, beside=first.pending) or _any_unit(first)
    return Queued(tuple(ledger.key for ledger in full), _short(first, unit, amount))


def _granted(entries: Sequence[Entry], request: Reserve, answer: Admission) -> Granted:
    if isinstance(answer, Granted) and (request.enforce or not answer.clamped):
        return answer
    whole = request.need.amount(request.need.output_cap)
    instead = None if isinstance(answer, Granted) else answer
    return Granted(whole.usd, whole.tokens, request.need.output_cap, instead=instead)


def _hold(entries: Sequence[Entry], request: Reserve, amount: Amount) -> None:
    reservation = Reservation(amount, request.owner, request.expires_at)
    for ledger, _ in entries:
        ledger.reserve(request.call_id, reservation)


def _mark(entries: Sequence[Entry], request: Reserve, answer: Admission, now: float) -> None:
    """Leave what a refusal leaves behind: a place in the queue, a count, or a stop."""
    for ledger, _ in entries:
        if isinstance(answer, Queued) and ledger.key in answer.keys:
            ledger.enqueue(request.call_id, now)
        else:
            ledger.queue.pop(request.call_id, None)
        if isinstance(answer, Exceeded | Stopped) and ledger.key == answer.key:
            ledger.refused += 1
        if isinstance(answer, Exceeded) and answer.stops and ledger.key == answer.key:
            ledger.stopped = stop_of(answer.unit)


def _exceeded(ledger: Ledger, need: Need, then: OnExceeded) -> Exceeded:
    amount = need.amount(min(need.output_cap, need.least_output))
    unit = ledger.short_of(amount, beside=Amount())
    if unit is None:  # it would fit with a smaller cap, which the budget does not allow
        amount = need.amount(need.output_cap)
        unit = ledger.short_of(amount, beside=Amount()) or _any_unit(ledger)
    return replace(
        _short(ledger, unit, amount),
        stops=then is not OnExceeded.REFUSE,
        rolls_back=then is OnExceeded.ROLLBACK,
    )


def _any_unit(ledger: Ledger) -> Unit:
    return next(iter(ledger.limits))


def _short(
    ledger: Ledger,
    unit: Unit,
    amount: Amount,
    *,
    held_by_caller: bool = False,
) -> Exceeded:
    return Exceeded(
        key=ledger.key,
        unit=unit,
        limit=ledger.limits[unit],
        settled=ledger.settled.of(unit),
        pending=ledger.pending.of(unit),
        needed=amount.of(unit),
        held_by_caller=held_by_caller,
    )


def grow(ledgers: Sequence[Ledger], call_id: str, more: Amount, now: float) -> Amount:
    """Add to the reservation of an open call as much of ``more`` as fits everywhere.

    Returns:
        What was added, all zero if nothing fits or the call is no longer open. It never waits:
        a stream that cannot grow at once is cut.
    """
    for ledger in ledgers:
        ledger.expire(now)
    if any(call_id not in ledger.reservations or ledger.stopped for ledger in ledgers):
        return Amount()
    added = Amount(
        usd=_free(ledgers, "usd", more.usd), tokens=_free(ledgers, "tokens", more.tokens)
    )
    if (more.usd and not added.usd) or (more.tokens and not added.tokens):
        return Amount()
    for ledger in ledgers:
        old = ledger.reservations[call_id]
        ledger.reserve(call_id, Reservation(old.amount + added, old.owner, old.expires_at))
    return added


def _free(ledgers: Sequence[Ledger], unit: Unit, wanted: int) -> int:
    rooms = [
        room - ledger.pending.of(unit)
        for ledger in ledgers
        if (room := ledger.room(unit)) is not None
    ]
    return max(0, min([wanted, *rooms]))
