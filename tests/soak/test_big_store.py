"""A state file that has seen much."""

import pytest

import made_calls as made
from effort import times
from wflo_otel.core.attribution import total
from wflo_otel.core.ledger import Amount
from wflo_otel.ports import RunInfo
from wflo_otel.report import report_of
from wflo_otel.stores import open_store
from wflo_otel.testing import FakeClock

pytestmark = pytest.mark.slow

RUNS = times(20, 400)
CALLS = times(20, 500)


@pytest.fixture
def store(tmp_path):
    opened = open_store(f"sqlite:///{tmp_path}/state.db", FakeClock())
    yield opened
    opened.close()


def test_a_file_of_many_runs_answers_for_each_exactly(store):
    for run in range(RUNS):
        run_id = f"run-{run}"
        store.open_run(RunInfo(run_id, f"run {run}", float(run)))
        scopes = made.scopes(10**9, run_id=run_id)
        for number in range(CALLS):
            call_id, who = f"{run_id}-{number}", made.caller(run_id)
            store.admit(scopes, made.call(call_id, who), made.request(call_id, 2))
            store.settle(scopes, made.charge(call_id, 1, who=who))

    chosen = store.runs(limit=1)[0]
    report = report_of(chosen, store)

    assert chosen.run_id == f"run-{RUNS - 1}"
    assert report.calls == CALLS
    assert total(store.records("run-0")).cost == CALLS * made.TOKEN
    assert store.ledgers("run:run-0")[0].settled == Amount(CALLS * made.TOKEN, CALLS, CALLS)
