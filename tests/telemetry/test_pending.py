"""Measurements that wait for somebody to look."""

from __future__ import annotations

import os

import pytest

from telemetry_rig import RECORD, Rig
from wflo_otel.ports import Observation
from wflo_otel.telemetry.pending import BOUND, Pending


def test_a_measurement_waits_until_it_is_collected() -> None:
    recorded: list[int] = []
    pending = Pending()

    pending.add(lambda: recorded.append(1))
    assert recorded == []
    pending.record_all()

    assert recorded == [1]


def test_each_measurement_is_recorded_once_and_in_order() -> None:
    recorded: list[int] = []
    pending = Pending()
    for number in range(BOUND + 3):
        pending.add(lambda number=number: recorded.append(number))

    assert recorded == [0, 1, 2]
    pending.record_all()
    pending.record_all()

    assert recorded == list(range(BOUND + 3))


def test_one_that_fails_does_not_keep_the_next_from_being_recorded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    recorded: list[int] = []
    pending = Pending()
    pending.add(lambda: recorded.append(1 // 0))
    pending.add(lambda: recorded.append(2))

    pending.record_all()

    assert recorded == [2]


def test_a_queue_that_another_thread_has_emptied_is_no_failure() -> None:
    pending = Pending()
    pending.add(pending.clear)
    pending.add(pending.clear)

    pending.record_all()

    assert pending.is_empty


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_what_waited_at_a_fork_is_recorded_by_the_parent_alone() -> None:
    rig = Rig()
    rig.telemetry.settled(RECORD, Observation())

    child = os.fork()
    if child == 0:
        os._exit(1 if "wflo.cost" in rig.metrics() else 0)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert rig.value("wflo.cost") == 1.25
