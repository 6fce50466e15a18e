"""The state file that a command works on, and the run that is meant in it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from wflo_otel.cli import EXIT_USAGE
from wflo_otel.cli.terminal import say
from wflo_otel.clock import SystemClock
from wflo_otel.errors import ConfigError, StoreError, WfloError
from wflo_otel.ports import RunInfo
from wflo_otel.stores import Store, open_store

_SCHEME = "sqlite:///"
_DEFAULT = Path(".wflo/state.db")
#: So many runs are looked at when one is meant.
_KNOWN_RUNS = 10_000


class NoSuchRunError(Exception):
    """The state holds no run that is meant so. The message says what it holds."""


def file_of(url: str) -> Path:
    """The absolute path of the file that a state's URL names.

    Raises:
        ConfigError: it is no ``sqlite:///`` URL. Processes can share only a file.
    """
    if url.startswith("memory:"):
        raise ConfigError(
            "memory:// belongs to one process and is gone with it; use sqlite:///path"
        )
    if not url.startswith(_SCHEME) or len(url) == len(_SCHEME):
        raise ConfigError("the state must be sqlite:///relative/path or sqlite:////absolute/path")
    return Path(url.removeprefix(_SCHEME)).expanduser().absolute()


def url_of(path: Path) -> str:
    """The URL of a state file."""
    return f"{_SCHEME}{path}"


def shown(path: Path) -> str:
    """A path as people write it: relative where it is inside this folder."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def report_command(run_id: str, path: Path, *words: str) -> str:
    """The command line that reports a run of this state, from this folder."""
    return _command(path, "report", run_id, *words)


def letters_command(path: Path) -> str:
    """The command line that lists the dead letters of this state, from this folder."""
    return _command(path, "dlq", "list")


def _command(path: Path, *words: str) -> str:
    given = () if path == _DEFAULT.absolute() else ("--state", url_of(path))
    return " ".join(("wflo", *words, *given))


def path_of(state: str | None) -> Path:
    """The state file that is asked for, by option, by ``WFLO_STATE``, or where it usually is.

    Raises:
        ConfigError: the URL names no file.
    """
    url = state or os.environ.get("WFLO_STATE")
    return file_of(url) if url else _DEFAULT.absolute()


def open_existing(state: str | None) -> Store:
    """Open the state of :func:`path_of`.

    Raises:
        ConfigError: the URL is wrong, or there is no such file: it is not made.
        StoreError: the file cannot be used.
    """
    path = path_of(state)
    if not path.is_file():
        raise ConfigError(f"no state at {shown(path)}: nothing has run here yet (see --state)")
    return open_store(url_of(path), SystemClock())


def on_state(state: str | None, work: Callable[[Store], None]) -> int:
    """Do something with the state that is there; return the exit code, and say what is wrong."""
    try:
        store = open_existing(state)
    except (WfloError, StoreError) as error:
        say(str(error))
        return EXIT_USAGE
    try:
        work(store)
    except ConfigError as error:
        say(str(error))
        return EXIT_USAGE
    except (NoSuchRunError, WfloError) as error:
        say(str(error))
        return 1
    finally:
        store.close()
    return 0


def runs_in(store: Store, limit: int = _KNOWN_RUNS) -> list[RunInfo]:
    """The runs in a state, newest first."""
    return store.runs(limit)


def find_run(runs: Sequence[RunInfo], wanted: str) -> RunInfo:
    """The run with this id, or the only one whose id begins so.

    Raises:
        NoSuchRunError: there is none, or several begin so.
    """
    if not runs:
        raise NoSuchRunError("no run is in this state yet")
    exact = [run for run in runs if run.run_id == wanted]
    found = exact or [run for run in runs if run.run_id.startswith(wanted)]
    if len(found) == 1:
        return found[0]
    if found:
        raise NoSuchRunError(f"{wanted!r} is the start of {len(found)} runs: {_listed(found)}")
    raise NoSuchRunError(f"no run {wanted!r}; {_suggestion(runs, wanted)}")


def _suggestion(runs: Sequence[RunInfo], wanted: str) -> str:
    from difflib import get_close_matches

    by_id = {run.run_id: run for run in runs}
    near = [by_id[each] for each in get_close_matches(wanted, by_id, n=3)]
    return f"did you mean {_listed(near)}?" if near else f"the newest are {_listed(runs[:3])}"


def _listed(runs: Sequence[RunInfo]) -> str:
    return ", ".join(f"{run.run_id} ({run.name or 'unnamed'})" for run in runs[:5])
