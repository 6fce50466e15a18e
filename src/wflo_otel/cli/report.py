"""``wflo report`` and ``wflo budgets``: what the state knows of runs."""

from __future__ import annotations

import json
import os
import sys

from wflo_otel.cli.ending import lines_under
from wflo_otel.cli.state import (
    NoSuchRunError,
    find_run,
    letters_command,
    on_state,
    path_of,
    report_command,
    runs_in,
)
from wflo_otel.cli.tables import ledgers_table, runs_table, tables_of
from wflo_otel.cli.terminal import plain, show
from wflo_otel.config.environment import trace_url_of
from wflo_otel.core.scope import run_key
from wflo_otel.ports import RunInfo
from wflo_otel.report import RunReport, report_of, title_of, with_requests
from wflo_otel.stores import Store

#: So many runs are in the JSON where nobody says how many.
_RUNS_IN_JSON = 100


def print_json(run_id: str | None, last: int | None, state: str | None) -> int:
    """Print runs as JSON, newest first; return the exit code."""

    def work(store: Store) -> None:
        runs = _asked_for(store, run_id, last or _RUNS_IN_JSON)
        reports = [_report_of(run, store).as_json() for run in runs]
        sys.stdout.write(json.dumps({"runs": reports}, indent=2, ensure_ascii=False) + "\n")

    return on_state(state, work)


def print_tables(run_id: str | None, last: int | None, state: str | None) -> int:
    """Print one run in full, or a list of the last ones; return the exit code."""

    def work(store: Store) -> None:
        runs = _asked_for(store, run_id, last or 1)
        reports = [_report_of(run, store) for run in runs]
        if last is not None and last > 1:
            show([runs_table(reports)], to_stdout=True)
            return
        found = with_requests(reports[0], runs_in(store), store)
        sys.stdout.write(plain(f"{title_of(found.run)}\n\n"))
        sys.stdout.flush()
        parts = [each for table in tables_of(found) for each in (table, "")]
        path = path_of(state)
        more = report_command(found.run.run_id, path, "--json")
        under = lines_under(found, os.environ, more, letters_command(path))
        show([*parts, under], to_stdout=True)

    return on_state(state, work)


def print_budgets(run_id: str | None, state: str | None) -> int:
    """Print ledgers: of one run, or all of them; return the exit code."""

    def work(store: Store) -> None:
        prefix = ""
        if run_id is not None:
            prefix = run_key(find_run(runs_in(store), run_id).run_id)
        show([ledgers_table(store.ledgers(prefix))], to_stdout=True)

    return on_state(state, work)


def _asked_for(store: Store, run_id: str | None, last: int) -> list[RunInfo]:
    if run_id is not None:
        return [find_run(runs_in(store), run_id)]
    runs = runs_in(store, last)
    if not runs:
        raise NoSuchRunError("no run is in this state yet")
    return runs


def _report_of(run: RunInfo, store: Store) -> RunReport:
    return report_of(run, store, trace_url_of(os.environ))
