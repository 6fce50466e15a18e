"""``sqlite:///path``: one file for all processes of a machine.

The rule that holds here: what was spent is never forgotten when a process dies. The ledger, the
open call and its record change in one transaction (see :mod:`wflo_otel.stores.sqlite_file`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from wflo_otel.core.call import CallRecord
from wflo_otel.core.checkpoint import Checkpoint
from wflo_otel.core.policy import Checkpoints
from wflo_otel.ports import Clock, Note, RunInfo
from wflo_otel.stores import sqlite_checkpoints
from wflo_otel.stores.books import charge_overdue
from wflo_otel.stores.sqlite_books import SqliteBooks
from wflo_otel.stores.sqlite_file import PATIENCE_S, SqliteFile
from wflo_otel.stores.sqlite_letters import SqliteLetters
from wflo_otel.stores.sqlite_results import SqliteResults
from wflo_otel.stores.state import BookedState

#: How long a reservation holds without ``renew``, in seconds.
LEASE_S = 30.0


class SqliteStore(BookedState):
    """Policy state, runs and checkpoints in a file.

    Args:
        path: the file; made, for its owner only, where missing.
        clock: tells the time; all processes that share the file must agree on it.
        lease_s: how long a reservation holds without ``renew``, in seconds.
        patience_s: how long an operation waits for other threads and processes, in seconds.

    Raises:
        StoreError: the file cannot be opened.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        lease_s: float = LEASE_S,
        patience_s: float = PATIENCE_S,
    ) -> None:
        super().__init__(clock, lease_s)
        self._file = SqliteFile(path, patience_s=patience_s)
        self.dead_letters = SqliteLetters(self._file, clock)
        self.result_log = SqliteResults(self._file)

    @contextmanager
    def _books(self) -> Iterator[SqliteBooks]:
        with self._file.transaction() as connection:
            books = SqliteBooks(connection)
            yield books
            books.write_back()

    def after_fork(self) -> None:
        """Leave the parent's connection, waiting calls and watchers alone."""
        super().after_fork()
        self._file.after_fork()

    def close(self) -> None:
        """Close the file; the next operation opens it again."""
        self._file.close()

    def open_run(self, run: RunInfo) -> None:
        """Begin a run, or join it."""
        with self._file.transaction() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO runs (run_id, name, started_at, ended_at, parent)"
                " VALUES (?, ?, ?, ?, ?)",
                (run.run_id, run.name, run.started_at, run.ended_at, run.parent),
            )

    def close_run(self, run_id: str, ended_at: float) -> None:
        """End a run."""
        with self._file.transaction() as connection:
            connection.execute("UPDATE runs SET ended_at = ? WHERE run_id = ?", (ended_at, run_id))

    def runs(self, limit: int = 100) -> list[RunInfo]:
        """List runs, newest first."""
        with self._file.transaction() as connection:
            rows = connection.execute(
                "SELECT run_id, name, started_at, ended_at, parent FROM runs"
                " ORDER BY started_at DESC, seq DESC LIMIT ?",
                (limit,),
            )
            return [RunInfo(*row) for row in rows]

    def records(self, run_id: str) -> list[CallRecord]:
        """List a run's calls and those of its child runs, in the order they ended."""
        with self._books() as books:
            charge_overdue(books, self._clock.time())
            return books.records(run_id)

    def note(self, run_ids: Iterable[str], kind: str, subject: str) -> None:
        """Count in each of these runs that something has happened once more."""
        with self._file.transaction() as connection:
            connection.executemany(
                "INSERT INTO notes VALUES (?, ?, ?, 1)"
                " ON CONFLICT (run_id, kind, subject) DO UPDATE SET count = count + 1",
                [(run_id, kind, subject) for run_id in run_ids],
            )

    def notes(self, run_id: str) -> list[Note]:
        """List what was counted in a run, most often first."""
        with self._file.transaction() as connection:
            rows = connection.execute(
                "SELECT kind, subject, count FROM notes WHERE run_id = ?"
                " ORDER BY count DESC, kind, subject",
                (run_id,),
            )
            return [Note(*row) for row in rows]

    def save(
        self, checkpoint: Checkpoint, state: bytes, kept: Checkpoints | None = None
    ) -> Checkpoint:
        """Keep a state, and drop the checkpoints that are not to be kept beside it."""
        with self._file.transaction() as connection:
            sqlite_checkpoints.save(connection, checkpoint, state, kept)
        return checkpoint

    def checkpoints(self, run_id: str) -> list[Checkpoint]:
        """List a run's checkpoints, oldest first."""
        with self._file.transaction() as connection:
            return sqlite_checkpoints.checkpoints(connection, run_id)

    def load(self, checkpoint_id: str) -> tuple[Checkpoint, bytes]:
        """Return a checkpoint and its state.

        Raises:
            CheckpointNotFoundError: there is none with that id.
        """
        with self._file.transaction() as connection:
            return sqlite_checkpoints.load(connection, checkpoint_id)
