"""The program as a child: each signal once, its exit code as shells give it."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

import pytest

from wflo_otel.cli.supervise import Signals, supervise

READY = "import signal, sys, time; "


@pytest.fixture(autouse=True)
def _signals_as_before():
    before = {each: signal.getsignal(each) for each in (signal.SIGCHLD, signal.SIGHUP)}
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


def run(code: str, tick=lambda: None) -> int:
    return supervise([sys.executable, "-S", "-c", code], dict(os.environ), tick)


def send_to_self_when(path, *numbers: int) -> threading.Thread:
    def work() -> None:
        while not path.exists():
            time.sleep(0.01)
        for number in numbers:
            os.kill(os.getpid(), number)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def waiting(path, handler: str) -> str:
    return (
        f"import pathlib, signal, sys, time; {handler}; pathlib.Path({str(path)!r}).touch(); "
        "time.sleep(30)"
    )


def test_the_exit_code_is_handed_on():
    assert run("raise SystemExit(9)") == 9


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGINT])
def test_a_signal_from_a_process_reaches_the_program(tmp_path, number):
    ready = tmp_path / "ready"
    sender = send_to_self_when(ready, number)

    code = run(waiting(ready, f"signal.signal({int(number)}, lambda *_: sys.exit(40))"))

    sender.join()
    assert code == 40


def test_a_program_that_a_signal_ends_gives_128_and_its_number(tmp_path):
    ready = tmp_path / "ready"
    sender = send_to_self_when(ready, signal.SIGTERM)

    code = run(waiting(ready, "pass"))

    sender.join()
    assert code == 128 + signal.SIGTERM


def test_there_is_something_to_do_while_it_runs():
    ticks = []

    run("import time; time.sleep(0.6)", lambda: ticks.append(1))

    assert len(ticks) >= 2


def test_an_exit_code_is_not_lost_where_children_are_ignored():
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)

    assert run("raise SystemExit(9)") == 9


def test_a_signal_that_is_ignored_stays_ignored_in_the_program():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        code = run("import signal; raise SystemExit(int(signal.getsignal(signal.SIGHUP)))")
    finally:
        signal.signal(signal.SIGHUP, before)

    assert code == int(signal.SIG_IGN)


def test_no_signal_is_blocked_in_the_program_or_afterwards():
    code = run("import signal; raise SystemExit(len(signal.pthread_sigmask(signal.SIG_BLOCK, [])))")

    assert code == 0
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == set()


def test_handlers_are_as_before_afterwards():
    before = signal.getsignal(signal.SIGTERM)

    run("pass")

    assert signal.getsignal(signal.SIGTERM) is before


class NoTimedWait:
    """The ``signal`` module of a system that cannot wait for signals."""

    def __getattr__(self, name: str) -> object:
        if name == "sigtimedwait":
            raise AttributeError(name)
        return getattr(signal, name)


@pytest.fixture
def without_timed_wait(monkeypatch):
    monkeypatch.setattr("wflo_otel.cli.supervise.signal", NoTimedWait())


@pytest.mark.usefixtures("without_timed_wait")
def test_where_signals_cannot_be_waited_for_they_are_passed_on_too(tmp_path):
    ready = tmp_path / "ready"
    sender = send_to_self_when(ready, signal.SIGTERM)

    code = run(waiting(ready, "signal.signal(15, lambda *_: sys.exit(40))"))

    sender.join()
    assert code == 40


@pytest.mark.usefixtures("without_timed_wait")
@pytest.mark.parametrize(("foreground", "passed_on"), [(True, []), (False, [signal.SIGINT])])
def test_there_an_interrupt_in_the_foreground_counts_as_typed(monkeypatch, foreground, passed_on):
    monkeypatch.setattr("wflo_otel.cli.supervise._is_in_foreground", lambda: foreground)

    with Signals() as signals:
        os.kill(os.getpid(), signal.SIGINT)
        found = list(signals._arrived)

    assert found == passed_on
