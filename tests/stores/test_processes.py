"""Several processes on one state file, and what is left of one that was killed."""

from __future__ import annotations

import multiprocessing
import signal
import sys
from pathlib import Path

from made_calls import TOKEN, amount, call, charge, request, scopes
from wflo_otel.clock import SystemClock
from wflo_otel.core.breaker import Component, Seen, Verdict
from wflo_otel.core.decision import Granted
from wflo_otel.core.ledger import ZERO
from wflo_otel.core.policy import Breaker
from wflo_otel.ports import Ended
from wflo_otel.stores.sqlite import SqliteStore
from wflo_otel.testing import FakeClock

LIMIT = 1_000
processes = multiprocessing.get_context("spawn")


def hammer(path: Path, name: int, search: list[str]) -> None:
    """Reserve 10 and use 7, forty times; end with an error if the limit is ever passed."""
    sys.path[:] = search
    store = SqliteStore(path, SystemClock())
    for turn in range(40):
        call_id = f"{name}-{turn}"
        if isinstance(store.admit(scopes(LIMIT), call(call_id), request(call_id, 10)), Granted):
            view = store.ledgers("run:r")[0]
            assert view.settled.usd + view.pending.usd <= LIMIT * TOKEN
            store.settle(scopes(LIMIT), charge(call_id, 7))
        else:
            store.leave(call_id)
    store.close()


BREAKER = Component("provider:openai", Breaker(consecutive_failures=1, half_open_calls=3))


def enter(store: SqliteStore, call_id: str) -> bool:
    asked = request(call_id, 0)
    return isinstance(store.admit((), call(call_id), asked, (BREAKER,)), Granted)


def probe(path: Path, name: int, search: list[str], entered: Path) -> None:
    """Ask forty times at once with others; leave a mark for each call that was let in."""
    sys.path[:] = search
    store = SqliteStore(path, FakeClock(SystemClock().time() + 3_600))
    for turn in range(40):
        if enter(store, f"{name}-{turn}"):
            (entered / f"{name}-{turn}").touch()
    store.close()


def hold(path: Path, search: list[str]) -> None:
    """Reserve, and die without a word."""
    sys.path[:] = search
    store = SqliteStore(path, SystemClock())
    store.admit(scopes(100), call("held"), request("held", 60))
    store.settle(scopes(100), charge("spent", 30))
    signal.raise_signal(signal.SIGKILL)


def test_four_processes_never_pass_the_limit_and_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    workers = [processes.Process(target=hammer, args=(path, name, sys.path)) for name in range(4)]

    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    store = SqliteStore(path, SystemClock())
    view = store.ledgers("run:r")[0]
    kept = store.records("r")
    store.close()
    assert [worker.exitcode for worker in workers] == [0, 0, 0, 0]
    assert (view.pending, view.open_calls, view.flagged) == (ZERO, 0, ZERO)
    assert view.settled == sum((amount(7) for _ in kept), ZERO)
    assert LIMIT - 50 < 7 * len(kept) <= LIMIT


def test_four_processes_let_in_exactly_the_probes_that_are_allowed(tmp_path: Path) -> None:
    path, entered = tmp_path / "state.db", tmp_path / "entered"
    entered.mkdir()
    store = SqliteStore(path, SystemClock())
    enter(store, "failing")
    store.void("failing", Ended((BREAKER,), Seen(Verdict.BAD)))

    # Open is seen by another process with its very next call.
    other = SqliteStore(path, SystemClock())
    assert not enter(other, "other")
    workers = [
        processes.Process(target=probe, args=(path, name, sys.path, entered)) for name in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert [worker.exitcode for worker in workers] == [0, 0, 0, 0]
    assert len(list(entered.iterdir())) == 3
    other.close()
    store.close()


def test_what_a_killed_process_had_spent_stays_and_what_it_held_is_charged_until_it_is_settled(
    tmp_path: Path,
) -> None:
    path = tmp_path / "state.db"
    worker = processes.Process(target=hold, args=(path, sys.path))
    worker.start()
    worker.join()
    assert worker.exitcode == -signal.SIGKILL
    clock = FakeClock(SystemClock().time())
    store = SqliteStore(path, clock)
    alive = store.ledgers("run:r")[0]

    clock.advance(store.lease_s)
    dead = store.ledgers("run:r")[0]
    store.settle(scopes(100), charge("held", 25))
    late = store.ledgers("run:r")[0]
    kept = {each.call_id: (each.status.value, each.cost) for each in store.records("r")}
    store.close()

    spent = amount(30)
    assert (alive.settled, alive.pending) == (spent, amount(60))
    assert (dead.settled, dead.pending, dead.flagged) == (spent + amount(60), ZERO, amount(60))
    assert (late.settled, late.flagged) == (spent + amount(25), ZERO)
    assert kept == {"spent": ("ok", 30 * TOKEN), "held": ("ok", 25 * TOKEN)}
