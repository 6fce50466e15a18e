"""How late telemetry may make a program end."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable, Iterator

import pytest

from wflo_otel.telemetry.closing import Closer

Make = Callable[..., Closer]


class Told:
    """What a closer did."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.released = threading.Event()

    def closes(self) -> None:
        self.done.append("closed")

    def hangs(self) -> None:
        self.released.wait(10)
        self.done.append("closed at last")

    def fails(self) -> None:
        raise ConnectionError("gone")

    def abandons(self) -> None:
        self.done.append("abandoned")
        self.released.set()

    def is_late(self) -> None:
        self.done.append("late")


@pytest.fixture
def made() -> Iterator[Make]:
    all_made: list[Closer] = []

    def make(*args: object) -> Closer:
        all_made.append(Closer(*args))  # type: ignore[arg-type]
        return all_made[-1]

    yield make
    for each in all_made:
        each.close(1.0)
        atexit.unregister(each.close)


def test_everything_is_closed_in_time(made: Make) -> None:
    told = Told()
    closer = made([told.closes, told.closes], [told.abandons], told.is_late)

    assert closer.close() is True
    assert told.done == ["closed", "closed"]


def test_what_hangs_is_abandoned_and_said(made: Make) -> None:
    told = Told()
    closer = made([told.hangs], [told.abandons], told.is_late)

    assert closer.close(0.01) is False
    assert told.done[:2] == ["late", "abandoned"]


def test_closing_twice_closes_once(made: Make) -> None:
    told = Told()
    closer = made([told.closes], [told.abandons], told.is_late)

    closer.close()

    assert closer.close() is True
    assert told.done == ["closed"]


def test_one_that_fails_does_not_keep_the_next_from_closing(
    made: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    told = Told()
    closer = made([told.fails, told.closes], [], told.is_late)

    assert closer.close() is True
    assert told.done == ["closed"]


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_closes_what_it_has(made: Make) -> None:
    told = Told()
    closer = made([told.closes], [], told.is_late)

    child = os.fork()
    if child == 0:
        os._exit(0 if closer.close() and told.done == ["closed"] else 1)

    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert told.done == []
