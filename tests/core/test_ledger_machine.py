"""Whatever happens in whatever order: the ceiling holds and nothing is lost."""

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from effort import times
from wflo_otel.core.admission import Need, Reserve, grow, reserve
from wflo_otel.core.decision import Granted
from wflo_otel.core.ledger import ZERO, Amount, Ledger
from wflo_otel.core.policy import Budget, OnExceeded

RUN = Budget(usd=10_000, tokens=2_000, on_exceeded=OnExceeded.REFUSE)
AGENT = Budget(usd=4_000, calls=12, on_exceeded=OnExceeded.REFUSE)


class LedgerMachine(RuleBasedStateMachine):
    """Two nested scopes; every settle reports at most ``missed`` more than was reserved."""

    open_calls = Bundle("open_calls")

    def __init__(self):
        super().__init__()
        self.run, self.agent = Ledger("run"), Ledger("agent")
        self.now, self.count, self.missed = 0.0, 0, ZERO
        self.reserved: dict[str, Amount] = {}
        self.charged: dict[str, Amount] = {}

    @property
    def ledgers(self):
        return [self.run, self.agent]

    @rule(
        target=open_calls,
        input_usd=st.integers(0, 500),
        cap=st.integers(0, 300),
        life=st.integers(1, 20),
        owner=st.sampled_from(["", "a", "b"]),
    )
    def admit(self, input_usd, cap, life, owner):
        self.count += 1
        call_id = f"call-{self.count}"
        request = Reserve(
            call_id, Need(input_usd * 1_000, 10_000, input_usd // 4, cap), owner, self.now + life
        )
        answer = reserve([(self.run, RUN), (self.agent, AGENT)], request, self.now)
        self.expire()
        if isinstance(answer, Granted):
            self.reserved[call_id] = Amount(answer.usd, answer.tokens, 1)
            for ledger in self.ledgers:
                for unit, limit in ledger.limits.items():
                    excused = self.missed.of(unit)
                    assert ledger.settled.of(unit) + ledger.pending.of(unit) <= limit + excused
        return call_id

    @rule(call_id=open_calls, usd=st.integers(0, 900))
    def grow(self, call_id, usd):
        added = grow(self.ledgers, call_id, Amount(usd=usd), self.now)
        self.expire()
        if added != ZERO:
            self.reserved[call_id] += added

    @rule(call_id=consumes(open_calls), share=st.floats(0, 1), missed=st.integers(0, 50))
    def settle(self, call_id, share, missed):
        held = self.reserved.pop(call_id, None)
        if held is None and call_id not in self.charged:
            return
        amount = held or self.charged[call_id]
        used = Amount(int(amount.usd * share) + missed, int(amount.tokens * share), 1)
        self.missed += Amount(usd=missed)
        self.charged[call_id] = used
        for ledger in self.ledgers:
            ledger.settle(call_id, used)

    @rule(call_id=consumes(open_calls))
    def void(self, call_id):
        if self.reserved.pop(call_id, None) is not None:
            for ledger in self.ledgers:
                ledger.release(call_id)

    @rule(seconds=st.integers(1, 10))
    def time_passes(self, seconds):
        self.now += seconds
        for ledger in self.ledgers:
            ledger.expire(self.now)
        self.expire()

    def expire(self):
        for call_id in [c for c in self.reserved if c not in self.run.reservations]:
            self.charged[call_id] = self.reserved.pop(call_id)

    @invariant()
    def nothing_is_lost(self):
        for ledger in self.ledgers:
            assert ledger.settled == sum(self.charged.values(), ZERO)
            assert ledger.pending == sum(self.reserved.values(), ZERO)

    @invariant()
    def the_ceiling_holds(self):
        for ledger in self.ledgers:
            for unit, limit in ledger.limits.items():
                assert ledger.settled.of(unit) <= limit + self.missed.of(unit)

    def teardown(self):
        for call_id in list(self.reserved):
            for ledger in self.ledgers:
                ledger.settle(call_id, self.reserved[call_id])
        for ledger in self.ledgers:
            assert ledger.pending == ZERO
            assert ledger.reservations == {}


TestLedgerMachine = pytest.mark.slow(LedgerMachine.TestCase)
TestLedgerMachine.settings = settings(
    max_examples=times(150, 3_000), stateful_step_count=40, deadline=None
)
