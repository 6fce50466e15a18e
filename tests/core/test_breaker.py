"""A circuit breaker: when it opens, whom it lets in, what closes it."""

from __future__ import annotations

import pytest

from wflo_otel.core import breaker
from wflo_otel.core.breaker import Circuit, Component, Seen, Stamp, Verdict, components_of
from wflo_otel.core.call import Ask, Operation, Outcome, Status
from wflo_otel.core.decision import CircuitOpen, Phase, Transition
from wflo_otel.core.policy import Breaker
from wflo_otel.core.scope import Caller

KEY = "provider:openai"
NOW = 1_000.0
GOOD, BAD, NONE = Seen(Verdict.GOOD), Seen(Verdict.BAD), Seen(Verdict.NONE)


class Bench:
    """One circuit and its clock."""

    def __init__(self, *, is_around: bool = False, **options: object) -> None:
        self.options = Breaker(**options)
        self.component = Component(KEY, self.options, is_around)
        self.circuit, self.now, self.calls = Circuit(KEY), NOW, 0
        self.moves: list[Transition] = []

    def enter(self) -> tuple[Stamp, str] | CircuitOpen:
        refused = breaker.blocked(self.circuit, self.component, self.now)
        if refused is not None:
            return refused
        self.calls += 1
        call_id = f"c{self.calls}"
        stamp, moved = breaker.enter(self.circuit, self.component, call_id, self.now)
        self.moves += [moved] if moved else []
        return stamp, call_id

    def end(self, entered: tuple[Stamp, str], seen: Seen) -> None:
        moved = breaker.settle(self.circuit, self.options, *entered, seen, self.now)
        self.moves += [moved] if moved else []

    def call(self, seen: Seen) -> CircuitOpen | None:
        entered = self.enter()
        if isinstance(entered, CircuitOpen):
            return entered
        self.end(entered, seen)
        return None

    def opened(self) -> Bench:
        while self.circuit.phase is Phase.CLOSED:
            self.call(BAD)
        return self


# -- opening ----------------------------------------------------------------------------------


def test_failures_in_a_row_open_it() -> None:
    bench = Bench(consecutive_failures=3)

    assert [bench.call(BAD) for _ in range(3)] == [None] * 3

    assert bench.call(GOOD) == CircuitOpen(KEY, "consecutive_failures", 30.0)
    assert bench.moves == [
        Transition(KEY, Phase.CLOSED, Phase.OPEN, "consecutive_failures", NOW + 30)
    ]


def test_a_success_in_between_starts_the_row_anew() -> None:
    bench = Bench(consecutive_failures=3)

    for seen in (BAD, BAD, GOOD, BAD, BAD):
        bench.call(seen)

    assert bench.circuit.phase is Phase.CLOSED


def test_a_share_of_failures_opens_it_once_there_are_enough_calls() -> None:
    bench = Bench(error_threshold=0.5, min_calls=4, consecutive_failures=99)

    bench.call(BAD)
    bench.call(BAD)
    bench.call(GOOD)
    assert bench.circuit.phase is Phase.CLOSED

    bench.call(GOOD)
    assert bench.circuit.reason == "error_rate"


def test_failures_beyond_the_window_are_forgotten() -> None:
    bench = Bench(error_threshold=0.5, min_calls=4, consecutive_failures=99, window_s=60)
    bench.call(BAD)
    bench.call(BAD)

    bench.now += 66
    for seen in (BAD, GOOD, GOOD, GOOD):
        bench.call(seen)

    assert bench.circuit.phase is Phase.CLOSED
    assert bench.circuit.tally(bench.options, bench.now).calls == 4


def test_the_window_keeps_a_bounded_number_of_slices() -> None:
    bench = Bench(window_s=10)

    for _ in range(1_000):
        bench.now += 0.7
        bench.call(GOOD)

    assert len(bench.circuit.slices) <= breaker.SLICES


def test_a_share_of_slow_calls_opens_it() -> None:
    bench = Bench(slow_call_s=2.0, slow_threshold=0.5, min_calls=2)

    bench.call(Seen(Verdict.GOOD, duration_s=1.9))
    bench.call(Seen(Verdict.GOOD, duration_s=2.0))

    assert bench.circuit.reason == "slow_calls"


