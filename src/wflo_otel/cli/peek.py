"""The run's ledger as it stands, read without getting in the way of the program.

The rule: read-only, no transaction that writes, no waiting. Where the file cannot be read
just now, there is nothing new to show.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from wflo_otel.core.scope import run_key
from wflo_otel.ports import LedgerView
from wflo_otel.stores.books import view
from wflo_otel.stores.codec import CodecError, decode_ledger


class Peek:
    """Looks at one run's ledger in a state file that this process holds open anyway."""

    def __init__(self, path: Path, run_id: str) -> None:
        self._uri = f"{path.absolute().as_uri()}?mode=ro"
        self._key = run_key(run_id)

    def ledger(self) -> LedgerView | None:
        """The ledger; ``None`` before the first call, or where it cannot be read now."""
        try:
            with closing(sqlite3.connect(self._uri, uri=True, timeout=0)) as connection:
                query = "SELECT doc FROM ledgers WHERE key = ?"
                row = connection.execute(query, (self._key,)).fetchone()
            return None if row is None else view(decode_ledger(self._key, row[0]))
        except (sqlite3.Error, CodecError):
            return None
