"""Whether a call may run. Amounts are in nano-USD; one output token costs 10 nano-USD here."""

import pytest

from wflo_otel.core.admission import Need, Reserve, grow, reserve
from wflo_otel.core.decision import Exceeded, Granted, Queued, Stopped
from wflo_otel.core.ledger import PLACE_KEPT_S, ZERO, Amount, Ledger
from wflo_otel.core.policy import Budget, OnExceeded

FOREVER = float("inf")


def need(cap=50, *, input_usd=100, input_tokens=10, least=1, choices=1):
    return Need(input_usd * 1_000, 10_000 * choices, input_tokens, cap, least, choices)


def ask(ledger, budget, call_id="a", *, now=0.0, enforce=True, owner="", expires=FOREVER, **size):
    request = Reserve(call_id, need(**size), owner, expires, enforce)
    return reserve([(ledger, budget)], request, now)


def test_a_call_that_fits_reserves_its_worst_case():
    ledger = Ledger("run:1")

    assert ask(ledger, Budget(usd=1_000)) == Granted(600, 60, 50)
    assert ledger.pending == Amount(600, 60, 1)


def test_without_a_limit_everything_fits():
    ledger = Ledger("run:1")

    assert ask(ledger, None, cap=10**9) == Granted(10**10 + 100, 10**9 + 10, 10**9)


def test_the_last_dollar_is_promised_only_once():
    ledger, budget = Ledger("run:1"), Budget(usd=1_000)
    ask(ledger, budget, "a")

    answer = ask(ledger, budget, "b")

    assert isinstance(answer, Queued)
    assert answer.otherwise == Exceeded("run:1", "usd", 1_000, 0, 600, 600)
    assert ledger.pending.usd == 600


def test_concurrency_alone_never_shrinks_a_cap():
    ledger, budget = Ledger("run:1"), Budget(usd=1_000)
    ask(ledger, budget, "a")
    ask(ledger, budget, "b")
    ledger.settle("a", Amount(200, 20, 1))

    assert ask(ledger, budget, "b") == Granted(600, 60, 50)


def test_a_call_that_does_not_fit_even_alone_gets_a_smaller_cap():
    ledger, budget = Ledger("run:1"), Budget(usd=1_000)
    ledger.settle("old", Amount(500, 50, 1))

    assert ask(ledger, budget) == Granted(500, 50, 40, clamped=True)


def test_a_smaller_cap_that_is_of_no_use_is_a_refusal_that_stops_the_scope():
    ledger, budget = Ledger("run:1"), Budget(usd=1_000)
    ledger.settle("old", Amount(500, 50, 1))

    answer = ask(ledger, budget, least=45)

    assert answer == Exceeded("run:1", "usd", 1_000, 500, 0, 550, stops=True)
    assert ask(ledger, budget, "b", cap=1) == Stopped("run:1", "usd budget exceeded")


def test_a_budget_that_does_not_clamp_refuses_instead():
    ledger, budget = Ledger("run:1"), Budget(usd=1_000, clamp=False)
    ledger.settle("old", Amount(500, 50, 1))

    assert ask(ledger, budget) == Exceeded("run:1", "usd", 1_000, 500, 0, 600, stops=True)


def test_refuse_refuses_that_call_only():
    ledger, budget = Ledger("run:1"), Budget(usd=1_000, on_exceeded=OnExceeded.REFUSE, clamp=False)
    ledger.settle("old", Amount(500, 50, 1))

    assert isinstance(ask(ledger, budget), Exceeded)
    assert ask(ledger, budget, cap=10) == Granted(200, 20, 10)


@pytest.mark.parametrize(
    ("budget", "unit"),
    [(Budget(usd=99), "usd"), (Budget(tokens=9), "tokens"), (Budget(calls=0), "calls")],
)
def test_each_unit_refuses_what_does_not_fit(budget, unit):
    answer = ask(Ledger("run:1"), budget)

    assert isinstance(answer, Exceeded)
    assert answer.unit == unit


def test_a_token_limit_clamps_too_and_counts_every_choice():
    assert ask(Ledger("run:1"), Budget(tokens=50), choices=2) == Granted(500, 50, 20, clamped=True)


def test_a_call_limit_leaves_the_cap_alone():
    assert ask(Ledger("run:1"), Budget(calls=1)) == Granted(600, 60, 50)


def test_output_that_costs_nothing_is_not_clamped_by_money():
    ledger = Ledger("run:1")
    free = Reserve("a", Need(0, 0, 10, 50), "", FOREVER)

    assert reserve([(ledger, Budget(usd=0))], free, 0.0) == Granted(0, 60, 50)


