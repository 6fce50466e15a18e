"""Which ledgers the gauges show."""

from wflo_otel.bootstrap.gauges import shown_ledgers
from wflo_otel.context import ActiveRun, ActiveRuns
from wflo_otel.stores import open_store
from wflo_otel.testing import FakeClock


def test_open_runs_and_the_newest_window_of_each_name_are_shown():
    store, runs = open_store("memory://", FakeClock()), ActiveRuns()
    for key in (
        "run:open",
        "run:open/agent:a",
        "run:open-too",
        "run:flow",
        "run:over",
        "tenant:acme@2026-11-23",
        "tenant:acme@2026-11-24",
        "workflow:report@all",
    ):
        store.stop(key, "shown")
    runs.join(ActiveRun("open"))
    runs.add(ActiveRun("flow"))

    assert [view.key for view in shown_ledgers(store, runs)] == [
        "run:open",
        "run:open/agent:a",
        "run:flow",
        "tenant:acme@2026-11-24",
        "workflow:report@all",
    ]
