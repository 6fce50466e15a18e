"""What a program will be started with: the interpreter, the variables, the policy, the state.

The rule: nothing is left behind. What is tried in the state is gone afterwards, and a state that
is not there yet is not made.
"""

from __future__ import annotations

import platform
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from wflo_otel.cli.doctor.findings import Finding, Level
from wflo_otel.cli.interpreter import Interpreter
from wflo_otel.cli.launch import DEFAULT_STATE, child_environment, policy_file_of
from wflo_otel.cli.policy import summary
from wflo_otel.cli.preflight import problem_of
from wflo_otel.cli.state import file_of, shown, url_of
from wflo_otel.clock import SystemClock
from wflo_otel.config import (
    PolicyFileError,
    Settings,
    from_environment,
    load_policy,
    with_run_budget,
)
from wflo_otel.config.environment import PREFIX
from wflo_otel.core.admission import Need, Reserve
from wflo_otel.core.call import Ask, Call, Operation
from wflo_otel.core.decision import Granted
from wflo_otel.core.policy import Budget, Policy
from wflo_otel.core.scope import Caller, Scope, run_key
from wflo_otel.errors import ConfigError, StoreError
from wflo_otel.stores import open_store


def interpreter(environ: Mapping[str, str]) -> list[Finding]:
    """Say which Python this is, and whether the guard comes up in it by itself."""
    python = Finding("python", Level.OK, f"{platform.python_version()}, {sys.executable}")
    flags = {"I": sys.flags.isolated, "E": sys.flags.ignore_environment, "S": sys.flags.no_site}
    given = frozenset(letter for letter, is_on in flags.items() if is_on)
    argv = (sys.executable, *(f"-{letter}" for letter in sorted(given)))
    others = {name: value for name, value in environ.items() if not name.startswith(PREFIX)}
    problem = problem_of(Interpreter(argv, given, "-"), child_environment(others, {}))
    if problem is not None:
        return [python, Finding("start-up", Level.PROBLEM, problem)]
    return [python, Finding("start-up", Level.OK, "`wflo run` guards programs of this Python")]


def settings(environ: Mapping[str, str]) -> tuple[Settings, list[Finding]]:
    """Read the variables; what is impossible there is found, and then none of them is used."""
    try:
        read = from_environment(environ)
    except ConfigError as error:
        return Settings(), [Finding("variables", Level.PROBLEM, str(error))]
    found = [Finding("variables", Level.PROBLEM, each) for each in read.warnings]
    if read.disabled:
        says = "WFLO_DISABLED switches everything off: nothing is refused"
        found.append(Finding("variables", Level.PROBLEM, says, "unset it"))
    return read, found


def policy(given: str | None, read: Settings) -> list[Finding]:
    """Say what the policy limits, or everything that is wrong with it."""
    path = policy_file_of(given, read)
    try:
        held = Policy() if path is None else load_policy(path)
    except PolicyFileError as error:
        return [Finding("policy", Level.PROBLEM, each) for each in error.problems]
    named = [] if path is None else [str(path)]
    if read.budget_usd is not None:
        held = with_run_budget(held, read.budget_usd)
        named.append("WFLO_BUDGET_USD")
    if held.budgets.is_empty:
        says = ": ".join([*named, "no budget, so calls are only counted and nothing is refused"])
        return [Finding("policy", Level.NOTE, says, "`wflo init` writes a policy")]
    return [Finding("policy", Level.OK, f"{', '.join(named)}: {summary(held)}")]


def state(given: str | None, read: Settings) -> list[Finding]:
    """Reserve money in the state for a call that nobody makes, and release it again."""
    url = given or read.state or url_of(DEFAULT_STATE.absolute())
    try:
        says = _tried(url)
    except (ConfigError, StoreError) as error:
        todo = "no call under a budget runs without it (see on_state_error)"
        return [Finding("state", Level.PROBLEM, str(error), todo)]
    return [Finding("state", Level.OK, says)]


def _tried(url: str) -> str:
    if not url.startswith("sqlite:"):
        _try_out(url)
        return f"{url.partition('://')[0]}://: a call was reserved and released"
    path = file_of(url)
    if path.exists():
        _try_out(url_of(path))
        return f"{shown(path)}: a call was reserved and released"
    with _beside(path) as folder:
        _try_out(url_of(Path(folder) / path.name))
    return f"{shown(path)}: not there yet; it can be made"


def _beside(path: Path) -> tempfile.TemporaryDirectory[str]:
    """A folder where the file's would be made, which is gone afterwards."""
    there = next(each for each in path.parents if each.exists())
    try:
        return tempfile.TemporaryDirectory(prefix=".wflo-doctor-", dir=there)
    except OSError as error:
        raise StoreError(
            f"the state file {path} cannot be made: {there}: {error.strerror}"
        ) from error


def _try_out(url: str) -> None:
    clock = SystemClock()
    store = open_store(url, clock)
    try:
        call_id = clock.new_id()
        key = run_key(f"doctor-{call_id}")
        call = Call(call_id, Ask(Operation.CHAT, "openai", None), Caller(key))
        request = Reserve(call_id, Need(0, 1_000, 0, 1), call_id, 0.0)
        answer = store.admit([Scope(key, Budget(usd=1))], call, request)
        if not isinstance(answer, Granted):
            raise StoreError(f"a call of one nano-dollar was not admitted: {answer}")
        store.void(call_id)
        store.forget(key)
    finally:
        store.close()
