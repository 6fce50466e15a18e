"""Closing permits: once each, and never lost when the state cannot answer.

What the state cannot take is kept in memory, up to a bound, and offered again.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from itertools import islice

from wflo_otel.core.breaker import Seen, verdict_of
from wflo_otel.core.call import CallRecord, Outcome
from wflo_otel.core.decision import CircuitOpen, Exceeded, Queued, Stopped, Transition
from wflo_otel.core.ledger import Amount, stop_of
from wflo_otel.engine.permit import Permit
from wflo_otel.errors import StoreError
from wflo_otel.ports import Adapters, Charge, Ended, Settled

#: How many settlements are kept while the state cannot answer; older ones are reported lost.
KEPT = 10_000

_Operation = Callable[[], Settled]


class Settlements:
    """The open permits of this process, and what is still owed to the state."""

    def __init__(self, adapters: Adapters) -> None:
        self._ports = adapters
        self._lock = threading.Lock()
        self._open: dict[str, Permit] = {}
        self._owed: deque[tuple[str, _Operation]] = deque(maxlen=KEPT)

    def open(self, permit: Permit) -> None:
        """Remember a permit until it is closed."""
        self._open[permit.call.call_id] = permit

    def close(self, permit: Permit) -> bool:
        """Close a permit; False if it was closed before."""
        with self._lock:
            if permit.closed:
                return False
            permit.closed = True
        self._open.pop(permit.call.call_id, None)
        return True

    def settle(self, permit: Permit, record: CallRecord, outcome: Outcome) -> bool:
        """Charge a call; False if the same response had been charged before."""
        fetched = outcome.charge_once
        response = fetched or _response_key(record)
        charge = Charge(
            amount=Amount(record.cost, record.usage.total_tokens, 1),
            record=record,
            response_key=response,
            only_once=fetched is not None,
            ended=_ended(permit, outcome, record.ended_at, record),
        )

        def operation() -> Settled:
            return self._ports.state.settle(permit.scopes, charge)

        return self._offer("settle", record.call_id, operation)

    def void(self, permit: Permit, outcome: Outcome | None = None) -> None:
        """Release a reservation; ``outcome`` is what the circuits are told of the call."""
        call_id, now = permit.call.call_id, self._ports.clock.time()
        ended = None if outcome is None else _ended(permit, outcome, now)

        def operation() -> Settled:
            return Settled(True, transitions=self._ports.state.void(call_id, ended))

        if permit.reserved:
            self._offer("void", call_id, operation)

    def latch(self, instead: Exceeded | Stopped | Queued | CircuitOpen | None) -> None:
        """Stop the scope that a call has hit which could not be refused."""
        if not isinstance(instead, Exceeded) or not instead.stops:
            return
        try:
            self._ports.state.stop(instead.key, stop_of(instead.unit))
        except StoreError as error:
            self._ports.telemetry.state_failed("stop", error, allowed=True)

    def leave(self, call_id: str) -> None:
        """Give up a place in the queues; it would lapse by itself within seconds."""
        try:
            self._ports.state.leave(call_id)
        except StoreError as error:
            self._ports.telemetry.state_failed("leave", error, allowed=True)

    def retry(self) -> None:
        """Offer again what is owed, oldest first, until the state fails again."""
        while self._owed:
            call_id, operation = self._owed.popleft()
            try:
                self._tell(call_id, operation())
            except StoreError:
                self._owed.appendleft((call_id, operation))
                return

    def renew(self) -> None:
        """Renew the leases of the open permits."""
        open_now = [p.call.call_id for p in list(self._open.values()) if p.reserved]
        ids = iter(open_now)
        try:
            while batch := list(islice(ids, 500)):
                self._ports.state.renew(batch)
        except StoreError as error:
            self._ports.telemetry.state_failed("renew", error, allowed=True)

    def _offer(self, name: str, call_id: str, operation: _Operation) -> bool:
        began = self._ports.clock.monotonic()
        try:
            return self._tell(call_id, operation())
        except StoreError as error:
            self._owed.append((call_id, operation))
            self._ports.telemetry.state_failed(name, error, allowed=True)
            return True
        finally:
            self._ports.telemetry.state_latency(name, self._ports.clock.monotonic() - began)

    def _tell(self, call_id: str, settled: Settled) -> bool:
        for warning in settled.warnings:
            self._ports.telemetry.warned(call_id, warning)
        self.moved(settled.transitions)
        return settled.charged

    def moved(self, transitions: tuple[Transition, ...]) -> None:
        """Tell which circuits opened, half-opened or closed."""
        for transition in transitions:
            self._ports.telemetry.moved(transition)


def _ended(
    permit: Permit, outcome: Outcome, ended_at: float, record: CallRecord | None = None
) -> Ended | None:
    """What the circuits that let a call in are told of its end."""
    if not permit.components:
        return None
    seen = Seen(
        verdict_of(outcome),
        ended_at - permit.started_at,
        record.usage.total_tokens if record else 0,
        record.cost if record else 0,
        outcome.retry_after_s,
    )
    return Ended(permit.components, seen)


def _response_key(record: CallRecord) -> str | None:
    is_told = record.usage.total_tokens and record.cost_source not in {"estimate", "reserved"}
    if record.response_id is None or not is_told:  # a fetch may bring the true usage
        return None
    return f"{record.provider}:{record.response_id}"
