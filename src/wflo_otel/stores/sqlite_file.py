"""The state file: one connection, one lock, one transaction at a time.

The rule that holds here: every operation is one ``BEGIN IMMEDIATE`` transaction, so what one
process reads no other changes before it commits. WAL with ``synchronous=NORMAL``: a committed
transaction survives the death of the process in any way; only a power loss or a crash of the
operating system may lose the last ones. A connection is never used, nor closed, in a child of
the process that opened it. The file must be on a local disk: WAL does not work over a network.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wflo_otel.errors import StoreError
from wflo_otel.stores import sqlite_schema as schema
from wflo_otel.stores.codec import CodecError

#: How long an operation waits for other threads and processes, in seconds.
PATIENCE_S = 5.0

_DAMAGED = "it is damaged or no state file of wflo_otel; move it away to begin anew"
_CAUSES = {
    sqlite3.SQLITE_BUSY: "another process keeps it locked; end that process, or use another file",
    sqlite3.SQLITE_LOCKED: "another process keeps it locked; end that process, or use another file",
    sqlite3.SQLITE_FULL: "the disk is full; free some space",
    sqlite3.SQLITE_READONLY: "it is read-only; make the file and its folder writable",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; make its folder writable, or use another path",
    sqlite3.SQLITE_PERM: "access is denied; make the file and its folder writable",
    sqlite3.SQLITE_IOERR: "reading or writing it failed; check the disk",
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
}

#: Connections of a parent process, kept so that they are not closed here: closing one would
#: touch the files that the parent still uses.
_inherited: list[sqlite3.Connection] = []


class SqliteFile:
    """A state file, safe from any thread and across a fork.

    Args:
        path: the file; it and its folder are made, for their owner only, where missing.
        patience_s: how long an operation waits for others, in seconds.

    Raises:
        StoreError: it cannot be opened.
    """

    def __init__(self, path: Path, *, patience_s: float = PATIENCE_S) -> None:
        self.path = path.absolute()
        self._patience_s = patience_s
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._connection: sqlite3.Connection | None = None
        self._opened_as = (0, 0)
        with self.transaction():
            pass

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Do something as a whole or not at all.

        Raises:
            StoreError: the file cannot be read or written; nothing has changed.
        """
        if os.getpid() != self._pid:
            self.after_fork()
        if not self._lock.acquire(timeout=self._patience_s):
            raise self._error("another thread keeps it locked; nothing was changed")
        try:
            with self._explained():
                connection = self._connected()
                try:
                    connection.execute("BEGIN IMMEDIATE")
                    yield connection
                    connection.execute("COMMIT")
                finally:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
        finally:
            self._lock.release()

    def after_fork(self) -> None:
        """Leave the parent's connection and lock alone; the next operation opens its own."""
        if self._connection is not None:
            _inherited.append(self._connection)
        self._connection = None
        self._lock = threading.Lock()
        self._pid = os.getpid()

    def close(self) -> None:
        """Close the connection; the next operation opens it again."""
        if os.getpid() != self._pid:
            self.after_fork()
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = self._opened()
        elif self._identity() != self._opened_as:
            raise self._error("it was removed or replaced while in use; start the program again")
        return self._connection

    def _identity(self) -> tuple[int, int]:
        found = self.path.stat()
        return found.st_dev, found.st_ino

    def _opened(self) -> sqlite3.Connection:
        _make_private(self.path)
        self._opened_as = self._identity()
        connection = sqlite3.connect(
            self.path, timeout=self._patience_s, isolation_level=None, check_same_thread=False
        )
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        _use_wal(connection, self._patience_s)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("BEGIN IMMEDIATE")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (owner,) = connection.execute("PRAGMA application_id").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if owner != schema.APPLICATION_ID and (owner or version or tables):
            raise self._error("it belongs to another program; use another path")
        if version > schema.VERSION:
            raise self._error(
                f"a newer wflo_otel wrote it (schema {version}, this one knows "
                f"{schema.VERSION}); upgrade wflo_otel, or use another path"
            )
        if version < schema.VERSION:
            for step in schema.STEPS[version:]:
                for statement in step.split(";"):
                    connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {schema.VERSION}")
        connection.execute("COMMIT")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            # Extended codes carry the primary one in their lowest byte.
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            raise self._error(_CAUSES.get(code, f"SQLite says: {error}")) from error
        except CodecError as error:
            raise self._error(f"{_DAMAGED} ({error})") from error
        except OSError as error:
            raise self._error(f"{error.strerror}; use a path in a writable folder") from error

    def _error(self, cause: str) -> StoreError:
        return StoreError(f"the state file {self.path} cannot be used: {cause}")


def _make_private(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        # Only a file that nobody has open: closing a descriptor gives up this process's locks.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return


def _use_wal(connection: sqlite3.Connection, patience_s: float) -> None:
    """Switch to WAL; SQLite does not wait by itself where others open the file just now."""
    give_up = time.monotonic() + patience_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(0.01)
        else:
            return
