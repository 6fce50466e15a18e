"""``wflo budgets reset`` and ``raise``: a stopped scope goes on."""

import pytest
from click.testing import CliRunner

from made_calls import call, request, scopes
from wflo_otel.cli import main
from wflo_otel.clock import SystemClock
from wflo_otel.core.decision import Granted
from wflo_otel.stores import open_store

SCOPE = "run:r/agent:scout"


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made_store = open_store("sqlite:///.wflo/state.db", SystemClock())
    yield made_store
    made_store.close()


def reset(scope):
    ran = CliRunner().invoke(main, ["budgets", "reset", scope])
    return ran.exit_code, ran.stderr


def test_a_stop_is_lifted_and_its_reason_said(store):
    store.stop(SCOPE, "loop: identical, 4 times: look(2 chars)")

    code, said = reset(SCOPE)

    assert code == 0
    assert f"{SCOPE} goes on; it was stopped: loop: identical, 4 times" in said
    assert [view.stopped for view in store.ledgers(SCOPE)] == [None]


def test_of_a_scope_that_is_not_stopped_it_is_said_which_are(store):
    assert reset(SCOPE) == (1, f"wflo: {SCOPE} is not stopped; nothing is\n")
    store.stop("run:other", "usd budget exceeded")

    assert reset(SCOPE) == (1, f"wflo: {SCOPE} is not stopped; stopped are run:other\n")


def test_without_a_state_nothing_is_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, said = reset(SCOPE)

    assert (code, list(tmp_path.iterdir())) == (2, [])
    assert "nothing has run here yet" in said


def refuse_for_lack_of_budget(store):
    refused = store.admit(scopes(10), call("c"), request("c", 40))
    assert refused.stops


def raise_limit(scope, usd):
    ran = CliRunner().invoke(main, ["budgets", "raise", scope, "--usd", usd])
    return ran.exit_code, ran.stderr


def test_a_raised_limit_lets_the_run_go_on(store):
    refuse_for_lack_of_budget(store)

    assert raise_limit("run:r", "0.5") == (
        0,
        "wflo: the limit of run:r is $0.50 now, of which $0.00 is spent\n",
    )
    assert store.ledgers("run:r")[0].stopped is None
    assert isinstance(store.admit(scopes(10), call("d"), request("d", 40)), Granted)


def test_what_something_else_has_stopped_stays_stopped(store):
    refuse_for_lack_of_budget(store)
    store.stop("run:r", "loop: identical")

    code, said = raise_limit("run:r", "1")

    assert code == 0
    assert "it is still stopped (loop: identical); see `wflo budgets reset`" in said


def test_of_a_scope_without_a_limit_it_is_said_which_have_one(store):
    assert raise_limit("run:r", "1") == (
        1,
        "wflo: run:r has no limit in US dollars; those that have: none\n",
    )
    refuse_for_lack_of_budget(store)

    assert "those that have: run:r" in raise_limit("run:x", "1")[1]


def test_only_an_amount_is_added(store):
    refuse_for_lack_of_budget(store)

    code, said = raise_limit("run:r", "much")

    assert code == 2
    assert said.startswith("wflo: --usd: 'much' is not an amount")