@pytest.mark.parametrize(
    ("options", "seen", "reason"),
    [
        ({"token_budget": 100}, Seen(Verdict.GOOD, tokens=50), "tokens"),
        ({"usd_budget": 1_000}, Seen(Verdict.GOOD, usd=500), "usd"),
    ],
)
def test_tokens_and_money_in_the_window_open_it(
    options: dict[str, int], seen: Seen, reason: str
) -> None:
    bench = Bench(**options)

    bench.call(seen)
    assert bench.circuit.phase is Phase.CLOSED

    bench.call(seen)
    assert bench.circuit.reason == reason


def test_calls_inside_a_function_count_what_they_spend_and_not_how_they_end() -> None:
    bench = Bench(is_around=True, consecutive_failures=1, token_budget=100)

    bench.call(Seen(Verdict.BAD, tokens=99))
    assert bench.circuit.phase is Phase.CLOSED

    bench.call(Seen(Verdict.GOOD, tokens=1))
    assert bench.circuit.reason == "tokens"
    assert isinstance(bench.enter(), CircuitOpen)


def test_what_says_nothing_of_the_component_is_not_counted() -> None:
    bench = Bench(consecutive_failures=1, min_calls=1)

    bench.call(NONE)

    assert bench.circuit.phase is Phase.CLOSED
    assert bench.circuit.tally(bench.options, bench.now).calls == 0


# -- open, half-open, closed ------------------------------------------------------------------


def test_while_it_is_open_it_says_when_to_ask_again() -> None:
    bench = Bench(cooldown_s=30).opened()

    bench.now += 10

    assert bench.enter() == CircuitOpen(KEY, "consecutive_failures", 20.0)


def test_after_the_cooldown_it_lets_in_so_many_probes_and_no_more() -> None:
    bench = Bench(cooldown_s=30, half_open_calls=2).opened()
    bench.now += 30

    first, second, third = bench.enter(), bench.enter(), bench.enter()

    assert isinstance(first, tuple)
    assert isinstance(second, tuple)
    assert third == CircuitOpen(KEY, "consecutive_failures", breaker.ASK_AGAIN_S)
    bench.end(first, GOOD)
    assert isinstance(bench.enter(), CircuitOpen)  # one has passed, one is under way


def test_it_closes_when_all_probes_have_passed() -> None:
    bench = Bench(cooldown_s=30, half_open_calls=2).opened()
    bench.now += 30

    bench.call(GOOD)
    assert bench.circuit.phase is Phase.HALF_OPEN
    bench.call(GOOD)

    assert bench.circuit.phase is Phase.CLOSED
    assert [move.reason for move in bench.moves[1:]] == ["cooled_down", "probes_passed"]
    assert bench.circuit.slices == {}


@pytest.mark.parametrize("seen", [BAD, Seen(Verdict.GOOD, duration_s=9.0)])
def test_a_probe_that_fails_or_dawdles_opens_it_again_for_twice_as_long(seen: Seen) -> None:
    bench = Bench(cooldown_s=30, slow_call_s=5.0).opened()
    bench.now += 30

    bench.call(seen)

    assert bench.circuit.reason == "probe_failed"
    assert bench.circuit.until == bench.now + 60


def test_the_cooldown_stops_growing_at_its_maximum() -> None:
    bench = Bench(cooldown_s=30, max_cooldown_s=100).opened()

    for _ in range(5):
        bench.now = bench.circuit.until
        bench.call(BAD)

    assert bench.circuit.until == bench.now + 100


def test_a_maximum_below_the_cooldown_does_not_shorten_it() -> None:
    bench = Bench(cooldown_s=30, max_cooldown_s=1).opened()

    assert bench.circuit.until == NOW + 30


def test_after_a_quiet_time_the_cooldown_is_short_again() -> None:
    bench = Bench(cooldown_s=30, max_cooldown_s=100, window_s=10).opened()
    bench.now = bench.circuit.until
    bench.call(GOOD)

    bench.now += 100
    bench.opened()

    assert bench.circuit.until == bench.now + 30


def test_it_trips_again_for_longer_where_it_closed_only_just_now() -> None:
    bench = Bench(cooldown_s=30, max_cooldown_s=100, window_s=10).opened()
    bench.now = bench.circuit.until
    bench.call(GOOD)

    bench.now += 99
    bench.opened()

    assert bench.circuit.until == bench.now + 60