def test_all_scopes_reserve_or_none():
    outer, inner = Ledger("tenant:1"), Ledger("run:1")
    outer.settle("old", Amount(999_999))

    reserve(
        [(inner, Budget(usd=10_000)), (outer, Budget(usd=1_000_000))],
        Reserve("a", need(), "", FOREVER),
        0.0,
    )

    assert inner.pending == outer.pending == ZERO


def test_the_tightest_scope_decides_about_the_cap():
    loose, tight = Ledger("run:1"), Ledger("run:1/agent:a")
    entries = [(tight, Budget(usd=300)), (loose, Budget(usd=400))]

    answer = reserve(entries, Reserve("a", need(), "", FOREVER), 0.0)

    assert answer == Granted(300, 30, 20, clamped=True)


def test_of_several_limits_on_one_scope_the_tightest_holds():
    ledger = Ledger("run:1")
    ask(ledger, Budget(usd=1_000), "a", cap=10)

    assert isinstance(ask(ledger, Budget(usd=2_000), "b", cap=70), Granted)
    assert ledger.limits == {"usd": 1_000}


def test_asking_again_for_the_same_call_holds_one_reservation():
    ledger, budget = Ledger("run:1"), Budget(usd=1_000)
    ask(ledger, budget)
    ask(ledger, budget)

    assert ledger.pending == Amount(600, 60, 1)


def test_a_reservation_can_be_resized():
    ledger, budget = Ledger("run:1"), Budget(usd=1_000)
    ask(ledger, budget, cap=10)

    assert ask(ledger, budget, cap=90) == Granted(1_000, 100, 90)
    assert ledger.pending.usd == 1_000


def test_a_resize_that_fails_leaves_the_old_reservation():
    ledger, budget = Ledger("run:1"), Budget(usd=1_000)
    ask(ledger, budget, "a", cap=10)
    ask(ledger, budget, "b", cap=10)

    assert isinstance(ask(ledger, budget, "a", cap=90), Queued)
    assert ledger.pending.usd == 400


def test_a_caller_does_not_wait_for_money_it_holds_itself():
    ledger, budget = Ledger("run:1"), Budget(usd=1_000)
    ask(ledger, budget, "stream", owner="me")

    answer = ask(ledger, budget, "next", owner="me")

    assert isinstance(answer, Exceeded)
    assert answer.held_by_caller
    assert not answer.stops
    assert ledger.stopped is None


def test_first_come_is_first_served():
    ledger, budget = Ledger("run:1"), Budget(usd=1_000)
    ask(ledger, budget, "running")
    ask(ledger, budget, "first")

    assert isinstance(ask(ledger, budget, "later", cap=1), Queued)

    ledger.settle("running", Amount(100, 10, 1))
    assert isinstance(ask(ledger, budget, "later", cap=1), Queued)
    assert isinstance(ask(ledger, budget, "first"), Granted)
    assert isinstance(ask(ledger, budget, "later", cap=1), Granted)


def test_a_place_that_nobody_asks_for_any_more_lapses():
    ledger, budget = Ledger("run:1"), Budget(usd=1_000)
    ask(ledger, budget, "running")
    ask(ledger, budget, "dead", now=0.0)

    assert isinstance(ask(ledger, budget, "later", cap=1, now=PLACE_KEPT_S + 1), Granted)


def test_a_refusal_gives_up_the_place():
    ledger, budget = Ledger("run:1"), Budget(usd=1_000)
    ask(ledger, budget, "running")
    ask(ledger, budget, "waiting")
    ledger.settle("running", Amount(1_000, 10, 1))

    assert isinstance(ask(ledger, budget, "waiting"), Exceeded)
    assert ledger.queue == {}


def test_the_reservation_of_a_dead_process_is_charged_and_flagged():
    ledger, budget = Ledger("run:1"), Budget(usd=1_000)
    ask(ledger, budget, "dead", expires=10.0)

    ask(ledger, budget, "b", now=10.0, cap=1)

    assert ledger.settled == ledger.flagged == Amount(600, 60, 1)


def test_a_late_settle_replaces_the_expiry_charge():
    ledger, budget = Ledger("run:1"), Budget(usd=1_000)
    ask(ledger, budget, "slow", expires=10.0)
    ledger.expire(10.0)

    ledger.settle("slow", Amount(150, 20, 1))

    assert ledger.settled == Amount(150, 20, 1)
    assert ledger.flagged == ZERO


def test_a_stopped_scope_refuses_everything():
    ledger = Ledger("run:1", stopped="by hand")

    assert ask(ledger, None, cap=1) == Stopped("run:1", "by hand")


