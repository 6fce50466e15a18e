"""The state file: private, atomic, across threads and forks, and plain about what is wrong."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from made_calls import amount, call, charge, checkpoint, request, scopes
from wflo_otel.core.ledger import ZERO, Amount, Ledger
from wflo_otel.errors import StoreError
from wflo_otel.ports import Note, RunInfo
from wflo_otel.stores import codec, sqlite_schema
from wflo_otel.stores.sqlite import SqliteStore
from wflo_otel.testing import FakeClock


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".wflo" / "state.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    made = SqliteStore(path, FakeClock(), patience_s=0.1)
    yield made
    made.close()


def connected(store: SqliteStore) -> sqlite3.Connection:
    connection = store._file._connection
    assert connection is not None
    return connection


def test_the_folder_and_its_files_are_their_owners_only(store: SqliteStore, path: Path) -> None:
    store.stop("run:r", "x")

    assert path.parent.stat().st_mode & 0o777 == 0o700
    files = sorted(path.parent.iterdir())
    assert [each.name for each in files] == ["state.db", "state.db-shm", "state.db-wal"]
    assert {each.stat().st_mode & 0o777 for each in files} == {0o600}


def test_what_was_spent_is_there_for_the_next_process(store: SqliteStore, path: Path) -> None:
    store.settle(scopes(100), charge("c1", 60))

    again = SqliteStore(path, FakeClock())

    assert [view.settled for view in again.ledgers("run:r")] == [amount(60), amount(60)]
    assert not again.settle(scopes(100), charge("c1", 60)).charged
    again.close()


def test_a_store_that_was_closed_opens_again(store: SqliteStore) -> None:
    store.stop("run:r", "x")
    store.close()
    store.close()

    assert [view.stopped for view in store.ledgers()] == ["x"]


def test_equal_states_are_stored_once(store: SqliteStore) -> None:
    store.save(checkpoint("k1", b"same"), b"same")
    store.save(checkpoint("k2", b"same"), b"same")

    assert connected(store).execute("SELECT count(*) FROM states").fetchone() == (1,)


def test_a_full_disk_is_said_and_nothing_has_changed(store: SqliteStore, path: Path) -> None:
    store.settle(scopes(100), charge("c0", 10))
    connection = connected(store)
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")

    before = store.ledgers()

    with pytest.raises(StoreError, match=f"{path} cannot be used: the disk is full"):
        store.settle(scopes(100), charge("c" * 20_000, 10))

    assert store.ledgers() == before
    connection.execute("PRAGMA max_page_count = 100000")
    assert store.settle(scopes(100), charge("c" * 20_000, 10)).charged


def test_a_read_only_file_is_said_with_the_remedy(store: SqliteStore) -> None:
    connected(store).execute("PRAGMA query_only = 1")

    with pytest.raises(StoreError, match="read-only; make the file and its folder writable"):
        store.stop("run:r", "x")


def test_a_file_that_is_no_database_is_said_to_be_damaged(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"not a database at all, but long enough" * 40)

    with pytest.raises(StoreError, match="damaged or no state file of wflo_otel; move it away"):
        SqliteStore(tmp_path / "state.db", FakeClock())


def test_a_damaged_page_is_said_to_be_one(store: SqliteStore, path: Path) -> None:
    store.settle(scopes(100), charge("c1", 60))
    store.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))

    with pytest.raises(StoreError, match="damaged"):
        store.ledgers()


def test_a_damaged_document_is_said_to_be_one(store: SqliteStore) -> None:
    store.stop("run:r", "x")
    connected(store).execute("UPDATE ledgers SET doc = '{'")

    with pytest.raises(StoreError, match="damaged"):
        store.ledgers()


def test_a_file_of_a_newer_version_is_left_alone(store: SqliteStore, path: Path) -> None:
    connected(store).execute(f"PRAGMA user_version = {sqlite_schema.VERSION + 1}")

    with pytest.raises(StoreError, match="newer wflo_otel wrote it"):
        SqliteStore(path, FakeClock())


def test_a_file_of_the_first_version_is_brought_up_to_date(path: Path) -> None:
    path.parent.mkdir()
    old = sqlite3.connect(path, isolation_level=None)
    for statement in sqlite_schema.STEPS[0].split(";"):
        old.execute(statement)
    old.execute(f"PRAGMA application_id = {sqlite_schema.APPLICATION_ID}")
    old.execute("PRAGMA user_version = 1")
    spent = codec.encode_ledger(Ledger("run:r", settled=Amount(7, 7, 1)))
    old.execute("INSERT INTO ledgers VALUES ('run:r', ?)", (spent,))
    old.close()

    store = SqliteStore(path, FakeClock())

    assert [view.settled for view in store.ledgers()] == [Amount(7, 7, 1)]
    assert store.force_open("provider:openai").after == "forced_open"
    store.note(["r"], "refused", "waited")
    assert store.notes("r") == [Note("refused", "waited", 1)]
    store.close()


def test_what_an_older_file_has_forced_open_stays_so(store: SqliteStore, path: Path) -> None:
    store.force_open("provider:openai")
    store.close_circuit("provider:anthropic")
    connected(store).execute("DROP TABLE forced_circuits")
    connected(store).execute("PRAGMA user_version = 4")
    store.close()

    again = SqliteStore(path, FakeClock())

    assert again.forced() == {"provider:openai"}
    again.close()


@pytest.mark.parametrize("mark", ["CREATE TABLE t (x)", "PRAGMA application_id = 7"])
def test_a_file_of_another_program_is_left_alone(tmp_path: Path, mark: str) -> None:
    other = sqlite3.connect(tmp_path / "other.db", isolation_level=None)
    other.execute(mark)

    with pytest.raises(StoreError, match="belongs to another program"):
        SqliteStore(tmp_path / "other.db", FakeClock())
    other.close()


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StoreError, match="use a path in a writable folder"):
        SqliteStore(tmp_path / "file" / "state.db", FakeClock())


def test_a_path_that_is_a_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="it cannot be opened"):
        SqliteStore(tmp_path, FakeClock())


def test_a_lock_held_by_another_process_is_said_once_patience_is_over(
    store: SqliteStore, path: Path
) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(StoreError, match="another process keeps it locked"):
        store.stop("run:r", "x")

    other.close()
    store.stop("run:r", "x")


def test_opening_waits_for_its_turn_and_no_longer_than_patience(path: Path) -> None:
    path.parent.mkdir()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("CREATE TABLE t (x)")
    other.execute("BEGIN EXCLUSIVE")

    with pytest.raises(StoreError, match="another process keeps it locked"):
        SqliteStore(path, FakeClock(), patience_s=0.05)
    other.close()


def test_a_thread_that_waits_too_long_for_another_is_told(store: SqliteStore) -> None:
    with store._books(), pytest.raises(StoreError, match="another thread keeps it locked"):
        store.stop("run:r", "x")

    store.stop("run:r", "x")


def test_a_file_that_was_removed_in_use_is_not_silently_begun_anew(
    store: SqliteStore, path: Path
) -> None:
    store.stop("run:r", "x")
    path.unlink()
    with pytest.raises(StoreError, match="No such file"):
        store.ledgers()

    path.touch()
    with pytest.raises(StoreError, match="was removed or replaced while in use"):
        store.ledgers()


def test_an_operation_that_fails_half_way_has_changed_nothing(store: SqliteStore) -> None:
    def half() -> None:
        with store._books() as books:
            books.ledger("run:r").stopped = "x"
            books.write_back()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half()

    assert store.ledgers() == []


def test_an_error_of_sqlite_without_a_known_cause_is_told_as_it_is(store: SqliteStore) -> None:
    connected(store).execute("DROP TABLE runs")

    with pytest.raises(StoreError, match="SQLite says: no such table: runs"):
        store.runs()


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("told", [True, False])
def test_a_child_of_a_fork_uses_a_connection_of_its_own(
    store: SqliteStore, path: Path, told: bool
) -> None:
    store.admit(scopes(100), call("c1"), request("c1", 60))
    pid = os.fork()
    if not pid:
        if told:
            store.after_fork()
        store.settle(scopes(100), charge("c2", 5))
        store.close()
        store.close()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0

    store.settle(scopes(100), charge("c1", 25))

    (run, _) = store.ledgers()
    assert (run.settled.usd, run.pending) == (amount(30).usd, ZERO)
    assert connected(store).execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_may_close_first_and_does_not_hang_on_its_parents_lock(store: SqliteStore) -> None:
    store.stop("run:r", "x")
    with store._books():
        pid = os.fork()
        if not pid:
            store.close()
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0

    assert [view.stopped for view in store.ledgers()] == ["x"]


def test_a_child_that_was_not_told_of_its_fork_notices_by_itself(store: SqliteStore) -> None:
    store.stop("run:r", "x")
    parents = connected(store)
    store._file._pid = -1  # as a child sees it, without leaving this process

    assert [view.stopped for view in store.ledgers()] == ["x"]
    assert connected(store) is not parents

    childs = connected(store)
    store._file._pid = -1
    store.close()
    assert childs.execute("SELECT 1").fetchone() == (1,)
    childs.close()
    parents.close()


def test_stores_may_be_opened_at_once_on_a_file_that_is_not_there_yet(path: Path) -> None:
    failed: list[StoreError] = []
    barrier = threading.Barrier(8)

    def opened() -> None:
        barrier.wait()
        try:
            store = SqliteStore(path, FakeClock())
            store.open_run(RunInfo("r", "n", 1.0))
            store.close()
        except StoreError as error:
            failed.append(error)

    threads = [threading.Thread(target=opened) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