def test_a_probe_that_tells_nothing_gives_its_place_back() -> None:
    bench = Bench(cooldown_s=30).opened()
    bench.now += 30

    bench.call(NONE)

    assert bench.circuit.phase is Phase.HALF_OPEN
    assert isinstance(bench.enter(), tuple)


def test_leaving_without_an_end_gives_the_place_of_a_probe_back() -> None:
    bench = Bench(cooldown_s=30).opened()
    bench.now += 30
    entered = bench.enter()
    assert isinstance(entered, tuple)

    breaker.leave(bench.circuit, entered[1])
    breaker.leave(bench.circuit, "of another circuit")

    assert isinstance(bench.enter(), tuple)


def test_retry_after_keeps_it_open_for_longer() -> None:
    bench = Bench(consecutive_failures=1, cooldown_s=30)

    bench.call(Seen(Verdict.BAD, retry_after_s=120))

    assert bench.circuit.until == NOW + 120


def test_no_retry_after_keeps_it_open_for_ever() -> None:
    bench = Bench(consecutive_failures=1)

    bench.call(Seen(Verdict.BAD, retry_after_s=1e12))

    assert bench.circuit.until == NOW + breaker.LONGEST_S


def test_a_late_answer_neither_closes_nor_opens_it() -> None:
    bench = Bench(consecutive_failures=2, cooldown_s=30)
    early = [bench.enter() for _ in range(4)]
    bench.opened()
    bench.now += 30

    probe = bench.enter()
    for entered, seen in zip(early, (GOOD, GOOD, BAD, NONE), strict=True):
        assert isinstance(entered, tuple)
        bench.end(entered, seen)

    assert bench.circuit.phase is Phase.HALF_OPEN
    assert isinstance(probe, tuple)
    bench.end(probe, GOOD)
    assert bench.circuit.phase is Phase.CLOSED


def test_a_late_answer_may_extend_the_cooldown_and_still_counts_what_it_spent() -> None:
    bench = Bench(consecutive_failures=1, cooldown_s=30)
    late = bench.enter()
    bench.opened()

    assert isinstance(late, tuple)
    bench.end(late, Seen(Verdict.BAD, tokens=7, retry_after_s=90))

    assert bench.circuit.until == NOW + 90
    assert bench.circuit.tally(bench.options, bench.now).tokens == 7


def test_calls_inside_a_function_go_on_while_its_circuit_is_on_trial() -> None:
    bench = Bench(is_around=True)
    bench.circuit.phase = Phase.HALF_OPEN
    bench.circuit.probes = ["the function's own call"]

    entered = bench.enter()

    assert isinstance(entered, tuple)
    bench.end(entered, BAD)
    assert bench.circuit.phase is Phase.HALF_OPEN


def test_a_call_inside_does_not_take_the_place_of_a_probe() -> None:
    bench = Bench(is_around=True, cooldown_s=30)
    bench.circuit.phase, bench.circuit.until = Phase.OPEN, NOW

    assert isinstance(bench.enter(), tuple)
    assert bench.circuit.phase is Phase.OPEN


def test_where_nothing_is_enforced_calls_beyond_the_probes_do_not_decide() -> None:
    bench = Bench(cooldown_s=30).opened()
    bench.now += 30
    probe, _ = breaker.enter(bench.circuit, bench.component, "p", bench.now)
    beside, _ = breaker.enter(bench.circuit, bench.component, "q", bench.now)

    bench.end((beside, "q"), GOOD)
    assert bench.circuit.phase is Phase.HALF_OPEN

    bench.end((probe, "p"), GOOD)
    assert bench.circuit.phase is Phase.CLOSED


# -- by hand ----------------------------------------------------------------------------------


def test_the_kill_switch_holds_until_it_is_taken_back() -> None:
    bench = Bench()
    entered = bench.enter()

    assert breaker.force_open(bench.circuit).after is Phase.FORCED_OPEN
    bench.now += 1e9

    assert bench.enter() == CircuitOpen(KEY, "by_hand", None)
    assert isinstance(entered, tuple)
    bench.end(entered, GOOD)
    assert bench.circuit.phase is Phase.FORCED_OPEN
    assert breaker.reset(bench.circuit, bench.now).after is Phase.CLOSED
    assert isinstance(bench.enter(), tuple)


