"""Any order of operations, on both stores beside a plain model: equal answers, nothing lost."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from effort import times
from made_calls import TOKEN, call, caller, charge, request, scopes
from wflo_otel.core.decision import Granted
from wflo_otel.core.ledger import Amount
from wflo_otel.stores.memory import MemoryStore
from wflo_otel.stores.sqlite import SqliteStore
from wflo_otel.testing import FakeClock

LEASE_S = 30.0
LIMIT = 100
ids = st.sampled_from([f"c{number}" for number in range(6)])
runs = st.sampled_from(["r1", "r2"])
tokens = st.integers(1, 60)


@dataclass
class Model:
    """What is charged and what is open, in tokens, with the run it is for."""

    charged: dict[str, tuple[str, int]] = field(default_factory=dict)
    reserved: dict[str, tuple[str, int, float]] = field(default_factory=dict)
    responses: set[str] = field(default_factory=set)

    def settled(self, run_id: str, now: float) -> int:
        final = sum(used for run, used in self.charged.values() if run == run_id)
        dead = sum(
            held for run, held, until in self.reserved.values() if run == run_id and until <= now
        )
        return final + dead

    def pending(self, run_id: str, now: float) -> int:
        return sum(
            held for run, held, until in self.reserved.values() if run == run_id and until > now
        )


class BothStores(RuleBasedStateMachine):
    """Each operation goes to both stores; the model says what must have become of it."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.folder = tempfile.mkdtemp()
        self.memory = MemoryStore(self.clock, lease_s=LEASE_S)
        self.sqlite = SqliteStore(Path(self.folder) / "state.db", self.clock, lease_s=LEASE_S)
        self.model = Model()

    def teardown(self) -> None:
        for call_id, (run_id, _, _) in list(self.model.reserved.items()):
            self.settle(call_id, run_id, 1)
        for view in self.both("ledgers"):
            assert (view.pending.usd, view.open_calls, view.flagged) == (0, 0, Amount())
        self.sqlite.close()
        shutil.rmtree(self.folder)

    def both(self, operation: str, *arguments: Any) -> Any:
        first = getattr(self.memory, operation)(*arguments)
        second = getattr(self.sqlite, operation)(*arguments)
        assert first == second
        return first

    def until(self) -> float:
        return self.clock.time() + LEASE_S

    @rule(call_id=ids, run_id=runs, most=tokens)
    def admit(self, call_id: str, run_id: str, most: int) -> None:
        held = self.model.reserved.get(call_id)
        answer = self.both(
            "admit",
            scopes(LIMIT, run_id=run_id, agent_limit=80),
            call(call_id, caller(run_id), owner=call_id),
            request(call_id, most, owner=call_id),
        )
        if isinstance(answer, Granted):
            self.model.reserved[call_id] = (run_id, most, self.until())
            now = self.clock.time()
            if call_id not in self.model.charged:
                assert self.model.settled(run_id, now) + self.model.pending(run_id, now) <= LIMIT
        elif held is not None:
            self.model.reserved[call_id] = (held[0], held[1], self.until())

    @rule(call_id=ids, more=tokens)
    def grow(self, call_id: str, more: int) -> None:
        added = self.both("grow", call_id, Amount(usd=more * TOKEN))
        held = self.model.reserved.get(call_id)
        if held is None:
            assert added == Amount()
            return
        self.model.reserved[call_id] = (held[0], held[1] + added.usd // TOKEN, self.until())

    @rule(call_id=ids, run_id=runs, used=tokens)
    def settle(self, call_id: str, run_id: str, used: int) -> None:
        made = charge(call_id, used, who=caller(run_id), response=f"resp-{call_id}")
        where = scopes(LIMIT, run_id=run_id, agent_limit=80)
        settled = self.both("settle", where, made)
        assert settled.charged == (call_id not in self.model.charged)
        self.model.reserved.pop(call_id, None)
        if settled.charged:
            self.model.responses.add(f"resp-{call_id}")
            self.model.charged[call_id] = (run_id, used)

    @rule(call_id=ids, of=ids, run_id=runs, used=tokens)
    def fetch_again(self, call_id: str, of: str, run_id: str, used: int) -> None:
        response = f"resp-{of}"
        made = charge(call_id, used, who=caller(run_id), response=response, only_once=True)
        settled = self.both("settle", scopes(LIMIT, run_id=run_id, agent_limit=80), made)
        free = response in self.model.responses or call_id in self.model.charged
        assert settled.charged == (not free)
        self.model.reserved.pop(call_id, None)
        if not free:
            self.model.responses.add(response)
            self.model.charged[call_id] = (run_id, used)

    @rule(call_id=ids)
    def void(self, call_id: str) -> None:
        self.both("void", call_id)
        self.model.reserved.pop(call_id, None)

    @rule(call_id=ids)
    def leave(self, call_id: str) -> None:
        self.both("leave", call_id)

    @rule(call_ids=st.lists(ids, max_size=3))
    def renew(self, call_ids: list[str]) -> None:
        self.both("renew", call_ids)
        for call_id in call_ids:
            if (held := self.model.reserved.get(call_id)) is not None:
                self.model.reserved[call_id] = (held[0], held[1], self.until())

    @rule(seconds=st.sampled_from([1.0, 6.0, LEASE_S - 1, LEASE_S]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(run_id=runs)
    def reset(self, run_id: str) -> None:
        self.both("reset", f"run:{run_id}")

    @invariant()
    def nothing_is_lost(self) -> None:
        now = self.clock.time()
        views = {view.key: view for view in self.both("ledgers")}
        for run_id in ("r1", "r2"):
            for key in (f"run:{run_id}", f"run:{run_id}/agent:a"):
                settled, pending = (
                    (views[key].settled.usd, views[key].pending.usd) if key in views else (0, 0)
                )
                assert settled == self.model.settled(run_id, now) * TOKEN
                assert pending == self.model.pending(run_id, now) * TOKEN

    @invariant()
    def records_agree_with_the_charges(self) -> None:
        for run_id in ("r1", "r2"):
            kept = {each.call_id: each.cost for each in self.both("records", run_id)}
            final = {
                call_id: used * TOKEN
                for call_id, (run, used) in self.model.charged.items()
                if run == run_id
            }
            dead = {
                call_id: held * TOKEN
                for call_id, (run, held, until) in self.model.reserved.items()
                if run == run_id
                and until <= self.clock.time()
                and call_id not in self.model.charged
            }
            assert kept == final | dead


TestBothStores = pytest.mark.slow(BothStores.TestCase)
TestBothStores.settings = settings(
    max_examples=times(50, 1_000), stateful_step_count=30, deadline=None
)
