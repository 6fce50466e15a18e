"""``wflo run``: a program under a budget, from its first line to the table at its end.

The rule: nothing starts before everything is known to be right, and whatever happens after
that, the exit code is the program's.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from wflo_otel.cli import EXIT_USAGE
from wflo_otel.cli.interpreter import interpreter_of
from wflo_otel.cli.launch import Launch, Options, check_name, prepare
from wflo_otel.cli.live import LiveLine, is_possible
from wflo_otel.cli.peek import Peek
from wflo_otel.cli.policy import limits_of, print_problems
from wflo_otel.cli.preflight import problem_of
from wflo_otel.cli.state import letters_command, report_command, runs_in, shown, url_of
from wflo_otel.cli.supervise import supervise
from wflo_otel.cli.terminal import say, show
from wflo_otel.cli.trace import run_span
from wflo_otel.clock import SystemClock
from wflo_otel.config import PolicyFileError
from wflo_otel.config.environment import EXIT_UNGUARDED
from wflo_otel.core.policy import Mode, Policy, Unrecognised
from wflo_otel.errors import ConfigError, StoreError
from wflo_otel.ports import RunInfo
from wflo_otel.report import RunReport, report_of, title_of, with_requests
from wflo_otel.stores import Store, open_store

__all__ = ["Options", "run_command"]

#: What shells say of a command that is not there, or cannot be run.
EXIT_NOT_FOUND, EXIT_NOT_EXECUTABLE = 127, 126


def run_command(command: Sequence[str], options: Options) -> int:
    """Run a command guarded; return the exit code: the program's, or why it did not start."""
    try:
        check_name(options.name)
        launch = prepare(command, options, os.environ)
    except PolicyFileError as error:
        print_problems(error)
        return EXIT_USAGE
    except ConfigError as error:
        say(str(error))
        return EXIT_USAGE
    try:
        store = open_store(url_of(launch.state), SystemClock())
    except (ConfigError, StoreError) as error:
        say(f"refusing to start: {error}")
        return EXIT_UNGUARDED
    try:
        return _run_with(store, launch, options)
    finally:
        store.close()


def _run_with(store: Store, launch: Launch, options: Options) -> int:
    if shutil.which(launch.command[0]) is None:
        return _cannot_run(launch.command[0])
    obstacle = obstacle_to(launch)
    if obstacle is not None:
        say(f"refusing to start: {obstacle}")
        return EXIT_UNGUARDED
    for line in first_lines(launch):
        say(line)
    known_before = launch.joined and _run_of(store, launch) is not None
    live = None
    if options.live and is_possible():
        budget = launch.policy.budgets.run
        live = LiveLine(Peek(launch.state, launch.run_id), None if budget is None else budget.usd)
    try:
        with run_span(launch) as span:
            code = span.exit_code = _supervised(launch, live, span.environ)
    except OSError:
        return _cannot_run(launch.command[0])
    if not launch.disabled:
        _end(store, launch, close=not known_before)
    return code


def _cannot_run(program: str) -> int:
    if Path(program).exists():
        say(f"{program}: cannot be run: it is no program, or may not be executed")
        return EXIT_NOT_EXECUTABLE
    say(f"{program}: command not found")
    return EXIT_NOT_FOUND


def _supervised(launch: Launch, live: LiveLine | None, trace: Mapping[str, str]) -> int:
    environ = {**launch.environ, **trace}
    if live is None:
        return supervise(launch.command, environ, _nothing)
    live.open()
    try:
        return supervise(launch.command, environ, live.tick)
    finally:
        live.close()


def _nothing() -> None:
    """There is no line to keep up to date."""


def obstacle_to(launch: Launch) -> str | None:
    """Say why a program cannot be guarded; ``None`` where it can, or where nobody can tell."""
    if launch.disabled:
        return None
    interpreter = interpreter_of(launch.command)
    if interpreter is not None:
        return problem_of(interpreter, launch.environ)
    if launch.strict:
        return f"{launch.command[0]} is no Python program, and --strict allows no other"
    return None


def first_lines(launch: Launch) -> list[str]:
    """Say what is about to happen."""
    if launch.disabled:
        return ["switched off by WFLO_DISABLED=1: nothing is refused, and no client is guarded"]
    joined = "joined " if launch.joined else ""
    parts = [f"{joined}run {launch.run_id}", _budget_of(launch), f"state {shown(launch.state)}"]
    lines = [" · ".join(parts)]
    if launch.state_note:
        lines.append(f"{launch.state_note}, so the state is kept in {launch.state}")
    if interpreter_of(launch.command) is None:
        lines.append(
            f"{launch.command[0]} is no Python program: only Pythons that it starts are guarded"
        )
    return lines


def _budget_of(launch: Launch) -> str:
    budgets = launch.policy.budgets
    source = f" ({', '.join(launch.sources)})" if launch.sources else ""
    if budgets.is_empty:
        return f"no budget{source or ' and no policy'}: {_refused_without_budget(launch.policy)}"
    held = [] if budgets.run is None else [f"budget {limits_of(budgets.run)}"]
    for kind in ("agents", "tools", "workflows", "tenants"):
        count = len(getattr(budgets, kind))
        if count and budgets.run is None:
            held.append(f"budgets for {kind}")
    shadow = ", shadow: nothing is refused" if launch.policy.mode is Mode.SHADOW else ""
    return f"{', '.join(held)}{source}{shadow}"


def _refused_without_budget(policy: Policy) -> str:
    if policy.unrecognised is Unrecognised.REFUSE and policy.mode is Mode.ENFORCE:
        return "only requests to unknown APIs are refused"
    return "calls are only counted, nothing is refused"


def _run_of(store: Store, launch: Launch) -> RunInfo | None:
    return next((run for run in runs_in(store) if run.run_id == launch.run_id), None)


def _end(store: Store, launch: Launch, *, close: bool) -> None:
    """Close the run and say what it cost; a state that cannot answer changes no exit code."""
    try:
        if close:
            store.close_run(launch.run_id, time.time())
        run = _run_of(store, launch)
        if run is None:
            say("nothing that ran here loaded the guard: NO call was counted or refused")
        else:
            report = report_of(run, store, launch.trace_urls)
            _tell(with_requests(report, runs_in(store), store), launch)
    except StoreError as error:
        say(f"the report cannot be read: {error}")


def _tell(report: RunReport, launch: Launch) -> None:
    from wflo_otel.cli.ending import lines_under
    from wflo_otel.cli.tables import tables_of

    say(title_of(report.run))
    parts = [each for table in tables_of(report) for each in (table, "")]
    more = report_command(report.run.run_id, launch.state)
    letters = letters_command(launch.state)
    show(["", *parts, lines_under(report, launch.environ, more, letters)])
