"""The policy state over any books: open them, decide, close them, tell those who wait.

The rule that holds here: watchers are called after the books are closed, and what they raise
is logged, never raised into the call that settled.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager

from wflo_otel.core.admission import Reserve
from wflo_otel.core.breaker import Component
from wflo_otel.core.call import Call, CallRecord
from wflo_otel.core.decision import Admission, Queued, Transition
from wflo_otel.core.ledger import Amount
from wflo_otel.core.scope import Scope
from wflo_otel.ports import Charge, CircuitView, Clock, Ended, LedgerView, Settled
from wflo_otel.stores import books as rules
from wflo_otel.stores.books import Books, Standing

logger = logging.getLogger(__name__)


class BookedState(ABC):
    """:class:`~wflo_otel.ports.PolicyState`, where :meth:`_books` opens the books."""

    def __init__(self, clock: Clock, lease_s: float) -> None:
        self.lease_s = lease_s
        self._clock = clock
        #: Calls of this process that wait, and in which ledgers they have a place.
        self._waiting: dict[str, tuple[str, ...]] = {}
        self._watchers: tuple[Callable[[], None], ...] = ()

    @abstractmethod
    def _books(self) -> AbstractContextManager[Books]:
        """Open the books for one operation that happens as a whole or not at all."""

    def admit(
        self,
        scopes: Sequence[Scope],
        call: Call,
        request: Reserve,
        components: Sequence[Component] = (),
    ) -> Admission:
        """Reserve in all scopes and enter all circuits, or in none."""
        with self._books() as books:
            now = self._clock.time()
            leased = self._leased(request, now)
            answer = rules.admit(books, scopes, call, leased, now, components)
        if isinstance(answer, Queued):
            self._waiting[call.call_id] = answer.keys
        else:
            self._waiting.pop(call.call_id, None)
        return answer

    def grow(self, call_id: str, more: Amount) -> Amount:
        """Add to an open call's reservation what fits."""
        with self._books() as books:
            now = self._clock.time()
            return rules.grow(books, call_id, more, now + self.lease_s, now)

    def _leased(self, request: Reserve, now: float) -> Reserve:
        expires_at = now + self.lease_s
        if request.expires_at == expires_at:
            return request
        # Not `_replace`, which takes four times as long, on the path of every call.
        return Reserve(request.call_id, request.need, request.owner, expires_at, request.enforce)

    def settle(self, scopes: Sequence[Scope], charge: Charge) -> Settled:
        """Charge a call in all scopes and keep its record, once."""
        with self._books() as books:
            settled = rules.settle(books, scopes, charge, self._clock.time())
        self._tell()
        return settled

    def void(self, call_id: str, ended: Ended | None = None) -> tuple[Transition, ...]:
        """Release a reservation without a charge."""
        with self._books() as books:
            moved = rules.void(books, call_id, self._clock.time(), ended)
        self._tell()
        return moved

    def leave(self, call_id: str) -> None:
        """Give up a place in the queues."""
        keys = self._waiting.pop(call_id, ())
        if not keys:
            return
        with self._books() as books:
            for key in keys:
                books.ledger(key).queue.pop(call_id, None)
        self._tell()

    def forget(self, key: str) -> None:
        """Drop a ledger in which nothing is open and nothing was charged."""
        with self._books() as books:
            if books.ledger(key).is_unused:
                books.forget(key)

    def renew(self, call_ids: Iterable[str]) -> None:
        """Say that these calls are still open; one whose reservation had expired is open again."""
        with self._books() as books:
            rules.renew(books, call_ids, self._clock.time() + self.lease_s)

    def stop(self, key: str, reason: str) -> None:
        """Stop a scope."""
        with self._books() as books:
            books.ledger(key).stopped = reason
        self._tell()

    def reset(self, key: str) -> None:
        """Lift a stop."""
        with self._books() as books:
            books.ledger(key).stopped = None
        self._tell()

    def top_up(self, key: str, more: Amount) -> LedgerView:
        """Raise the limits of a scope, and lift a stop that they had made."""
        with self._books() as books:
            ledger = books.ledger(key)
            ledger.top_up(more)
            raised = rules.view(ledger)
        self._tell()
        return raised

    def circuits(self, prefix: str = "") -> list[CircuitView]:
        """Show the circuits whose key starts so, by key."""
        with self._books() as books:
            rules.charge_overdue(books, self._clock.time())
            return [rules.circuit_view(circuit) for circuit in books.circuits(prefix)]

    def force_open(self, key: str) -> Transition:
        """Open a circuit until it is reset."""
        with self._books() as books:
            return rules.force_open(books, key)

    def close_circuit(self, key: str) -> Transition:
        """Close a circuit, and forget what it counted."""
        with self._books() as books:
            return rules.close_circuit(books, key, self._clock.time())

    def forced(self) -> frozenset[str]:
        """The keys of the circuits that are forced open."""
        with self._books() as books:
            return frozenset(books.forced())

    def ledgers(self, prefix: str = "") -> list[LedgerView]:
        """Show the ledgers whose key starts so, by key."""
        with self._books() as books:
            rules.charge_overdue(books, self._clock.time())
            return [rules.view(ledger) for ledger in books.ledgers(prefix)]

    def record(self, record: CallRecord) -> None:
        """Keep a call that costs nothing by itself; the first record under an id stays."""
        with self._books() as books:
            if books.standing(record.call_id) is None:
                books.keep(record, Standing.NOTED)

    def watch(self, released: Callable[[], None]) -> Callable[[], None]:
        """Call ``released`` whenever money or a place may have become free in this process."""
        self._watchers = (*self._watchers, released)

        def end() -> None:
            self._watchers = tuple(each for each in self._watchers if each is not released)

        return end

    def after_fork(self) -> None:
        """Forget the parent's waiting calls and watchers: they wait there."""
        self._waiting.clear()
        self._watchers = ()

    def _tell(self) -> None:
        for released in self._watchers:
            try:
                released()
            except Exception:
                logger.exception("a watcher of the state failed")
