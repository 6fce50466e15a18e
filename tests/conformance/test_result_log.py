"""The contract of ResultLog, for every store."""

from __future__ import annotations

import pytest

from wflo_otel.core.policy import Checkpoints
from wflo_otel.core.results import KeptResult
from wflo_otel.ports import ResultLog
from wflo_otel.stores.memory import MemoryStore
from wflo_otel.stores.memory_results import MemoryResults
from wflo_otel.stores.sqlite import SqliteStore
from wflo_otel.stores.sqlite_results import SqliteResults

ALL = Checkpoints(keep=100)
DAY_S = 86_400.0


@pytest.fixture
def log(store: MemoryStore | SqliteStore) -> ResultLog:
    return store.result_log


def made(payload: bytes, after: str = "", *, run_id: str = "r", at: float = 0.0) -> KeptResult:
    return KeptResult(run_id, after, at, payload)


def kept(log: ResultLog, run_id: str = "r") -> list[bytes]:
    return [each.payload for each in log.results(run_id)]


def test_results_are_listed_by_run_oldest_first_as_they_were_kept(log: ResultLog) -> None:
    first, second, other = made(b"1", "c"), made(b"2", at=5.0), made(b"3", run_id="s")
    for each in (first, second, other):
        log.keep(each, ALL)

    assert log.results("r") == [first, second]
    assert log.results("s") == [other]
    assert log.results("nobody") == []


def test_those_stay_that_follow_the_newest_checkpoints(log: ResultLog) -> None:
    for payload, after in ((b"1", ""), (b"2", "a"), (b"3", "a"), (b"4", "b")):
        log.keep(made(payload, after), Checkpoints(keep=2))

    assert kept(log) == [b"2", b"3", b"4"]


def test_those_that_are_too_old_go_in_all_runs(log: ResultLog) -> None:
    log.keep(made(b"old"), ALL)
    log.keep(made(b"old", run_id="s"), ALL)
    log.keep(made(b"edge", at=DAY_S), ALL)

    log.keep(made(b"new", at=2 * DAY_S), Checkpoints(max_age_days=1))

    assert (kept(log), kept(log, "s")) == ([b"edge", b"new"], [])


def test_the_oldest_go_where_a_run_has_too_many_bytes(store: MemoryStore | SqliteStore) -> None:
    log = SqliteResults(store._file, 5) if isinstance(store, SqliteStore) else MemoryResults(5)
    log.keep(made(b"other", run_id="s"), ALL)

    for payload in (b"12", b"34", b"567"):
        log.keep(made(payload), ALL)

    assert (kept(log), kept(log, "s")) == ([b"34", b"567"], [b"other"])


def test_of_one_that_is_too_large_alone_nothing_stays(store: MemoryStore | SqliteStore) -> None:
    log = SqliteResults(store._file, 5) if isinstance(store, SqliteStore) else MemoryResults(5)

    log.keep(made(b"123456"), ALL)

    assert kept(log) == []
