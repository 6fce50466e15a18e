"""Notices that wait: bounded, tried twice, given up in time, and of one process."""

from __future__ import annotations

import logging
import os
import sys
import threading
from dataclasses import replace

import pytest

from hooks import NOTICE
from wflo_otel.core.policy import Notify
from wflo_otel.telemetry.notices.notice import Notice
from wflo_otel.telemetry.notices.outbox import BOUND, DeliveryError, Outbox

NOTIFY = Notify(webhook="http://localhost")


class Friend:
    """A channel that remembers; it fails so often, and waits while it is held."""

    name = "the friend"

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.tries: list[Notice] = []
        self.free = threading.Event()
        self.free.set()
        self.has_begun = threading.Event()

    def __call__(self, _: Notify) -> list[Friend]:
        return [self]

    def deliver(self, notice: Notice) -> None:
        self.tries.append(notice)
        self.has_begun.set()
        self.free.wait(10)
        if self.failures:
            raise self.failures.pop(0)

    def abandon(self) -> None:
        self.free.set()


def put(friend: Friend, count: int = 1) -> Outbox:
    outbox = Outbox(friend, pause_s=0)
    for number in range(count):
        outbox.put(replace(NOTICE, run_id=str(number)), NOTIFY)
    return outbox


def test_notices_are_delivered_in_their_order_by_the_time_it_is_closed() -> None:
    friend = Friend()

    assert put(friend, 3).close(10)

    assert [notice.run_id for notice in friend.tries] == ["0", "1", "2"]


def test_closing_an_outbox_that_nobody_used_starts_nothing() -> None:
    before = threading.active_count()

    assert Outbox(Friend()).close()

    assert threading.active_count() == before


def test_what_failed_is_tried_once_more(caplog: pytest.LogCaptureFixture) -> None:
    friend = Friend(DeliveryError("HTTP 500"))

    put(friend).close(10)

    assert len(friend.tries) == 2
    assert not caplog.records


@pytest.mark.parametrize("failure", [DeliveryError("HTTP 500"), ValueError("a secret")])
def test_what_fails_again_is_given_up_and_said_once(
    failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    friend = Friend(*[failure] * 4)

    put(friend, 3).close(10)

    assert len(friend.tries) == 5
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith("wflo: the friend could not be told (")
    assert "secret" not in caplog.text


def test_nobody_waits_for_a_channel_that_hangs_and_those_beyond_the_bound_are_dropped(
    caplog: pytest.LogCaptureFixture,
) -> None:
    friend = Friend()
    friend.free.clear()
    outbox = put(friend)
    assert friend.has_begun.wait(10)

    for _ in range(BOUND + 5):
        outbox.put(NOTICE, NOTIFY)

    assert [record.getMessage() for record in caplog.records] == [
        "wflo: notices are dropped: too many wait"
    ]
    friend.free.set()
    assert outbox.close(10)
    assert len(friend.tries) == 1 + BOUND


def test_the_end_does_not_wait_for_a_channel_that_hangs(caplog: pytest.LogCaptureFixture) -> None:
    friend = Friend(DeliveryError("killed"))
    friend.free.clear()
    outbox = put(friend, 2)
    assert friend.has_begun.wait(10)

    assert not outbox.close(0.01)

    assert friend.free.is_set()
    assert outbox._thread is not None
    outbox._thread.join(10)
    assert len(friend.tries) == 1
    assert "the friend was not told in time" in caplog.text


def test_a_closed_outbox_takes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    friend = Friend()
    outbox = put(friend)
    outbox.close(10)

    outbox.put(NOTICE, NOTIFY)

    assert outbox.close(10)
    assert len(friend.tries) == 1
    assert "notices are dropped: the program is ending" in caplog.text


def test_where_no_thread_can_be_started_nothing_waits_for_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread at interpreter shutdown")

    outbox = Outbox(Friend())
    monkeypatch.setattr(threading.Thread, "start", fail)

    with pytest.raises(RuntimeError):
        outbox.put(NOTICE, NOTIFY)

    assert outbox.close(0)


def test_a_forked_child_delivers_its_own_notices_and_none_of_its_parents() -> None:
    friend = Friend()
    friend.free.clear()
    outbox = put(friend, 2)
    assert friend.has_begun.wait(10)
    reading, writing = os.pipe()

    pid = os.fork()
    if not pid:
        friend.tries.clear()
        friend.free.set()
        outbox.put(replace(NOTICE, run_id="child"), NOTIFY)
        is_done = outbox.close(10)
        os.write(writing, f"{is_done} {[each.run_id for each in friend.tries]}".encode())
        os._exit(0)

    os.close(writing)
    with os.fdopen(reading) as said:
        assert said.read() == "True ['child']"
    os.waitpid(pid, 0)
    friend.free.set()
    assert outbox.close(10)
    assert [each.run_id for each in friend.tries] == ["0", "1"]


def test_by_default_the_policy_says_who_is_told() -> None:
    outbox = Outbox(pause_s=0)

    outbox.put(NOTICE, Notify(command=(sys.executable, "-c", "")))

    assert outbox.close(10)