@pytest.mark.parametrize("spent", [0, 500, 2_000])
def test_shadow_mode_grants_the_whole_call_and_says_what_it_would_have_done(spent):
    ledger, budget = Ledger("run:1"), Budget(usd=1_000)
    ledger.settle("old", Amount(spent))

    answer = ask(ledger, budget, enforce=False)

    assert isinstance(answer, Granted)
    assert (answer.usd, answer.cap, answer.clamped) == (600, 50, False)
    assert isinstance(answer.instead, Exceeded) == (spent == 2_000)
    assert ledger.stopped is None


def test_a_budget_that_is_gone_leaves_the_limit_that_was_held():
    ledger, budget = Ledger("run:1"), Budget(usd=1_000)
    ask(ledger, budget, "a")

    answer = ask(ledger, None, "b")

    assert isinstance(answer, Queued)
    assert ledger.limits == {"usd": 1_000}


def test_a_ledger_is_unused_until_a_call_is_open_or_was_charged():
    ledger = Ledger("run:1")
    assert ledger.is_unused

    ask(ledger, None, "a")
    assert not ledger.is_unused

    ledger.settle("a", Amount(1))
    assert not ledger.is_unused


def test_a_warning_comes_once_when_the_share_is_reached():
    ledger, budget = Ledger("run:1"), Budget(usd=1_000, tokens=10_000, warn_at=0.8)
    ledger.limit_by(budget)
    ledger.settle("a", Amount(799))
    assert ledger.crossed(budget) == []

    ledger.settle("b", Amount(1))

    assert ledger.crossed(budget) == ["usd"]
    assert ledger.crossed(budget) == []
    assert ledger.crossed(None) == []


def test_an_open_call_grows_by_what_is_free():
    ledger, budget = Ledger("run:1"), Budget(usd=1_000)
    ask(ledger, budget)

    assert grow([ledger], "a", Amount(usd=300, tokens=5), 0.0) == Amount(usd=300, tokens=5)
    assert grow([ledger], "a", Amount(usd=300), 0.0) == Amount(usd=100)
    assert grow([ledger], "a", Amount(usd=300), 0.0) == ZERO
    assert ledger.pending.usd == 1_000


def test_a_call_that_is_not_open_or_is_stopped_does_not_grow():
    ledger, budget = Ledger("run:1"), Budget(usd=1_000)
    assert grow([ledger], "a", Amount(usd=1), 0.0) == ZERO

    ask(ledger, budget)
    ledger.stopped = "by hand"

    assert grow([ledger], "a", Amount(usd=1), 0.0) == ZERO


def test_growth_is_all_units_or_none():
    ledger, budget = Ledger("run:1"), Budget(usd=1_000, tokens=60)
    ask(ledger, budget)

    assert grow([ledger], "a", Amount(usd=10, tokens=10), 0.0) == ZERO


@pytest.mark.parametrize(
    ("on_exceeded", "expected"),
    [
        (OnExceeded.STOP, (True, False)),
        (OnExceeded.ROLLBACK, (True, True)),
        (OnExceeded.REFUSE, (False, False)),
    ],
)
def test_a_budget_says_what_follows_when_nothing_is_left(on_exceeded, expected):
    ledger, budget = Ledger("run:1"), Budget(usd=0, on_exceeded=on_exceeded)

    answer = ask(ledger, budget)

    assert (answer.stops, answer.rolls_back) == expected
    assert (ledger.stopped is not None) is expected[0]


def test_a_limit_that_is_raised_lifts_its_stop_and_holds_for_later_budgets():
    ledger, budget = Ledger("run:1"), Budget(usd=100, tokens=10)
    assert isinstance(ask(ledger, budget), Exceeded)

    ledger.top_up(Amount(usd=900))

    assert (ledger.stopped, ledger.limits) == (None, {"usd": 1_000, "tokens": 10})
    ledger.limit_by(Budget(usd=50))
    assert ledger.limits["usd"] == 950


@pytest.mark.parametrize("reason", ["tokens budget exceeded", "loop: identical, 4 times: x"])
def test_a_raised_limit_lifts_no_stop_that_it_had_not_made(reason):
    ledger = Ledger("run:1", stopped=reason)

    ledger.top_up(Amount(usd=900))

    assert ledger.stopped == reason
    ledger.limit_by(Budget(usd=50))
    assert ledger.limits == {"usd": 950}


def test_a_raised_limit_is_warned_of_again():
    ledger, budget = Ledger("run:1"), Budget(usd=100, warn_at=0.5)
    ledger.limit_by(budget)
    ledger.settle("a", Amount(usd=60))
    assert ledger.crossed(budget) == ["usd"]

    ledger.top_up(Amount(usd=100))

    assert ledger.crossed(budget) == []
    ledger.settle("b", Amount(usd=60))
    assert ledger.crossed(budget) == ["usd"]
