"""The books in a state file, for the length of one transaction.

The rule that holds here: a ledger, or a circuit, is read once, changed in place, and written
back by :meth:`SqliteBooks.write_back` if it changed.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from typing import Generic, TypeVar

from wflo_otel.core.breaker import Circuit
from wflo_otel.core.call import CallRecord
from wflo_otel.core.ledger import Ledger
from wflo_otel.stores import circuit_codec, codec
from wflo_otel.stores.books import OpenCall, Standing

D = TypeVar("D")


class _Documents(Generic[D]):
    """One table of documents, each read once."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        table: str,
        encode: Callable[[D], str],
        decode: Callable[[str, str], D],
        new: Callable[[str], D],
    ) -> None:
        self._connection = connection
        self._table = table
        self._encode, self._decode, self._new = encode, decode, new
        self._read: dict[str, tuple[D, str]] = {}

    def get(self, key: str) -> D:
        """The document of this key, to be changed in place."""
        found = self._read.get(key)
        if found is None:
            row = self._connection.execute(
                f"SELECT doc FROM {self._table} WHERE key = ?",  # noqa: S608 - our own name
                (key,),
            ).fetchone()
            made = self._new(key) if row is None else self._decode(key, row[0])
            found = self._read[key] = (made, "" if row is None else row[0])
        return found[0]

    def all(self, prefix: str) -> list[D]:
        """The documents whose key starts so, by key."""
        self.write_back()
        rows = self._connection.execute(
            f"SELECT key, doc FROM {self._table}"  # noqa: S608 - our own name
            " WHERE substr(key, 1, length(?)) = ? ORDER BY key",
            (prefix, prefix),
        )
        return [self._decode(key, doc) for key, doc in rows]

    def forget(self, key: str) -> None:
        """Drop a document."""
        self._read.pop(key, None)
        self._connection.execute(
            f"DELETE FROM {self._table} WHERE key = ?",  # noqa: S608 - our own name
            (key,),
        )

    def write_back(self) -> None:
        """Write those that have changed."""
        for key, (document, before) in self._read.items():
            if (text := self._encode(document)) != before:
                self._connection.execute(
                    f"INSERT INTO {self._table} VALUES (?, ?)"  # noqa: S608 - our own name
                    " ON CONFLICT (key) DO UPDATE SET doc = excluded.doc",
                    (key, text),
                )


