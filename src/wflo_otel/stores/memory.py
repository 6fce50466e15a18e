"""``memory://``: one process's state, gone when it ends.

The rule that holds here: it belongs to the process that made it. A child of a fork would go on
with a copy and so spend the budget twice, hence there every operation raises.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import AbstractContextManager
from math import inf
from types import TracebackType

from wflo_otel.core.breaker import Circuit
from wflo_otel.core.call import CallRecord
from wflo_otel.core.checkpoint import Checkpoint
from wflo_otel.core.ledger import Ledger
from wflo_otel.core.policy import Checkpoints
from wflo_otel.errors import StoreError
from wflo_otel.ports import Clock, Note, RunInfo
from wflo_otel.stores.books import Books, OpenCall, Standing, charge_overdue
from wflo_otel.stores.history import History
from wflo_otel.stores.memory_checkpoints import MemoryCheckpoints
from wflo_otel.stores.memory_letters import MemoryLetters
from wflo_otel.stores.memory_results import MemoryResults
from wflo_otel.stores.state import BookedState

#: So many settled calls, and so many response ids, are known again. A call that is settled
#: twice with more than this many others in between is charged twice.
REMEMBERED = 100_000


class Remembered(OrderedDict[str, None]):
    """The newest so many of the ids that were added."""

    # Not a dict, which looks for its first key behind all that were deleted before it.

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size

    def add(self, each: str) -> None:
        """Remember an id, and forget the oldest beyond the size."""
        self[each] = None
        if len(self) > self._size:
            self.popitem(last=False)


class MemoryBooks:
    """Ledgers and calls in dictionaries. Not locked: the store's lock guards it."""

    def __init__(self, history: History, remembered: int = REMEMBERED) -> None:
        self.history = history
        self._ledgers: dict[str, Ledger] = {}
        self._circuits: dict[str, Circuit] = {}
        self._forced: set[str] = set()
        self._open: dict[str, OpenCall] = {}
        #: No open call expires before this.
        self._next_due = inf
        self._charged = Remembered(remembered)
        self._responses = Remembered(remembered)

    def ledger(self, key: str) -> Ledger:
        """The ledger of a scope."""
        found = self._ledgers.get(key)
        if found is None:
            found = self._ledgers[key] = Ledger(key)
        return found

    def ledgers(self, prefix: str) -> list[Ledger]:
        """The ledgers whose key starts so, by key."""
        return [self._ledgers[key] for key in sorted(self._ledgers) if key.startswith(prefix)]

    def forget(self, key: str) -> None:
        """Drop a ledger."""
        self._ledgers.pop(key, None)

    def circuit(self, key: str) -> Circuit:
        """The circuit of a component."""
        found = self._circuits.get(key)
        if found is None:
            found = self._circuits[key] = Circuit(key)
        return found

    def circuits(self, prefix: str) -> list[Circuit]:
        """The circuits whose key starts so, by key."""
        return [self._circuits[key] for key in sorted(self._circuits) if key.startswith(prefix)]

    def forced(self) -> set[str]:
        """The keys of the circuits that are forced open."""
        return self._forced

    def forget_runs(self, run_ids: list[str]) -> None:
        """Drop the ledgers of runs that are over, unless a call in them is open."""
        gone = {f"run:{run_id}" for run_id in run_ids}
        for key, ledger in list(self._ledgers.items()):
            run = key.partition("/agent:")[0].partition("/tool:")[0]
            if run in gone and not ledger.reservations:
                del self._ledgers[key]

    def open_call(self, call_id: str) -> OpenCall | None:
        """The open call with this id."""
        return self._open.get(call_id)

    def enter(self, opened: OpenCall) -> None:
        """Keep an open call."""
        self._open[opened.call.call_id] = opened
        self._next_due = min(self._next_due, opened.expires_at)

    def close_call(self, call_id: str) -> None:
        """Forget an open call."""
        self._open.pop(call_id, None)

    def overdue(self, now: float) -> list[OpenCall]:
        """The open calls whose reservation has expired, in that order."""
        if now < self._next_due:
            return []
        times = (opened.expires_at for opened in self._open.values() if opened.expires_at > now)
        self._next_due = min(times, default=inf)
        found = [opened for opened in self._open.values() if opened.expires_at <= now]
        return sorted(found, key=lambda each: (each.expires_at, each.opened_at, each.call.call_id))

    def standing(self, call_id: str) -> Standing | None:
        """Why this call's record is here."""
        return Standing.CHARGED if call_id in self._charged else self.history.standing(call_id)

    def keep(self, record: CallRecord, standing: Standing) -> None:
        """Keep a record."""
        if standing is Standing.CHARGED:
            self._charged.add(record.call_id)
        self.history.keep(record, standing)

    def strike(self, call_id: str) -> None:
        """Take a record out."""
        self.history.strike(call_id)

    def has_response(self, key: str) -> bool:
        """Whether this response was charged."""
        return key in self._responses

    def remember_response(self, key: str) -> None:
        """Know this response as charged."""
        self._responses.add(key)


