"""What ``wflo run`` is going to run: the run, the policy that holds, the child's environment.

The rule: everything that can be wrong is found here, before anything starts.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from wflo_otel.cli.state import file_of, url_of
from wflo_otel.config import Settings, from_environment, load_policy, with_run_budget
from wflo_otel.core.policy import Policy
from wflo_otel.errors import ConfigError

#: The folder that comes first on a program's path; Python imports ``sitecustomize`` from it.
HOOK = Path(__file__).resolve().parents[1] / "bootstrap" / "hook"

DEFAULT_POLICY = Path("wflo.yaml")
DEFAULT_STATE = Path(".wflo/state.db")


@dataclass(frozen=True, slots=True)
class Options:
    """The options of ``wflo run``, as written."""

    budget: str | None = None
    policy: str | None = None
    state: str | None = None
    name: str | None = None
    strict: bool = False
    live: bool = True


@dataclass(frozen=True, slots=True)
class Launch:
    """A program that is about to run."""

    command: tuple[str, ...]
    run_id: str
    name: str
    joined: bool
    policy: Policy
    #: Where the run's budget was given: a file's name, ``--budget``; empty without any.
    sources: tuple[str, ...]
    state: Path
    #: Why the state is not where it would usually be.
    state_note: str
    strict: bool
    disabled: bool
    trace_urls: str | None
    environ: Mapping[str, str]


def prepare(command: Sequence[str], options: Options, environ: Mapping[str, str]) -> Launch:
    """Read options, environment and policy.

    Raises:
        ConfigError: something is wrong; of a policy file every problem is kept.
    """
    settings = from_environment(environ)
    policy_file = policy_file_of(options.policy, settings)
    policy = Policy() if policy_file is None else load_policy(policy_file)
    budget = options.budget or (settings.budget_usd and str(settings.budget_usd)) or None
    if budget is not None:
        policy = with_run_budget(policy, budget)
    state, note = _state_file(options, settings)
    joined = settings.run_id is not None
    run_id = settings.run_id or uuid4().hex[:12]
    name = options.name or settings.run_name or script_name(command)
    strict = options.strict or settings.strict
    ours = {
        "WFLO_RUN_ID": run_id,
        "WFLO_RUN_NAME": name,
        "WFLO_STATE": url_of(state),
        "WFLO_POLICY": "" if policy_file is None else str(policy_file.absolute()),
        "WFLO_BUDGET_USD": budget or "",
        "WFLO_STRICT": "1" if strict else "",
    }
    return Launch(
        command=tuple(command),
        run_id=run_id,
        name=name,
        joined=joined,
        policy=policy,
        sources=_sources(options, settings, policy_file, budget),
        state=state,
        state_note=note,
        strict=strict,
        disabled=settings.disabled,
        trace_urls=settings.trace_url,
        environ=child_environment(environ, ours),
    )


def policy_file_of(given: str | None, settings: Settings) -> Path | None:
    """The policy file that is given, else the environment's, else ``./wflo.yaml``, if any."""
    if given is not None:
        return Path(given)
    if settings.policy is not None:
        return settings.policy
    return DEFAULT_POLICY if DEFAULT_POLICY.is_file() else None


def _sources(
    options: Options, settings: Settings, policy_file: Path | None, budget: str | None
) -> tuple[str, ...]:
    given = "--budget" if options.budget else "WFLO_BUDGET_USD"
    named = () if policy_file is None else (policy_file.name,)
    return (*named, given) if budget is not None else named


def _state_file(options: Options, settings: Settings) -> tuple[Path, str]:
    given = options.state or settings.state
    if given is not None:
        return file_of(given), ""
    folder = DEFAULT_STATE.parent
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError:
        usable = False
    else:
        usable = os.access(folder, os.W_OK | os.X_OK)
    if usable:
        return DEFAULT_STATE.absolute(), ""
    # The budget must hold where the program's folder is read-only, too.
    elsewhere = Path(tempfile.mkdtemp(prefix="wflo-")) / "state.db"
    return elsewhere, f"{folder} cannot be written here"


def script_name(command: Sequence[str]) -> str:
    """Name a run after its program: ``agent`` for ``python agent.py`` and ``python -m agent``."""
    from wflo_otel.cli.interpreter import program_of

    return Path(program_of(command)).stem or "run"


def child_environment(environ: Mapping[str, str], ours: Mapping[str, str]) -> dict[str, str]:
    """Add our variables and the start-up hook; a variable of ours without a value is taken out."""
    made = {name: value for name, value in environ.items() if name not in ours}
    made.update((name, value) for name, value in ours.items() if value)
    # An empty entry means the current folder: it is kept, the hook is never there twice.
    kept = [each for each in _entries(environ.get("PYTHONPATH")) if each != str(HOOK)]
    made["PYTHONPATH"] = os.pathsep.join([str(HOOK), *kept])
    return made


def _entries(path: str | None) -> list[str]:
    return path.split(os.pathsep) if path else []


def check_name(name: str | None) -> None:
    """Refuse a name that no report could show.

    Raises:
        ConfigError: it is empty, longer than 200 characters, or more than one line.
    """
    if name is not None and not (name.strip() and name.isprintable() and len(name) <= 200):
        raise ConfigError("--name: must be one line of at most 200 characters")
