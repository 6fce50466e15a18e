"""What the environment says: where things run, and a few switches.

Values are not shown in messages, since a state's URL may hold a password.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from wflo_otel.config.problems import nearest, shown
from wflo_otel.config.values import read_amount
from wflo_otel.core.money import to_usd
from wflo_otel.errors import ConfigError

PREFIX = "WFLO_"

#: The exit code of a program that was not allowed to start (``EX_CONFIG`` of sysexits.h).
EXIT_UNGUARDED = 78

#: Every variable that is read, and what it is for.
VARIABLES: Mapping[str, str] = {
    "WFLO_POLICY": "The path of the policy file.",
    "WFLO_BUDGET_USD": "US dollars for each run; the policy may say less, never more.",
    "WFLO_STATE": "The URL of the state store: `sqlite:///PATH` or `memory://`.",
    "WFLO_RUN_ID": "The run to join, so that several processes share its budget.",
    "WFLO_RUN_NAME": "What reports call the run.",
    "WFLO_AGENT": "The agent that calls are counted for where the program names none.",
    "WFLO_TRACE_URL": "Where traces are looked at, for reports: a URL with `{trace_id}` in it.",
    "WFLO_CHECKPOINT_KEY": "The key that checkpoints are encrypted with: 32 bytes in base64.",
    "WFLO_STRICT": "`1`: allow nothing that is not guarded.",
    "WFLO_DISABLED": "`1`: switch everything off; nothing is refused, and no client is guarded.",
}

_ON = frozenset({"1", "true", "yes", "on"})
_OFF = frozenset({"0", "false", "no", "off"})
_URL = re.compile(r"[a-z][a-z0-9+.-]*://.*")
#: A run id is part of a ledger's key, where a slash begins the next part.
_RUN_ID = re.compile(r"[^\s/]{1,200}")
_TRACE_URL = re.compile(r"https?://[!-~]*\{trace_id\}[!-~]*")
#: 32 bytes in URL-safe base64, with or without the padding.
_KEY = re.compile(r"[A-Za-z0-9_-]{43}=?")
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment, read. ``None``: the variable is unset or empty."""

    policy: Path | None = None
    #: In US dollars.
    budget_usd: Decimal | None = None
    #: Not in the ``repr``: it may hold a password.
    state: str | None = field(default=None, repr=False)
    run_id: str | None = None
    run_name: str | None = None
    agent: str | None = None
    #: With ``{trace_id}`` where the id belongs.
    trace_url: str | None = None
    #: 32 bytes; not in the ``repr``.
    checkpoint_key: bytes | None = field(default=None, repr=False)
    strict: bool = False
    disabled: bool = False
    #: One line for each variable that looks like ours and is none.
    warnings: tuple[str, ...] = ()


def from_environment(environ: Mapping[str, str]) -> Settings:
    """Read the variables that begin with ``WFLO_``.

    Raises:
        ConfigError: a variable's value is impossible; the message names the variable.
    """
    policy = environ.get("WFLO_POLICY")
    return Settings(
        policy=Path(policy) if policy else None,
        budget_usd=_amount(environ, "WFLO_BUDGET_USD"),
        state=_matching(environ, "WFLO_STATE", _URL, "a URL such as sqlite:///.wflo/state.db"),
        run_id=_matching(environ, "WFLO_RUN_ID", _RUN_ID, "an id without spaces and slashes"),
        run_name=_name(environ, "WFLO_RUN_NAME"),
        agent=_name(environ, "WFLO_AGENT"),
        trace_url=trace_url_of(environ),
        checkpoint_key=checkpoint_key_of(environ),
        strict=_switch(environ, "WFLO_STRICT"),
        disabled=_switch(environ, "WFLO_DISABLED"),
        warnings=_strangers(environ),
    )


def trace_url_of(environ: Mapping[str, str]) -> str | None:
    """Read ``WFLO_TRACE_URL`` alone: reports need no more.

    Raises:
        ConfigError: it is no URL with ``{trace_id}`` in it.
    """
    expected = "a URL such as http://localhost:16686/trace/{trace_id}"
    return _matching(environ, "WFLO_TRACE_URL", _TRACE_URL, expected)


def checkpoint_key_of(environ: Mapping[str, str]) -> bytes | None:
    """Read ``WFLO_CHECKPOINT_KEY`` alone.

    Raises:
        ConfigError: it is no 32 bytes in URL-safe base64.
    """
    expected = (
        "32 random bytes in URL-safe base64; make one with "
        "python -c 'import secrets; print(secrets.token_urlsafe(32))'"
    )
    written = _matching(environ, "WFLO_CHECKPOINT_KEY", _KEY, expected)
    return None if written is None else base64.urlsafe_b64decode(f"{written[:43]}=")


def _amount(environ: Mapping[str, str], name: str) -> Decimal | None:
    written = environ.get(name, "").strip()
    if not written:
        return None
    try:
        return to_usd(read_amount(written))
    except ValueError as problem:
        raise ConfigError(f"{name}: {problem}") from None


def _matching(
    environ: Mapping[str, str], name: str, pattern: re.Pattern[str], expected: str
) -> str | None:
    written = environ.get(name, "").strip()
    if not written:
        return None
    if not pattern.fullmatch(written) or not written.isprintable():
        raise ConfigError(f"{name}: must be {expected}")
    return written


def _name(environ: Mapping[str, str], name: str) -> str | None:
    written = environ.get(name, "").strip()
    if not written.isprintable() or len(written) > _LONGEST_NAME:
        raise ConfigError(f"{name}: must be one line of at most {_LONGEST_NAME} characters")
    return written or None


def _switch(environ: Mapping[str, str], name: str) -> bool:
    written = environ.get(name, "").strip().lower()
    if written and written not in _ON | _OFF:
        raise ConfigError(f"{name}: must be 1 or 0")
    return written in _ON


def _strangers(environ: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(
        _stranger(name)
        for name in sorted(environ)
        if name.startswith(PREFIX) and name not in VARIABLES
    )


def _stranger(name: str) -> str:
    # The prefix, which all share, would make every name look like every other.
    meant = nearest(name.removeprefix(PREFIX), (known.removeprefix(PREFIX) for known in VARIABLES))
    hint = f" (did you mean {PREFIX}{meant}?)" if meant else ""
    return f"{shown(name)[1:-1]}: no variable of wflo_otel{hint}"
