"""What is done about model calls that pass by the guard: they are named when the process ends.

The rule: ``--strict`` allows none; then the call is refused, or the import of a library whose
calls cannot be seen.
"""

from __future__ import annotations

import atexit
from functools import cache

from wflo_otel.errors import ConfigError
from wflo_otel.seams.unguarded import Told, watch

_REMEDY = "put @wflo.track_llm_call around such calls, or use a client that is guarded"

_noticed: dict[str, int] = {}


@cache
def name_at_the_end(say: Told) -> None:
    """Have ``say`` say on one line, when the process ends, what passed by. Idempotent."""
    watch(_notice)
    atexit.register(_tell, say)


@cache
def allow_none() -> None:
    """Refuse what passes by. Idempotent."""
    watch(_refuse)


def _notice(said: str) -> None:
    _noticed[said] = _noticed.get(said, 0) + 1


def _tell(say: Told) -> None:
    if _noticed:
        found = "; ".join(_times(said, count) for said, count in _noticed.items())
        say(f"NOT counted and NOT refused: {found} ({_REMEDY})")


def _times(said: str, count: int) -> str:
    return said if count == 1 else f"{said} ({count:,} times)"


def _refuse(said: str) -> None:
    raise ConfigError(f"{said}, and --strict allows nothing that is not guarded: {_REMEDY}")
