"""Dead letters in the state file: one transaction for each operation, across processes."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from wflo_otel.core.dead_letter import KEPT_S, DeadLetter, LetterState, as_of
from wflo_otel.errors import DeadLetterError
from wflo_otel.ports import Clock
from wflo_otel.stores.letter_codec import decode_letter, encode_letter
from wflo_otel.stores.sqlite_file import SqliteFile

#: So many letters are kept; beyond it the oldest go, done ones first.
MAX_LETTERS = 10_000


class SqliteLetters:
    """:class:`~wflo_otel.ports.DeadLetters` in a file that is shared with the other state."""

    def __init__(self, file: SqliteFile, clock: Clock, max_letters: int = MAX_LETTERS) -> None:
        self._file = file
        self._clock = clock
        self._max_letters = max_letters

    def bury(self, letter: DeadLetter) -> None:
        """Keep a letter; one that is here already stays as it is."""
        with self._open() as (connection, now):
            connection.execute("DELETE FROM dead_letters WHERE changed_at < ?", (now - KEPT_S,))
            connection.execute(
                "INSERT OR IGNORE INTO dead_letters"
                " (letter_id, created_at, changed_at, is_done, doc, payload)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (letter.letter_id, letter.created_at, *_row(letter)),
            )
            connection.execute(
                "DELETE FROM dead_letters WHERE seq IN (SELECT seq FROM dead_letters"
                " ORDER BY is_done, seq DESC LIMIT -1 OFFSET ?)",
                (self._max_letters,),
            )

    def letters(self, states: Collection[LetterState] = (), limit: int = 100) -> list[DeadLetter]:
        """List letters, newest first, without payloads."""
        with self._open() as (connection, now):
            rows = connection.execute(
                "SELECT doc FROM dead_letters ORDER BY created_at DESC, seq DESC"
            )
            found = [as_of(decode_letter(doc), now) for (doc,) in rows]
        return [each for each in found if not states or each.state in states][:limit]

    def letter(self, letter_id: str) -> DeadLetter:
        """Return a letter with its payload.

        Raises:
            DeadLetterError: there is none with that id.
        """
        with self._open() as (connection, now):
            return as_of(_known(connection, letter_id), now)

    def change(
        self, letter_id: str, become: Callable[[DeadLetter, float], DeadLetter]
    ) -> DeadLetter:
        """Replace a letter by what ``become`` makes of it.

        Raises:
            DeadLetterError: there is none with that id, or ``become`` says so.
        """
        with self._open() as (connection, now):
            changed = become(as_of(_known(connection, letter_id), now), now)
            connection.execute(
                "UPDATE dead_letters SET changed_at = ?, is_done = ?, doc = ?, payload = ?"
                " WHERE letter_id = ?",
                (*_row(changed), letter_id),
            )
        return changed

    def purge(self, states: Collection[LetterState], before: float) -> int:
        """Drop the letters in these states that last changed before; say how many."""
        with self._open() as (connection, now):
            rows = connection.execute(
                "SELECT letter_id, doc FROM dead_letters WHERE changed_at < ?", (before,)
            ).fetchall()
            gone = [(key,) for key, doc in rows if as_of(decode_letter(doc), now).state in states]
            connection.executemany("DELETE FROM dead_letters WHERE letter_id = ?", gone)
        return len(gone)

    @contextmanager
    def _open(self) -> Iterator[tuple[sqlite3.Connection, float]]:
        with self._file.transaction() as connection:
            yield connection, self._clock.time()


def _row(letter: DeadLetter) -> tuple[object, ...]:
    is_done = letter.state is LetterState.DONE
    return letter.changed_at, is_done, encode_letter(letter), letter.payload


def _known(connection: sqlite3.Connection, letter_id: str) -> DeadLetter:
    row = connection.execute(
        "SELECT doc, payload FROM dead_letters WHERE letter_id = ?", (letter_id,)
    ).fetchone()
    if row is None:
        raise DeadLetterError(f"no dead letter {letter_id!r}; list them with `wflo dlq list`")
    return decode_letter(*row)
