"""The contract of PolicyState, for every store."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from made_calls import TOKEN, amount, budget, call, caller, charge, request, scopes
from wflo_otel.core.decision import Exceeded, Granted, Queued, Stopped
from wflo_otel.core.ledger import ZERO, Amount
from wflo_otel.core.policy import OnExceeded
from wflo_otel.core.scope import Scope
from wflo_otel.ports import LedgerView, PolicyState, Runs
from wflo_otel.testing import FakeClock


class Store(PolicyState, Runs):
    """What the tests here use of a store."""


def one(store: Store, key: str = "run:r") -> LedgerView:
    return next(view for view in store.ledgers(key) if view.key == key)


def admitted(store: Store, call_id: str, tokens: int, limit: int = 100) -> object:
    return store.admit(scopes(limit), call(call_id), request(call_id, tokens))


# --- admit -----------------------------------------------------------------------------------


def test_a_call_that_fits_is_granted_and_reserved_in_every_scope(store: Store) -> None:
    answer = admitted(store, "c1", 40)

    assert isinstance(answer, Granted)
    assert [view.pending for view in store.ledgers()] == [amount(40), amount(40)]
    assert [view.open_calls for view in store.ledgers()] == [1, 1]


def test_a_call_that_fits_in_one_scope_only_reserves_in_none(store: Store) -> None:
    narrow = scopes(100, agent_limit=10)
    narrow[1] = replace(narrow[1], budget=budget(10, clamp=False))

    answer = store.admit(narrow, call("c1"), request("c1", 40))

    assert isinstance(answer, Exceeded)
    assert [view.pending for view in store.ledgers()] == [ZERO, ZERO]


def test_a_limit_holds_for_callers_that_do_not_name_it(store: Store) -> None:
    store.admit(scopes(100), call("c1"), request("c1", 60))

    answer = store.admit([Scope("run:r")], call("c2"), request("c2", 60))

    assert isinstance(answer, Queued)


def test_a_call_waits_while_only_other_calls_are_in_the_way(store: Store) -> None:
    admitted(store, "c1", 60)

    assert isinstance(admitted(store, "c2", 60), Queued)
    store.settle(scopes(100), charge("c1", 10))
    assert isinstance(admitted(store, "c2", 60), Granted)


def test_a_later_call_does_not_overtake_one_that_waits(store: Store) -> None:
    admitted(store, "c1", 60)
    admitted(store, "c2", 60)

    assert isinstance(admitted(store, "c3", 10), Queued)


def test_a_call_that_leaves_gives_its_place_to_the_next(store: Store) -> None:
    admitted(store, "c1", 60)
    admitted(store, "c2", 60)

    store.leave("c2")

    assert isinstance(admitted(store, "c3", 10), Granted)


def test_leaving_without_a_place_changes_nothing(store: Store) -> None:
    admitted(store, "c1", 60)

    store.leave("c1")

    assert one(store).pending == amount(60)


def test_a_place_is_not_kept_for_a_call_that_never_asks_again(
    store: Store, clock: FakeClock
) -> None:
    admitted(store, "c1", 60)
    admitted(store, "c2", 60)

    clock.advance(6)

    assert isinstance(admitted(store, "c3", 10), Granted)


def test_a_call_that_never_waits_for_what_its_owner_holds(store: Store) -> None:
    store.admit(scopes(100), call("c1", owner="t"), request("c1", 60, owner="t"))

    answer = store.admit(scopes(100), call("c2", owner="t"), request("c2", 60, owner="t"))

    assert isinstance(answer, Exceeded)
    assert answer.held_by_caller


def test_asking_again_resizes_the_reservation(store: Store) -> None:
    admitted(store, "c1", 60)

    admitted(store, "c1", 80)

    assert one(store).pending == amount(80)


def test_asking_again_for_too_much_keeps_the_old_reservation(store: Store) -> None:
    keep = [Scope("run:r", budget(100, clamp=False, on_exceeded=OnExceeded.REFUSE))]
    store.admit(keep, call("c1"), request("c1", 60))

    answer = store.admit(keep, call("c1"), request("c1", 101))

    assert isinstance(answer, Exceeded)
    assert one(store).pending == amount(60)


def test_asking_again_in_other_scopes_leaves_nothing_in_the_first_ones(store: Store) -> None:
    store.admit([Scope("run:r"), Scope("run:r/agent:a")], call("c1"), request("c1", 60))

    store.admit([Scope("run:r"), Scope("run:r/tool:t")], call("c1"), request("c1", 60))

    assert {view.key: view.open_calls for view in store.ledgers()} == {
        "run:r": 1,
        "run:r/agent:a": 0,
        "run:r/tool:t": 1,
    }


def test_shadow_mode_counts_beyond_the_limit_and_says_what_it_would_have_said(
    store: Store,
) -> None:
    admitted(store, "c1", 60)

    answer = store.admit(scopes(100), call("c2"), request("c2", 60, enforce=False))

    assert isinstance(answer, Granted)
    assert isinstance(answer.instead, Queued)
    assert one(store).pending == amount(60) + amount(60)


# --- grow ------------------------------------------------------------------------------------


def test_growing_adds_what_fits_in_every_scope_of_the_call(store: Store) -> None:
    store.admit(scopes(100, agent_limit=70), call("c1"), request("c1", 60))

    added = store.grow("c1", Amount(usd=30 * TOKEN))

    assert added == Amount(usd=10 * TOKEN)
    assert [view.pending.usd for view in store.ledgers()] == [70 * TOKEN, 70 * TOKEN]


def test_a_call_that_is_not_open_does_not_grow(store: Store) -> None:
    assert store.grow("nobody", Amount(usd=1)) == ZERO


# --- settle and void -------------------------------------------------------------------------


def test_settling_charges_what_was_used_and_gives_the_rest_back(store: Store) -> None:
    admitted(store, "c1", 60)

    settled = store.settle(scopes(100), charge("c1", 25))

    assert settled.charged
    assert [(v.settled, v.pending, v.open_calls) for v in store.ledgers()] == [
        (amount(25), ZERO, 0),
        (amount(25), ZERO, 0),
    ]
    assert [each.call_id for each in store.records("r")] == ["c1"]


def test_settling_twice_charges_once(store: Store) -> None:
    admitted(store, "c1", 60)
    store.settle(scopes(100), charge("c1", 25))

    again = store.settle(scopes(100), charge("c1", 30))

    assert not again.charged
    assert one(store).settled == amount(25)
    assert [each.cost for each in store.records("r")] == [25 * TOKEN]


def test_a_call_that_was_never_reserved_is_charged_all_the_same(store: Store) -> None:
    assert store.settle(scopes(100), charge("c1", 120)).charged

    assert one(store).settled == amount(120)
    assert isinstance(admitted(store, "c2", 1), Exceeded)


def test_settling_in_other_scopes_than_reserved_leaves_nothing_reserved(store: Store) -> None:
    admitted(store, "c1", 60)

    store.settle([Scope("run:other")], charge("c1", 25))

    assert {view.key: (view.settled, view.pending) for view in store.ledgers()} == {
        "run:other": (amount(25), ZERO),
        "run:r": (ZERO, ZERO),
        "run:r/agent:a": (ZERO, ZERO),
    }


def test_two_calls_with_one_response_id_are_two_charges(store: Store) -> None:
    store.settle(scopes(100), charge("c1", 10, response="resp"))
    store.settle(scopes(100), charge("c2", 10, response="resp"))

    assert one(store).settled.usd == 20 * TOKEN


def test_fetching_a_response_that_was_charged_is_free_and_leaves_nothing_reserved(
    store: Store,
) -> None:
    store.settle(scopes(100), charge("c1", 10, response="resp"))
    admitted(store, "c2", 50)

    fetched = store.settle(scopes(100), charge("c2", 10, response="resp", only_once=True))

    assert not fetched.charged
    assert (one(store).settled, one(store).pending) == (amount(10), ZERO)
    assert [each.call_id for each in store.records("r")] == ["c1"]


def test_fetching_a_response_nobody_was_charged_for_is_charged_once(store: Store) -> None:
    first = store.settle(scopes(100), charge("c1", 10, response="resp", only_once=True))
    second = store.settle(scopes(100), charge("c2", 10, response="resp", only_once=True))

    assert (first.charged, second.charged) == (True, False)
    assert one(store).settled == amount(10)


def test_voiding_gives_everything_back_and_leaves_no_record(store: Store) -> None:
    admitted(store, "c1", 60)

    store.void("c1")

    assert (one(store).settled, one(store).pending) == (ZERO, ZERO)
    assert store.records("r") == []


def test_voiding_a_settled_call_does_not_take_its_charge_back(store: Store) -> None:
    admitted(store, "c1", 60)
    store.settle(scopes(100), charge("c1", 25))

    store.void("c1")

    assert one(store).settled == amount(25)


def test_a_warning_is_given_once_by_the_settle_that_passes_it(store: Store) -> None:
    first = store.settle(scopes(100), charge("c1", 79))
    second = store.settle(scopes(100), charge("c2", 1))
    third = store.settle(scopes(100), charge("c3", 1))

    assert [len(each.warnings) for each in (first, second, third)] == [0, 1, 0]
    warned = second.warnings[0]
    assert (warned.key, warned.unit, warned.limit, warned.settled) == (
        "run:r",
        "usd",
        100 * TOKEN,
        80 * TOKEN,
    )


# --- expiry ----------------------------------------------------------------------------------


def test_a_reservation_nobody_renews_is_charged_and_flagged(store: Store, clock: FakeClock) -> None:
    admitted(store, "c1", 60)

    clock.advance(store.lease_s)

    for view in store.ledgers():
        assert (view.settled, view.pending, view.flagged) == (amount(60), ZERO, amount(60))


def test_an_expired_call_is_recorded_at_what_it_had_reserved(
    store: Store, clock: FakeClock
) -> None:
    admitted(store, "c1", 60)
    clock.advance(store.lease_s)

    (kept,) = store.records("r")

    assert (kept.call_id, kept.status, kept.cost, kept.cost_source, kept.model) == (
        "c1",
        "expired",
        60 * TOKEN,
        "reserved",
        "gpt-4o",
    )


def test_a_late_settle_replaces_the_expiry_charge_and_its_record(
    store: Store, clock: FakeClock
) -> None:
    admitted(store, "c1", 60)
    clock.advance(store.lease_s)
    store.ledgers()

    assert store.settle(scopes(100), charge("c1", 25)).charged

    assert (one(store).settled, one(store).flagged) == (amount(25), ZERO)
    assert [(each.status, each.cost) for each in store.records("r")] == [("ok", 25 * TOKEN)]


def test_a_late_void_takes_the_expiry_charge_and_its_record_back(
    store: Store, clock: FakeClock
) -> None:
    admitted(store, "c1", 60)
    clock.advance(store.lease_s)
    store.ledgers()

    store.void("c1")

    assert (one(store).settled, one(store).flagged) == (ZERO, ZERO)
    assert store.records("r") == []


def test_a_renewed_reservation_holds(store: Store, clock: FakeClock) -> None:
    admitted(store, "c1", 60)
    clock.advance(store.lease_s - 1)
    store.renew(["c1", "nobody"])

    clock.advance(store.lease_s - 1)

    assert (one(store).pending, one(store).flagged) == (amount(60), ZERO)


def test_a_process_that_was_only_asleep_gets_its_reservation_back(
    store: Store, clock: FakeClock
) -> None:
    admitted(store, "c1", 60)
    clock.advance(store.lease_s)
    store.ledgers()

    store.renew(["c1"])

    view = one(store)
    assert (view.settled, view.pending, view.flagged) == (ZERO, amount(60), ZERO)
    assert store.records("r") == []


def test_a_stream_that_grows_is_alive(store: Store, clock: FakeClock) -> None:
    admitted(store, "c1", 60)
    clock.advance(store.lease_s - 1)
    store.grow("c1", amount(10))

    clock.advance(store.lease_s - 1)

    assert one(store).flagged == ZERO


def test_an_expiry_is_charged_once_even_if_the_call_asks_again_and_expires_again(
    store: Store, clock: FakeClock
) -> None:
    for _ in range(2):
        admitted(store, "c1", 60)
        clock.advance(store.lease_s)
        store.ledgers()

    assert (one(store).settled, one(store).flagged) == (amount(60), amount(60))
    store.settle(scopes(100), charge("c1", 25))
    assert (one(store).settled, one(store).flagged) == (amount(25), ZERO)


def test_a_call_that_asks_again_after_its_charge_and_dies_keeps_its_record(
    store: Store, clock: FakeClock
) -> None:
    store.settle(scopes(100), charge("c1", 25))
    admitted(store, "c1", 10)
    clock.advance(store.lease_s)

    assert [each.status for each in store.records("r")] == ["ok"]
    assert one(store).flagged == amount(10)


# --- stop and reset --------------------------------------------------------------------------


def test_a_call_for_which_settled_spend_leaves_no_room_stops_the_scope(store: Store) -> None:
    store.settle(scopes(100), charge("c1", 100))

    assert isinstance(admitted(store, "c2", 1), Exceeded)
    assert isinstance(admitted(store, "c3", 0), Stopped)
    assert one(store).stopped == "usd budget exceeded"


def test_a_stopped_scope_refuses_calls_below_it(store: Store) -> None:
    store.stop("run:r", "by hand")

    assert admitted(store, "c1", 1) == Stopped("run:r", "by hand")


def test_a_reset_lifts_the_stop_and_keeps_what_was_spent(store: Store) -> None:
    store.settle(scopes(100), charge("c1", 10))
    store.stop("run:r", "by hand")

    store.reset("run:r")

    assert isinstance(admitted(store, "c2", 1), Granted)
    assert one(store).settled == amount(10)


def test_a_raised_limit_lets_a_run_go_on_also_for_who_names_the_old_one(store: Store) -> None:
    refused = admitted(store, "c1", 40, limit=10)
    assert isinstance(refused, Exceeded)
    assert refused.stops

    view = store.top_up("run:r", Amount(usd=amount(30).usd))

    assert view == one(store)
    assert (view.limits["usd"], view.stopped) == (amount(40).usd, None)
    assert isinstance(admitted(store, "c2", 40, limit=10), Granted)


def test_what_is_raised_before_its_first_call_is_raised(store: Store) -> None:
    store.top_up("run:r", Amount(usd=amount(30).usd))
    store.forget("run:r")

    assert isinstance(admitted(store, "c1", 40, limit=10), Granted)


# --- looking and watching --------------------------------------------------------------------


def test_ledgers_are_listed_by_the_start_of_their_key(store: Store) -> None:
    for key in ("run:b", "run:a", "tenant:a@all"):
        store.stop(key, "x")

    assert [view.key for view in store.ledgers("run:")] == ["run:a", "run:b"]
    assert [view.key for view in store.ledgers()] == ["run:a", "run:b", "tenant:a@all"]


def test_a_ledger_shows_its_limits(store: Store) -> None:
    admitted(store, "c1", 1)

    assert [view.limits for view in store.ledgers()] == [{"usd": 100 * TOKEN}, {}]


def test_a_watcher_is_called_by_settle_and_void_until_it_ends(store: Store) -> None:
    seen: list[str] = []
    end = store.watch(lambda: seen.append("released"))
    admitted(store, "c1", 1)
    assert seen == []

    store.settle(scopes(100), charge("c1", 1))
    store.void("c2")
    end()
    store.void("c3")

    assert seen == ["released", "released"]


def test_a_watcher_may_ask_the_store(store: Store) -> None:
    answers: list[object] = []
    store.watch(lambda: answers.append(admitted(store, "c2", 60)))
    admitted(store, "c1", 60)

    store.settle(scopes(100), charge("c1", 1))

    assert isinstance(answers[0], Granted)


def test_what_a_watcher_raises_is_logged_and_not_raised(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise RuntimeError("broken watcher")

    store.watch(broken)
    store.void("c1")

    assert "a watcher of the state failed" in caplog.text


def test_a_child_of_a_fork_does_not_call_its_parents_watchers(store: Store) -> None:
    seen: list[str] = []
    store.watch(lambda: seen.append("released"))

    store.after_fork()
    store.void("c1")

    assert seen == []


# --- many at once ----------------------------------------------------------------------------


def test_twenty_threads_never_pass_the_limit_and_lose_nothing(store: Store) -> None:
    granted: list[str] = []
    highest: list[int] = []

    def work(name: int) -> None:
        for turn in range(10):
            call_id = f"{name}-{turn}"
            if isinstance(admitted(store, call_id, 10, limit=1_000), Granted):
                granted.append(call_id)
                view = one(store)
                highest.append(view.settled.usd + view.pending.usd)
                store.settle(scopes(1_000), charge(call_id, 7))
            else:
                store.leave(call_id)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    view = one(store)
    assert max(highest) <= 1_000 * TOKEN
    assert view.settled.usd == 7 * len(granted) * TOKEN
    assert (view.pending, view.open_calls) == (ZERO, 0)
    assert len(store.records("r")) == len(granted)
    assert len(granted) >= 50


def test_calls_of_two_runs_do_not_touch_each_other(store: Store) -> None:
    store.admit(scopes(100, run_id="r1"), call("c1", caller("r1")), request("c1", 60))

    answer = store.admit(scopes(100, run_id="r2"), call("c2", caller("r2")), request("c2", 60))

    assert isinstance(answer, Granted)


# --- forget ----------------------------------------------------------------------------------


def test_a_ledger_of_calls_that_never_ran_is_forgotten(store: Store) -> None:
    admitted(store, "c1", 40)
    store.void("c1")

    for scope in scopes(100):
        store.forget(scope.key)

    assert store.ledgers() == []


def test_a_ledger_with_an_open_call_is_not_forgotten(store: Store) -> None:
    admitted(store, "c1", 40)

    store.forget("run:r")

    assert one(store).pending == amount(40)


def test_a_ledger_in_which_a_call_waits_is_not_forgotten(store: Store) -> None:
    admitted(store, "c1", 60)
    admitted(store, "c2", 60)
    store.void("c1")

    store.forget("run:r")

    assert one(store).limits == {"usd": 100 * TOKEN}


def test_what_was_charged_is_not_forgotten(store: Store) -> None:
    admitted(store, "c1", 40)
    store.settle(scopes(100), charge("c1", 30))

    store.forget("run:r")

    assert one(store).settled == amount(30)


def test_forgetting_a_ledger_that_is_not_there_makes_none(store: Store) -> None:
    store.forget("run:never")

    assert store.ledgers() == []