class SqliteBooks:
    """Ledgers, circuits and calls of one open transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._ledgers = _Documents(
            connection, "ledgers", codec.encode_ledger, codec.decode_ledger, Ledger
        )
        self._circuits = _Documents(
            connection,
            "circuits",
            circuit_codec.encode_circuit,
            circuit_codec.decode_circuit,
            Circuit,
        )
        self._forced: set[str] | None = None
        self._forced_before: frozenset[str] = frozenset()

    def write_back(self) -> None:
        """Write the documents that have changed."""
        self._ledgers.write_back()
        self._circuits.write_back()
        self._write_forced()

    def ledger(self, key: str) -> Ledger:
        """The ledger of a scope."""
        return self._ledgers.get(key)

    def ledgers(self, prefix: str) -> list[Ledger]:
        """The ledgers whose key starts so, by key."""
        return self._ledgers.all(prefix)

    def circuit(self, key: str) -> Circuit:
        """The circuit of a component."""
        return self._circuits.get(key)

    def circuits(self, prefix: str) -> list[Circuit]:
        """The circuits whose key starts so, by key."""
        return self._circuits.all(prefix)

    def forced(self) -> set[str]:
        """The keys of the circuits that are forced open."""
        if self._forced is None:
            rows = self._connection.execute("SELECT key FROM forced_circuits").fetchall()
            self._forced = {key for (key,) in rows}
            self._forced_before = frozenset(self._forced)
        return self._forced

    def _write_forced(self) -> None:
        if self._forced is None or self._forced == self._forced_before:
            return
        self._connection.execute("DELETE FROM forced_circuits")
        rows = [(key,) for key in self._forced]
        self._connection.executemany("INSERT INTO forced_circuits VALUES (?)", rows)

    def forget(self, key: str) -> None:
        """Drop a ledger."""
        self._ledgers.forget(key)

    def open_call(self, call_id: str) -> OpenCall | None:
        """The open call with this id."""
        row = self._connection.execute(
            "SELECT doc, keys, opened_at, expires_at, stamps FROM open_calls WHERE call_id = ?",
            (call_id,),
        ).fetchone()
        return None if row is None else _open_call(*row)

    def enter(self, opened: OpenCall) -> None:
        """Keep an open call."""
        call_id, keys = opened.call.call_id, json.dumps(opened.keys)
        document = codec.encode_call(opened.call)
        self._connection.execute(
            "INSERT OR REPLACE INTO open_calls VALUES (?, ?, ?, ?, ?, ?)",
            (
                call_id,
                keys,
                opened.opened_at,
                opened.expires_at,
                document,
                circuit_codec.encode_stamps(opened.stamps),
            ),
        )

    def close_call(self, call_id: str) -> None:
        """Forget an open call."""
        self._connection.execute("DELETE FROM open_calls WHERE call_id = ?", (call_id,))

    def overdue(self, now: float) -> list[OpenCall]:
        """The open calls whose reservation has expired, in that order."""
        rows = self._connection.execute(
            "SELECT doc, keys, opened_at, expires_at, stamps FROM open_calls WHERE expires_at <= ?"
            " ORDER BY expires_at, opened_at, call_id",
            (now,),
        )
        return [_open_call(*row) for row in rows.fetchall()]

    def standing(self, call_id: str) -> Standing | None:
        """Why this call's record is here."""
        rows = self._connection.execute("SELECT standing FROM calls WHERE call_id = ?", (call_id,))
        row = rows.fetchone()
        return None if row is None else Standing(row[0])

    def keep(self, record: CallRecord, standing: Standing) -> None:
        """Keep a record."""
        seq = self._connection.execute(
            "INSERT INTO calls (call_id, standing, ended_at, doc) VALUES (?, ?, ?, ?)",
            (record.call_id, standing, record.ended_at, codec.encode_record(record)),
        ).lastrowid
        for run_id in {record.caller.run_id, *record.caller.parent_runs}:
            self._connection.execute("INSERT INTO run_calls VALUES (?, ?)", (run_id, seq))

    def strike(self, call_id: str) -> None:
        """Take a record out; its number is not given again as long as a later one is here."""
        row = self._connection.execute(
            "SELECT seq, doc FROM calls WHERE call_id = ?", (call_id,)
        ).fetchone()
        caller = codec.decode_record(row[1]).caller
        for run_id in {caller.run_id, *caller.parent_runs}:
            self._connection.execute(
                "DELETE FROM run_calls WHERE run_id = ? AND seq = ?", (run_id, row[0])
            )
        self._connection.execute("DELETE FROM calls WHERE seq = ?", (row[0],))

    def has_response(self, key: str) -> bool:
        """Whether this response was charged."""
        rows = self._connection.execute("SELECT 1 FROM responses WHERE key = ?", (key,))
        return rows.fetchone() is not None

    def remember_response(self, key: str) -> None:
        """Know this response as charged."""
        self._connection.execute("INSERT OR IGNORE INTO responses VALUES (?)", (key,))

    def records(self, run_id: str) -> list[CallRecord]:
        """List a run's calls and those of its child runs, in the order they ended."""
        rows = self._connection.execute(
            "SELECT doc FROM calls JOIN run_calls USING (seq) WHERE run_id = ?"
            " ORDER BY ended_at, seq",
            (run_id,),
        )
        return [codec.decode_record(document) for (document,) in rows]


def _open_call(
    document: str, keys: str, opened_at: float, expires_at: float, stamps: str
) -> OpenCall:
    return OpenCall(
        codec.decode_call(document),
        tuple(json.loads(keys)),
        opened_at,
        expires_at,
        circuit_codec.decode_stamps(stamps),
    )
