"""Which ledgers the budget gauges show: the open runs', and the newest window of each name."""

from __future__ import annotations

from wflo_otel.context import ActiveRuns
from wflo_otel.core.scope import run_key
from wflo_otel.ports import LedgerView, PolicyState

_WINDOWED = ("tenant:", "workflow:")


def shown_ledgers(state: PolicyState, active_runs: ActiveRuns) -> list[LedgerView]:
    """Choose the ledgers that are in force in this process."""
    found = [
        view
        for run in active_runs.open_runs
        for view in state.ledgers(run_key(run.run_id))
        if view.key == run_key(run.run_id) or view.key.startswith(run_key(run.run_id) + "/")
    ]
    for prefix in _WINDOWED:
        newest = {view.key.rpartition("@")[0]: view for view in state.ledgers(prefix)}
        found.extend(newest.values())
    return found
