"""Results in the state file: one transaction for each operation, across processes.

The rule that holds here: what is dropped is the oldest, so that what a run comes to next is there.
"""

from __future__ import annotations

from sqlite3 import Connection

from wflo_otel.core.checkpoint import oldest_kept
from wflo_otel.core.policy import Checkpoints
from wflo_otel.core.results import KeptResult
from wflo_otel.stores.sqlite_file import SqliteFile

#: So many bytes of one run are kept; beyond it the oldest go.
MAX_RUN_BYTES = 256 * 1024 * 1024

_COLUMNS = "run_id, after, created_at, payload, codec"

# Newest first, with the bytes up to there and how many checkpoints they follow.
_OUTLIVED = (
    "SELECT seq FROM (SELECT seq, sum(length(payload)) OVER newest AS held,"
    " sum(is_first) OVER newest AS afters FROM (SELECT seq, payload, seq = max(seq)"
    " OVER (PARTITION BY after) AS is_first FROM results WHERE run_id = ?)"
    " WINDOW newest AS (ORDER BY seq DESC)) WHERE held > ? OR afters > ?"
)


class SqliteResults:
    """:class:`~wflo_otel.ports.ResultLog` in a file that is shared with the other state."""

    def __init__(self, file: SqliteFile, max_run_bytes: int = MAX_RUN_BYTES) -> None:
        self._file = file
        self._max_run_bytes = max_run_bytes

    def keep(self, result: KeptResult, kept: Checkpoints) -> None:
        """Keep a result, and drop what is not to be kept beside it."""
        with self._file.transaction() as connection:
            connection.execute(
                f"INSERT INTO results ({_COLUMNS}) VALUES (?, ?, ?, ?, ?)",  # noqa: S608
                (result.run_id, result.after, result.created_at, result.payload, result.codec),
            )
            self._drop(connection, result, kept)

    def results(self, run_id: str) -> list[KeptResult]:
        """List a run's results, oldest first."""
        with self._file.transaction() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM results WHERE run_id = ? ORDER BY seq",  # noqa: S608
                (run_id,),
            )
            return [KeptResult(*row) for row in rows]

    def _drop(self, connection: Connection, result: KeptResult, kept: Checkpoints) -> None:
        oldest = oldest_kept(kept, result.created_at)
        connection.execute("DELETE FROM results WHERE created_at < ?", (oldest,))
        bounds = (result.run_id, self._max_run_bytes, kept.keep)
        connection.execute(f"DELETE FROM results WHERE seq IN ({_OUTLIVED})", bounds)  # noqa: S608
