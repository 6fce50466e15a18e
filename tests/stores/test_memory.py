"""The memory store: bounded, and of one process."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from made_calls import call, caller, charge, checkpoint, record, request, scopes
from wflo_otel.core.policy import Checkpoints
from wflo_otel.core.results import KeptResult
from wflo_otel.errors import StoreError
from wflo_otel.ports import RunInfo
from wflo_otel.stores.books import Standing
from wflo_otel.stores.history import MAX_NOTES, History
from wflo_otel.stores.memory import MemoryBooks, MemoryStore, Remembered
from wflo_otel.testing import FakeClock


def in_a_child(work: object) -> str:
    """Run ``work`` in a fork and return what it returned or raised, as text."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            said = str(work())  # type: ignore[operator]
        except StoreError as error:
            said = str(error)
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    return said


def test_a_reservation_holds_for_ever() -> None:
    clock = FakeClock()
    store = MemoryStore(clock)
    store.admit(scopes(100), call("c1"), request("c1", 60))

    clock.advance(1e9)
    store.renew(["c1"])

    assert [view.open_calls for view in store.ledgers()] == [1, 1]


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_of_a_fork_is_told_to_use_a_file() -> None:
    store = MemoryStore(FakeClock())

    said = in_a_child(lambda: store.admit(scopes(100), call("c1"), request("c1", 60)))

    assert said == "memory:// is not shared with child processes; use sqlite:///.wflo/state.db"


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_does_not_hang_on_a_lock_that_was_held_when_it_was_born() -> None:
    store = MemoryStore(FakeClock())

    with store._books():
        said = in_a_child(lambda: (store.after_fork(), store.ledgers()))

    assert "not shared" in said


def test_only_the_newest_ids_are_remembered() -> None:
    seen = Remembered(2)

    for each in ("a", "b", "c"):
        seen.add(each)

    assert [each in seen for each in ("a", "b", "c")] == [False, True, True]


def test_records_of_closed_runs_go_before_those_of_open_ones() -> None:
    history = History(max_records=10)
    for run_id in ("open", "over", "parent"):
        history.open_run(RunInfo(run_id, "n", 0.0))
    history.keep(record("mine", 1, caller("open")), Standing.CHARGED)
    history.keep(record("child", 1, caller("over", parents=("parent",))), Standing.CHARGED)
    history.keep(record("old", 1, caller("over")), Standing.CHARGED)
    history.close_run("over", 1.0)

    for number in range(8):
        history.keep(record(f"c{number}", 1, caller("open")), Standing.CHARGED)

    assert [each.call_id for each in history.records("over")] == ["child"]
    assert len(history.records("open")) == 8
    assert history.records("open")[0].call_id == "c0"


def test_the_oldest_records_of_open_runs_go_where_there_are_no_others() -> None:
    history = History(max_records=10)
    history.open_run(RunInfo("r", "n", 0.0))

    for number in range(11):
        history.keep(record(f"c{number}", 1), Standing.CHARGED)

    assert [each.call_id for each in history.records("r")] == [f"c{each}" for each in range(2, 11)]


def test_a_call_is_charged_once_also_when_its_record_is_gone() -> None:
    store = MemoryStore(FakeClock(), history=History(max_records=1))
    store.settle(scopes(100), charge("c1", 5))
    store.settle(scopes(100), charge("c2", 5))
    assert [each.call_id for each in store.records("r")] == ["c2"]

    assert not store.settle(scopes(100), charge("c1", 5)).charged


def test_the_runs_that_closed_first_are_forgotten_with_their_ledgers() -> None:
    store = MemoryStore(FakeClock(), history=History(max_closed_runs=2))
    for number in range(4):
        run_id = f"r{number}"
        store.open_run(RunInfo(run_id, "n", float(number)))
        store.settle(scopes(100, run_id=run_id), charge(run_id, 5))

    for number in (0, 2, 3):
        store.close_run(f"r{number}", 9.0)

    assert [run.run_id for run in store.runs()] == ["r3", "r2", "r1"]
    assert [view.key for view in store.ledgers()] == [
        f"run:{run_id}{below}" for run_id in ("r1", "r2", "r3") for below in ("", "/agent:a")
    ]


def test_the_ledger_of_a_forgotten_run_stays_while_a_call_in_it_is_open() -> None:
    store = MemoryStore(FakeClock(), history=History(max_closed_runs=0))
    store.open_run(RunInfo("r", "n", 0.0))
    store.admit(scopes(100), call("c1"), request("c1", 60))

    store.close_run("r", 1.0)

    assert [view.open_calls for view in store.ledgers()] == [1, 1]


def test_a_run_may_be_closed_twice() -> None:
    history = History(max_closed_runs=1)
    history.open_run(RunInfo("r", "n", 0.0))

    history.close_run("r", 1.0)
    history.close_run("r", 2.0)

    assert [run.ended_at for run in history.runs(9)] == [2.0]


def test_what_is_overdue_is_looked_for_only_when_something_is() -> None:
    clock = FakeClock()
    store = MemoryStore(clock, lease_s=30)
    books = MemoryBooks(History())
    for call_id in ("c1", "c2"):
        store.admit(scopes(100), call(call_id), request(call_id, 1))
        clock.advance(10)
    with store._books() as kept:
        opened = [kept.open_call(call_id) for call_id in ("c1", "c2")]
    for each in opened:
        assert each is not None
        books.enter(each)

    first = opened[0]
    assert first is not None
    assert books.overdue(first.expires_at) == [first]
    books.enter(replace(first, expires_at=float("inf")))
    assert books.overdue(first.expires_at) == []
    assert books.overdue(first.expires_at + 10) == opened[1:]


def test_the_notes_that_were_begun_first_are_forgotten() -> None:
    history = History()
    for number in range(MAX_NOTES + 1):
        history.note(["r"], "unrecognised", f"{number}.example")

    kept = history.notes("r")
    assert len(kept) == MAX_NOTES
    assert "0.example" not in {note.subject for note in kept}


def test_a_run_that_is_forgotten_takes_its_checkpoints_along():
    store = MemoryStore(FakeClock(), history=History(max_closed_runs=1))
    for run_id in ("one", "two"):
        store.open_run(RunInfo(run_id, "", 1.0))
        store.save(checkpoint(run_id, b"x", run_id=run_id), b"x")
        store.close_run(run_id, 2.0)

    assert store.checkpoints("one") == []
    assert store.load("two")[1] == b"x"


def test_a_run_that_is_forgotten_takes_its_results_along() -> None:
    store = MemoryStore(FakeClock(), history=History(max_closed_runs=1))
    for run_id in ("first", "second"):
        store.open_run(RunInfo(run_id, "", 0.0))
        store.result_log.keep(KeptResult(run_id, "", 0.0, b"x"), Checkpoints())
        store.close_run(run_id, 1.0)

    assert store.result_log.results("first") == []
    assert len(store.result_log.results("second")) == 1


def test_a_child_of_a_fork_has_no_results() -> None:
    store = MemoryStore(FakeClock())

    said = in_a_child(lambda: store.result_log.results("r"))

    assert said == "memory:// is not shared with child processes"
