"""Dead letters at rest: how they are written, how many are kept, and in older files."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path

import pytest

from made_letters import letter
from wflo_otel.core.dead_letter import LetterState
from wflo_otel.errors import StoreError
from wflo_otel.stores import sqlite_schema as schema
from wflo_otel.stores.codec import CodecError
from wflo_otel.stores.letter_codec import decode_letter, encode_letter
from wflo_otel.stores.memory import MemoryStore
from wflo_otel.stores.memory_letters import MemoryLetters
from wflo_otel.stores.sqlite import SqliteStore
from wflo_otel.stores.sqlite_file import SqliteFile
from wflo_otel.stores.sqlite_letters import SqliteLetters
from wflo_otel.testing import FakeClock

DONE = LetterState.DONE


def test_a_letter_is_read_as_it_was_written():
    written = letter(state=LetterState.IN_DOUBT, replays=2, token="t", lease_until=5.0)

    assert decode_letter(encode_letter(written), written.payload) == written


def test_a_letter_that_was_written_before_a_field_existed_is_read():
    plain = json.loads(encode_letter(letter()))
    del plain["trace_id"]

    assert decode_letter(json.dumps(plain)).trace_id == ""


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"v":2}', encode_letter(letter()).replace('"dead"', '"lost"')],
    ids=["empty", "list", "nothing", "version", "state"],
)
def test_a_damaged_letter_is_said_to_be_one(text):
    with pytest.raises(CodecError):
        decode_letter(text)


def _few(kind: str, folder: Path, clock: FakeClock):
    if kind == "memory":
        return MemoryLetters(clock, max_letters=2)
    return SqliteLetters(SqliteFile(folder / "state.db"), clock, max_letters=2)


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_beyond_the_bound_the_oldest_go_and_done_ones_first(kind, tmp_path):
    letters = _few(kind, tmp_path, FakeClock())

    def kept():
        return [each.letter_id for each in letters.letters()]

    letters.bury(letter("l1"))
    letters.bury(letter("done", state=DONE))
    letters.bury(letter("l2"))
    assert kept() == ["l2", "l1"]

    letters.bury(letter("l3"))
    assert kept() == ["l3", "l2"]


def test_letters_in_memory_are_not_shared_with_a_child(monkeypatch):
    letters = MemoryStore(FakeClock()).dead_letters
    monkeypatch.setattr(os, "getpid", lambda: -1)

    with pytest.raises(StoreError, match="not shared with child processes"):
        letters.bury(letter())


def test_a_file_of_the_first_version_is_brought_up_to_date_and_loses_nothing(tmp_path):
    path = tmp_path / "state.db"
    old = sqlite3.connect(path)
    old.executescript(schema.STEPS[0])
    old.execute("INSERT INTO ledgers VALUES ('run:r', '{\"v\":1,\"settled\":[5,0,1]}')")
    old.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
    old.execute("PRAGMA user_version = 1")
    old.commit()
    old.close()

    store = SqliteStore(path, FakeClock())
    store.dead_letters.bury(letter())

    assert [each.letter_id for each in store.dead_letters.letters()] == ["l1"]
    assert [view.settled.usd for view in store.ledgers()] == [5]
    store.close()
    again = sqlite3.connect(path)
    assert again.execute("PRAGMA user_version").fetchone() == (schema.VERSION,)
    again.close()


def test_a_new_file_has_every_table_at_once(tmp_path):
    store = SqliteStore(tmp_path / "state.db", FakeClock())

    assert store.dead_letters.letters() == []
    assert store.ledgers() == []
    store.close()


def test_letters_are_their_owners_only(tmp_path):
    store = SqliteStore(tmp_path / ".wflo" / "state.db", FakeClock())
    store.dead_letters.bury(letter("l1", "content"))

    modes = {each.stat().st_mode & 0o777 for each in (tmp_path / ".wflo").iterdir()}
    assert modes == {0o600}
    store.close()


def test_a_damaged_letter_in_the_file_is_an_error_of_the_store(tmp_path):
    store = SqliteStore(tmp_path / "state.db", FakeClock())
    store.dead_letters.bury(letter())
    with store._file.transaction() as connection:
        connection.execute("UPDATE dead_letters SET doc = 'x'")

    with pytest.raises(StoreError, match="damaged"):
        store.dead_letters.letters()
    store.close()
