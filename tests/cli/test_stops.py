"""``wflo budgets reset``: a stopped scope goes on."""

import pytest
from click.testing import CliRunner

from wflo_otel.cli import main
from wflo_otel.clock import SystemClock
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
