"""Whatever happens in whatever order: the circuit does what a plain list of calls says."""

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from effort import times
from wflo_otel.core import breaker
from wflo_otel.core.breaker import Circuit, Component, Seen, Verdict
from wflo_otel.core.decision import CircuitOpen, Phase
from wflo_otel.core.policy import Breaker

OPTIONS = Breaker(
    error_threshold=0.6,
    min_calls=5,
    consecutive_failures=3,
    window_s=10,
    cooldown_s=8,
    max_cooldown_s=40,
    token_budget=500,
    half_open_calls=2,
)
COMPONENT = Component("c", OPTIONS)


class Model:
    """The same breaker, told as a story: every call is kept, nothing is summed up before."""

    def __init__(self):
        self.phase, self.until, self.trips, self.closed_at = "closed", 0.0, 0, 0.0
        self.era, self.calls, self.tokens = 0, [], []
        self.on_trial, self.passed, self.row = set(), 0, 0

    def may_enter(self, now):
        if self.phase == "open":
            return now >= self.until
        if self.phase == "half_open":
            return len(self.on_trial) + self.passed < 2
        return self.phase == "closed"

    def enter(self, call, now):
        if self.phase == "open":
            self.phase, self.era, self.on_trial, self.passed = "half_open", self.era + 1, set(), 0
        if self.phase == "half_open":
            self.on_trial.add(call)
        return self.era

    def end(self, call, era, is_bad, tokens, now):
        self.on_trial.discard(call)
        self.tokens.append((now, tokens))
        if era != self.era:
            return
        if self.phase == "half_open":
            if is_bad is None:
                return
            if is_bad:
                self.trip(now)
                return
            self.passed += 1
            if self.passed == 2:
                self.phase, self.era, self.closed_at = "closed", self.era + 1, now
                self.calls, self.tokens, self.row, self.passed = [], [], 0, 0
            return
        if self.phase != "closed":
            return
        if is_bad is not None:
            self.calls.append((now, is_bad))
            self.row = self.row + 1 if is_bad else 0
        recent = [bad for at, bad in self.calls if self.is_recent(at, now)]
        spent = sum(tokens for at, tokens in self.tokens if self.is_recent(at, now))
        too_many = len(recent) >= 5 and sum(recent) >= 0.6 * len(recent)
        if self.row >= 3 or too_many or spent >= 500:
            self.trip(now)

    def trip(self, now):
        if self.phase == "closed" and now - self.closed_at >= 40:
            self.trips = 0
        self.until = now + min(8 * 2**self.trips, 40)
        self.trips += 1
        self.phase, self.era, self.on_trial, self.passed, self.row = (
            "open",
            self.era + 1,
            set(),
            0,
            0,
        )
        self.calls = []

    @staticmethod
    def is_recent(at, now):
        return int(at) > int(now) - 10


class BreakerMachine(RuleBasedStateMachine):
    """Calls enter, end late or early, and time passes in whole slices."""

    entered = Bundle("entered")

    def __init__(self):
        super().__init__()
        self.circuit, self.model, self.now, self.count = Circuit("c"), Model(), 100.0, 0

    @rule(target=entered)
    def call(self):
        refused = breaker.blocked(self.circuit, COMPONENT, self.now)
        assert (refused is None) == self.model.may_enter(self.now)
        if isinstance(refused, CircuitOpen):
            assert refused.retry_after_s > 0
            return None
        self.count += 1
        stamp, _ = breaker.enter(self.circuit, COMPONENT, f"c{self.count}", self.now)
        era = self.model.enter(f"c{self.count}", self.now)
        return stamp, f"c{self.count}", era

    @rule(
        entered=consumes(entered),
        verdict=st.sampled_from(Verdict),
        tokens=st.integers(0, 120),
    )
    def end(self, entered, verdict, tokens):
        if entered is None:
            return
        stamp, call_id, era = entered
        seen = Seen(verdict, tokens=tokens)
        breaker.settle(self.circuit, OPTIONS, stamp, call_id, seen, self.now)
        is_bad = None if verdict is Verdict.NONE else verdict is Verdict.BAD
        self.model.end(call_id, era, is_bad, tokens, self.now)

    @rule(seconds=st.integers(1, 15))
    def time_passes(self, seconds):
        self.now += seconds

    @invariant()
    def both_stand_at_the_same_place(self):
        assert self.circuit.phase == self.model.phase
        assert set(self.circuit.probes) == self.model.on_trial
        if self.circuit.phase is Phase.OPEN:
            assert self.circuit.until == self.model.until

    @invariant()
    def probes_never_exceed_what_is_allowed(self):
        assert len(self.circuit.probes) + self.circuit.passed <= OPTIONS.half_open_calls


TestBreakerMachine = BreakerMachine.TestCase
TestBreakerMachine.settings = settings(
    max_examples=times(150, 3_000), stateful_step_count=40, deadline=None
)
