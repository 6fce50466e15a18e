"""Putting a policy in force, and taking it down again."""

import multiprocessing
import os
import threading

import httpx
import pytest

from wflo_otel.bootstrap import configuration, configure, ensure_configured, shutdown
from wflo_otel.bootstrap.housekeeper import Housekeeper
from wflo_otel.bootstrap.policies import PolicyInForce
from wflo_otel.context import current_caller
from wflo_otel.core.policy import Budget, Budgets, Mode, Policy
from wflo_otel.errors import ConfigError
from wflo_otel.seams.active import active
from wflo_otel.telemetry.setup import Setup
from wflo_otel.testing import FakeClock

POLICY = "version: 1\nbudgets: {{run: {usd}}}\n"


@pytest.fixture
def policy_file(tmp_path):
    path = tmp_path / "wflo.yaml"
    path.write_text(POLICY.format(usd="5.00"))
    return path


def test_without_anything_nothing_is_limited():
    made = configure()

    assert made.policy() == Policy()
    assert current_caller().run_id == made.run.run_id
    assert active() is made.active


def test_a_policy_may_come_from_a_file_and_the_tighter_budget_holds(policy_file):
    assert configure(policy_file).policy().budgets.run == Budget(usd=5 * 10**9)
    assert configure(policy_file, budget_usd=7).policy().budgets.run == Budget(usd=5 * 10**9)
    assert configure(str(policy_file), budget_usd="2").policy().budgets.run == Budget(usd=2 * 10**9)


def test_a_policy_may_be_given_in_code():
    given = Policy(budgets=Budgets(run=Budget(calls=3)))

    assert configure(given).policy() is given


def test_the_environment_says_what_no_argument_says(policy_file, monkeypatch, tmp_path):
    monkeypatch.setenv("WFLO_POLICY", str(policy_file))
    monkeypatch.setenv("WFLO_BUDGET_USD", "1.50")
    monkeypatch.setenv("WFLO_STATE", f"sqlite:///{tmp_path}/state.db")
    monkeypatch.setenv("WFLO_RUN_ID", "shared")
    monkeypatch.setenv("WFLO_RUN_NAME", "nightly")
    monkeypatch.setenv("WFLO_AGENT", "researcher")

    made = configure()

    assert made.policy().budgets.run == Budget(usd=1_500_000_000)
    caller = current_caller()
    assert (caller.run_id, caller.workflow, caller.agents) == ("shared", "nightly", ("researcher",))
    assert (tmp_path / "state.db").exists()


def test_a_run_that_was_opened_here_is_closed_here_and_a_joined_one_is_not(tmp_path):
    url = f"sqlite:///{tmp_path}/state.db"
    own = configure(state=url).run.run_id
    configure(state=url, run_id="joined")
    shutdown()

    ended = {run.run_id: run.ended_at for run in configure(state=url).store.runs()}

    assert ended[own] is not None
    assert ended["joined"] is None


def test_configuring_again_replaces_what_was_in_force():
    first, second = configure(), configure()

    assert configuration() is second
    assert first.run.run_id != second.run.run_id


def test_shutdown_takes_everything_down_and_may_be_called_twice():
    configure()
    shutdown()
    shutdown()

    assert configuration() is None
    assert active() is None
    assert current_caller() is None


def test_whoever_needs_a_configuration_first_makes_one():
    made = ensure_configured()

    assert ensure_configured() is made


def test_threads_that_need_one_at_once_share_it():
    found = []
    threads = [threading.Thread(target=lambda: found.append(ensure_configured())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({id(each) for each in found}) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"policy": "missing.yaml"}, "no such file"),
        ({"state": "mongodb://x"}, "state"),
        ({"budget_usd": -1}, "budget"),
    ],
)
def test_what_is_wrong_is_said_and_changes_nothing(arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = configure()

    with pytest.raises(ConfigError, match=said):
        configure(**arguments)

    assert configuration() is before


def test_a_changed_policy_file_takes_effect(policy_file):
    in_force = PolicyInForce(policy_file, None)
    in_force.refresh()
    policy_file.write_text(POLICY.format(usd="3.000"))

    in_force.refresh()

    assert in_force.path == policy_file
    assert in_force().budgets.run == Budget(usd=3 * 10**9)


def test_a_bad_policy_file_keeps_the_old_policy_and_says_so(policy_file, caplog):
    in_force = PolicyInForce(policy_file, None)
    policy_file.write_text("version: 1\nbudgets: {run: five}\n")

    in_force.refresh()

    assert in_force().budgets.run == Budget(usd=5 * 10**9)
    assert "the old policy stays" in caplog.text


def test_a_policy_given_in_code_never_changes_by_itself():
    in_force = PolicyInForce(None, 1)
    in_force.refresh()

    assert in_force.path is None
    assert in_force().budgets.run == Budget(usd=10**9)


def test_a_duty_that_fails_does_not_keep_the_others_from_their_turn(caplog):
    done = threading.Event()

    def fails():
        raise OSError("no")

    keeper = Housekeeper((fails, done.set), period_s=0.01)

    assert done.wait(5)
    keeper.end()
    assert "housekeeping failed" in caplog.text


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_process_goes_on_with_the_same_run(tmp_path):
    made = configure(state=f"sqlite:///{tmp_path}/state.db", budget_usd=1)

    pid = os.fork()
    if pid == 0:
        alive = made.housekeeper.is_alive and configuration() is made
        made.store.stop(f"run:{made.run.run_id}", "from the child")
        os._exit(0 if alive else 1)
    _, status = os.waitpid(pid, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert made.store.ledgers("run:")[0].stopped == "from the child"


def test_a_clock_can_be_given():
    clock = FakeClock()

    assert configure(clock=clock).active.clock is clock


def _leave_a_note(url):
    made = configure(state=url, run_id="child", budget_usd=1)
    made.engine.do_later(lambda: made.store.stop("run:child", "tended at the end"))


@pytest.mark.parametrize("method", ["spawn", "fork"])
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_multiprocessing_child_does_what_was_left_for_later_at_its_end(method, tmp_path):
    url = f"sqlite:///{tmp_path}/state.db"
    configure(state=url)
    child = multiprocessing.get_context(method).Process(target=_leave_a_note, args=(url,))

    child.start()
    child.join(30)

    assert child.exitcode == 0
    views = {view.key: view for view in configure(state=url).store.ledgers("run:child")}
    assert views["run:child"].stopped == "tended at the end"


def test_switched_off_nothing_is_refused_and_that_is_said(monkeypatch, tmp_path, caplog):
    monkeypatch.setenv("WFLO_DISABLED", "1")
    monkeypatch.setenv("WFLO_POLICY", "missing.yaml")
    monkeypatch.setenv("WFLO_STATE", f"sqlite:///{tmp_path}/state.db")

    made = configure(budget_usd=0)

    assert made.guarded == ()
    assert made.policy().mode is Mode.SHADOW
    assert not (tmp_path / "state.db").exists()
    assert "switched off by WFLO_DISABLED=1" in caplog.text


def test_clients_can_be_left_alone_also_after_they_were_guarded(wflo_provider):
    configure(budget_usd=0)
    made = configure(guard=False)

    httpx.post(f"{wflo_provider.openai_url}/chat/completions", json={"model": "gpt-4o"})

    assert made.guarded == ()
    assert made.store.records(made.run.run_id) == []


def test_opentelemetry_can_be_left_to_the_program():
    made = configure(guard=False, providers=False)

    assert made.telemetry.ensure() == Setup({})
    assert not made.active.guards
