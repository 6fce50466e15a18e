"""The contract of Runs, for every store."""

from __future__ import annotations

from dataclasses import replace

from made_calls import caller, charge, record, scopes
from wflo_otel.core.call import Operation
from wflo_otel.ports import Note, PolicyState, RunInfo, Runs


class Store(PolicyState, Runs):
    """What the tests here use of a store."""


def test_runs_are_listed_newest_first(store: Store) -> None:
    for number, run_id in enumerate(["one", "two", "three"]):
        store.open_run(RunInfo(run_id, "n", float(number)))

    assert [run.run_id for run in store.runs()] == ["three", "two", "one"]
    assert [run.run_id for run in store.runs(limit=2)] == ["three", "two"]


def test_of_runs_that_began_at_one_time_the_last_opened_comes_first(store: Store) -> None:
    store.open_run(RunInfo("one", "n", 1.0))
    store.open_run(RunInfo("two", "n", 1.0))

    assert [run.run_id for run in store.runs()] == ["two", "one"]


def test_a_run_that_exists_is_joined_unchanged(store: Store) -> None:
    first = RunInfo("r", "first", 1.0, parent="p")
    store.open_run(first)

    store.open_run(RunInfo("r", "second", 2.0))

    assert store.runs() == [first]


def test_a_closed_run_says_when(store: Store) -> None:
    store.open_run(RunInfo("r", "n", 1.0))

    store.close_run("r", 9.0)

    assert store.runs() == [RunInfo("r", "n", 1.0, ended_at=9.0)]


def test_closing_a_run_nobody_opened_changes_nothing(store: Store) -> None:
    store.close_run("nobody", 9.0)

    assert store.runs() == []


def test_calls_come_in_the_order_they_ended(store: Store) -> None:
    for call_id, ended_at in (("late", 3.0), ("early", 1.0), ("middle", 2.0), ("also", 2.0)):
        store.record(record(call_id, 1, ended_at=ended_at))

    assert [each.call_id for each in store.records("r")] == ["early", "middle", "also", "late"]


def test_a_run_shows_the_calls_of_its_child_runs(store: Store) -> None:
    store.record(record("outer", 1, caller("parent")))
    store.record(record("inner", 1, caller("child", parents=("root", "parent"))))

    assert [each.call_id for each in store.records("parent")] == ["outer", "inner"]
    assert [each.call_id for each in store.records("child")] == ["inner"]
    assert [each.call_id for each in store.records("root")] == ["inner"]


def test_recording_twice_keeps_the_first(store: Store) -> None:
    store.record(record("c1", 1))
    store.record(record("c1", 2))

    assert store.records("r") == [record("c1", 1)]


def test_a_note_does_not_replace_a_charge(store: Store) -> None:
    store.settle(scopes(100), charge("c1", 5))

    store.record(replace(record("c1", 1), operation=Operation.EXECUTE_TOOL))

    assert store.records("r") == [record("c1", 5)]


def test_a_charge_replaces_a_note_also_in_the_runs_that_show_it(store: Store) -> None:
    store.record(record("c1", 1, caller("elsewhere")))

    assert store.settle(scopes(100), charge("c1", 5)).charged

    assert store.records("r") == [record("c1", 5)]
    assert store.records("elsewhere") == []


def test_notes_are_counted_in_each_run_and_listed_most_often_first(store: Store) -> None:
    store.note(["parent", "r"], "unrecognised", "b.example/x")
    store.note(["r"], "unrecognised", "a.example/x")
    store.note(["r"], "refused", "waited")
    store.note(["r"], "refused", "waited")

    assert store.notes("r") == [
        Note("refused", "waited", 2),
        Note("unrecognised", "a.example/x", 1),
        Note("unrecognised", "b.example/x", 1),
    ]
    assert store.notes("parent") == [Note("unrecognised", "b.example/x", 1)]
    assert store.notes("nobody") == []
