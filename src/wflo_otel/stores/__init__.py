"""Where state is kept: ``memory://`` and ``sqlite:///path``.

The rule that holds here: a store is named by a URL, and what is wrong with the URL is said
without repeating it, for a URL may carry a password.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from wflo_otel.errors import ConfigError
from wflo_otel.ports import CheckpointStore, Clock, DeadLetters, PolicyState, ResultLog, Runs
from wflo_otel.stores.memory import MemoryStore

__all__ = ["Store", "open_store"]

_FORMS = "use memory://, sqlite:///relative/path or sqlite:////absolute/path"


class Store(PolicyState, Runs, CheckpointStore, Protocol):
    """All that is kept of runs, in one place."""

    @property
    def dead_letters(self) -> DeadLetters:
        """What failed for good."""
        ...

    @property
    def result_log(self) -> ResultLog:
        """What was paid for."""
        ...


def open_store(url: str, clock: Clock) -> Store:
    """Open the store that a URL names.

    Raises:
        ConfigError: there is no such store.
        StoreError: the file cannot be used.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        raise ConfigError(f"the state is not a URL; {_FORMS}")
    if scheme == "memory" and not rest:
        return MemoryStore(clock)
    if scheme == "sqlite":
        from wflo_otel.stores.sqlite import SqliteStore  # 8 ms, of which a memory needs none

        return SqliteStore(_file_of(rest), clock)
    if scheme in {"redis", "rediss", "unix"}:
        raise ConfigError(f"state in {scheme}:// is not in this version; {_FORMS}")
    raise ConfigError(f"no state store is called {scheme}://; {_FORMS}")


def _file_of(rest: str) -> Path:
    if not rest.startswith("/") or not rest[1:] or rest.endswith("/"):
        raise ConfigError(f"a sqlite:// URL names a file after three slashes; {_FORMS}")
    if rest == "/:memory:":
        raise ConfigError("a state in memory is called memory://")
    return Path(rest[1:]).expanduser()