class _Locked(AbstractContextManager[MemoryBooks]):
    """The books under one lock, in the process that made them."""

    def __init__(self, books: MemoryBooks) -> None:
        self._books = books
        self._lock = threading.Lock()
        self._pid = os.getpid()

    def __enter__(self) -> MemoryBooks:
        # Before the lock: another thread may have held it when the process forked.
        if os.getpid() != self._pid:
            raise StoreError(
                "memory:// is not shared with child processes; use sqlite:///.wflo/state.db"
            )
        self._lock.acquire()
        return self._books

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._lock.release()


class MemoryStore(BookedState):
    """Policy state, runs and checkpoints in memory.

    Args:
        clock: tells the time.
        lease_s: how long a reservation holds without ``renew``, in seconds. For ever by
            default: where the process dies, the ledger dies with it.
        history: where runs and records are kept; bounded.
    """

    def __init__(
        self, clock: Clock, *, lease_s: float = inf, history: History | None = None
    ) -> None:
        super().__init__(clock, lease_s)
        self._locked = _Locked(MemoryBooks(history or History()))
        self.dead_letters = MemoryLetters(clock)
        self.result_log = MemoryResults()
        self._checkpoints = MemoryCheckpoints()

    def _books(self) -> AbstractContextManager[Books]:
        return self._locked

    def close(self) -> None:
        """Nothing to release."""

    def open_run(self, run: RunInfo) -> None:
        """Begin a run, or join it."""
        with self._locked as books:
            books.history.open_run(run)

    def close_run(self, run_id: str, ended_at: float) -> None:
        """End a run."""
        with self._locked as books:
            if gone := books.history.close_run(run_id, ended_at):
                books.forget_runs(gone)
                self._checkpoints.forget_runs(gone)
                self.result_log.forget_runs(gone)

    def runs(self, limit: int = 100) -> list[RunInfo]:
        """List runs, newest first."""
        with self._locked as books:
            return books.history.runs(limit)

    def records(self, run_id: str) -> list[CallRecord]:
        """List a run's calls and those of its child runs, in the order they ended."""
        with self._locked as books:
            charge_overdue(books, self._clock.time())
            return books.history.records(run_id)

    def note(self, run_ids: Iterable[str], kind: str, subject: str) -> None:
        """Count in each of these runs that something has happened once more."""
        with self._locked as books:
            books.history.note(run_ids, kind, subject)

    def notes(self, run_id: str) -> list[Note]:
        """List what was counted in a run, most often first."""
        with self._locked as books:
            return books.history.notes(run_id)

    def save(
        self, checkpoint: Checkpoint, state: bytes, kept: Checkpoints | None = None
    ) -> Checkpoint:
        """Keep a state, and drop the checkpoints that are not to be kept beside it."""
        with self._locked:
            self._checkpoints.save(checkpoint, state, kept)
        return checkpoint

    def checkpoints(self, run_id: str) -> list[Checkpoint]:
        """List a run's checkpoints, oldest first."""
        with self._locked:
            return self._checkpoints.checkpoints(run_id)

    def load(self, checkpoint_id: str) -> tuple[Checkpoint, bytes]:
        """Return a checkpoint and its state.

        Raises:
            CheckpointNotFoundError: there is none with that id.
        """
        with self._locked:
            return self._checkpoints.load(checkpoint_id)