def test_a_call_that_entered_under_the_kill_switch_in_shadow_mode_moves_nothing() -> None:
    bench = Bench(consecutive_failures=1)
    breaker.force_open(bench.circuit)
    entered, _ = breaker.enter(bench.circuit, bench.component, "c", bench.now)

    bench.end((entered, "c"), BAD)

    assert bench.circuit.phase is Phase.FORCED_OPEN


# -- what an end says -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        (Outcome(Status.OK), Verdict.GOOD),
        (Outcome(Status.UNKNOWN), Verdict.BAD),
        (Outcome(Status.ERROR, http_status=500), Verdict.BAD),
        (Outcome(Status.ERROR, http_status=529), Verdict.BAD),
        (Outcome(Status.ERROR, http_status=429), Verdict.BAD),
        (Outcome(Status.ERROR, http_status=408), Verdict.BAD),
        (Outcome(Status.ERROR, http_status=400), Verdict.GOOD),
        (Outcome(Status.ERROR, http_status=404), Verdict.GOOD),
        (Outcome(Status.ERROR, error_type="400"), Verdict.GOOD),
        (Outcome(Status.ERROR, error_type="503"), Verdict.BAD),
        (Outcome(Status.ERROR, error_type="ConnectError"), Verdict.BAD),
        (Outcome(Status.ERROR), Verdict.BAD),
        (Outcome(Status.CANCELLED), Verdict.NONE),
        (Outcome(Status.ABANDONED), Verdict.NONE),
        (Outcome(Status.CUT), Verdict.NONE),
        (Outcome(Status.EXPIRED), Verdict.NONE),
    ],
)
def test_an_end_says_what_it_says_of_the_component(outcome: Outcome, verdict: Verdict) -> None:
    assert breaker.verdict_of(outcome) is verdict


# -- which circuits a call meets --------------------------------------------------------------

CHAT = Ask(Operation.CHAT, "openai", "gpt-4o")
TOOL = Ask(Operation.EXECUTE_TOOL, "", None)
B, OTHER = Breaker(), Breaker(min_calls=3)


def keys(components: tuple[Component, ...]) -> list[tuple[str, bool]]:
    return [(each.key, each.is_around) for each in components]


def test_a_model_call_meets_its_provider_model_and_agent_and_is_inside_its_tool() -> None:
    caller = Caller("r", agents=("boss", "writer"), tool="search")
    breakers = {"provider:openai": B, "model:*": B, "agent:writer": B, "tool:search": B}

    assert keys(components_of(CHAT, caller, breakers)) == [
        ("provider:openai", False),
        ("model:gpt-4o", False),
        ("agent:writer", False),
        ("tool:search", True),
    ]


def test_a_tool_call_meets_the_breaker_of_its_tool() -> None:
    caller = Caller("r", agents=("writer",), tool="search", breakers=(("function:f", B),))
    breakers = {"provider:openai": B, "agent:writer": B, "tool:*": B}

    assert keys(components_of(TOOL, caller, breakers)) == [("tool:search", False)]


def test_an_agent_s_invocation_meets_no_breaker() -> None:
    ask = Ask(Operation.INVOKE_AGENT, "", None)

    assert components_of(ask, Caller("r", agents=("a",), tool="t"), {"tool:*": B}) == ()


def test_the_name_itself_goes_before_the_star() -> None:
    found = components_of(CHAT, Caller("r"), {"model:*": B, "model:gpt-4o": OTHER})

    assert [each.options for each in found] == [OTHER]


def test_a_model_call_counts_in_the_decorated_functions_around_it() -> None:
    caller = Caller("r", breakers=(("function:f", B), ("function:g", OTHER)))

    assert components_of(CHAT, caller, {}) == (
        Component("function:f", B, True),
        Component("function:g", OTHER, True),
    )


def test_without_breakers_a_call_meets_none() -> None:
    assert components_of(CHAT, Caller("r", agents=("a",)), {}) == ()


def test_an_old_window_is_empty_although_nothing_was_counted_since() -> None:
    bench = Bench(window_s=10)
    bench.call(Seen(Verdict.GOOD, tokens=5))

    assert bench.circuit.tally(bench.options, bench.now + 11).tokens == 0
