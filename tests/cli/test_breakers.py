"""``wflo breakers``: where they stand, and the kill switch."""

import pytest
from click.testing import CliRunner

import made_calls as made
from wflo_otel.cli import main
from wflo_otel.clock import SystemClock
from wflo_otel.core.breaker import Component, Seen, Verdict
from wflo_otel.core.decision import CircuitOpen, Phase
from wflo_otel.core.policy import Breaker
from wflo_otel.ports import Ended
from wflo_otel.stores import open_store

OPENAI = Component("provider:openai", Breaker(consecutive_failures=1, cooldown_s=60))


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    made_store = open_store("sqlite:///.wflo/state.db", SystemClock())
    yield made_store
    made_store.close()


def admit(store, call_id="c"):
    return store.admit((), made.call(call_id), made.request(call_id, 0), (OPENAI,))


def wflo(*words):
    ran = CliRunner().invoke(main, ["breakers", *words])
    return ran.exit_code, ran.stdout, ran.stderr


def test_an_open_circuit_is_listed_with_its_reason_and_when_it_lets_in_again(store):
    admit(store)
    store.void("c", Ended((OPENAI,), Seen(Verdict.BAD)))
    admit(store, "kept out")

    code, out, _ = wflo("list")

    row = next(line for line in out.splitlines() if "provider:openai" in line)
    assert code == 0
    assert "open" in row
    assert "consecutive failures" in row
    assert "in 60 s" in row or "in 59 s" in row
    assert row.split()[-1] == "1"


def test_every_phase_is_said_in_words(store):
    store.force_open("model:o3")
    admit(store)

    _, out, _ = wflo("list")

    assert "forced open" in out
    assert "by hand" in out
    assert "closed" in out


def test_a_circuit_on_trial_says_how_many_calls_try_it(store):
    quick = Component("tool:t", Breaker(consecutive_failures=1, cooldown_s=1e-6))
    store.admit((), made.call("c"), made.request("c", 0), (quick,))
    store.void("c", Ended((quick,), Seen(Verdict.BAD)))
    assert "now" in wflo("list")[1]
    store.admit((), made.call("d"), made.request("d", 0), (quick,))

    assert "1 on trial" in wflo("list")[1]


def test_where_no_call_has_met_one_that_is_said(store):
    assert wflo("list") == (0, "", "wflo: no call has met a circuit breaker in this state yet\n")


def test_the_kill_switch_keeps_calls_out_of_every_process(store):
    code, _, err = wflo("open", "openai")

    assert code == 0
    assert "provider:openai is open: calls are refused until" in err
    assert "check that it is spelled" in err
    assert admit(store) == CircuitOpen("provider:openai", "by_hand", None)

    assert wflo("close", "provider:openai")[0] == 0
    assert store.circuits()[0].phase is Phase.CLOSED


def test_a_circuit_that_calls_have_met_is_opened_without_a_warning(store):
    admit(store)

    assert "check that it is spelled" not in wflo("open", "openai")[2]


def test_a_decorated_function_is_named_as_it_is_listed(store):
    assert wflo("open", "function:research planner")[0] == 0
    assert [each.key for each in store.circuits()] == ["function:research planner"]


@pytest.mark.parametrize(
    ("component", "remedy"),
    [
        ("opnai", "did you mean openai?"),
        ("modle:gpt-4o", "did you mean model:?"),
        ("colour:red", "write one of provider, model, agent, tool"),
        ("model:", "names no model (write model:NAME, or model:*)"),
        ("zzzzz", "write model:zzzzz, agent:… or tool:…"),
        ("a\nb", "cannot be shown"),
    ],
)
def test_a_name_that_stands_for_nothing_is_told(store, component, remedy):
    code, _, err = wflo("open", component)

    assert code == 2
    assert remedy in err
    assert store.circuits() == []


def test_without_a_state_that_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    code, _, err = wflo("list")

    assert code == 2
    assert "no state at .wflo/state.db" in err
