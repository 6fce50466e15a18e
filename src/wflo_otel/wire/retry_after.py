"""How long a provider asks to wait, as its response headers say.

``retry-after-ms`` (OpenAI, Azure), ``retry-after`` in seconds or as a date (RFC 9110 §10.2.3),
``x-ratelimit-reset-*`` as durations such as ``6m0s`` (OpenAI, Groq, Mistral, xAI, Together) and
``anthropic-ratelimit-*-reset`` as times (RFC 3339). The rule: what cannot be read is not there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite

_TOO_MANY = 429
_OPENAI = "x-ratelimit-"
_ANTHROPIC = "anthropic-ratelimit-"
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def retry_after_s(headers: Mapping[str, str], *, status: int | None, now: float) -> float | None:
    """The seconds to wait, ``None`` where the provider asks for none.

    Rate limits count only beside a 429: every answer tells them. Those that are used up must be
    reset; where none says that it is, the first reset may be enough.

    Args:
        headers: by lower-case name.
        now: in seconds since the epoch.
    """
    asked = _milliseconds(headers.get("retry-after-ms", ""))
    if asked is None:
        asked = _seconds_or_date(headers.get("retry-after", ""), now)
    if asked is not None or status != _TOO_MANY:
        return asked
    limits = list(_limits(headers, now))
    used_up = [seconds for seconds, left in limits if left == "0"]
    return max(used_up) if used_up else min((seconds for seconds, _ in limits), default=None)


def should_retry(headers: Mapping[str, str]) -> bool | None:
    """What the provider says outright about trying again (``x-should-retry``)."""
    return {"true": True, "false": False}.get(headers.get("x-should-retry", "").lower())


def _limits(headers: Mapping[str, str], now: float) -> Iterator[tuple[float, str | None]]:
    """The seconds until each limit is reset, and what is left of it."""
    for name, value in headers.items():
        if name.startswith(f"{_OPENAI}reset-"):
            seconds = _duration(value)
            left = headers.get(name.replace("-reset-", "-remaining-"))
        elif name.startswith(_ANTHROPIC) and name.endswith("-reset"):
            seconds = _until(value, now)
            left = headers.get(f"{name.removesuffix('-reset')}-remaining")
        else:
            continue
        if seconds is not None:
            yield seconds, left


def _milliseconds(written: str) -> float | None:
    number = _number(written)
    return None if number is None else number / 1000


def _seconds_or_date(written: str, now: float) -> float | None:
    seconds = _number(written)
    if seconds is not None:
        return seconds
    try:
        at = parsedate_to_datetime(written)
    except (ValueError, TypeError):
        return None
    return _seconds_until(at, now)


def _duration(written: str) -> float | None:
    seconds = _number(written)
    if seconds is not None:
        return seconds
    parts = _DURATION.findall(written)
    if not parts or "".join(number + unit for number, unit in parts) != written.strip():
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def _until(written: str, now: float) -> float | None:
    try:
        at = datetime.fromisoformat(written)
    except ValueError:
        return None
    return _seconds_until(at, now)


def _seconds_until(at: datetime, now: float) -> float:
    # A date without a zone is in UTC: HTTP has no other.
    aware = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return max(0.0, aware.timestamp() - now)


def _number(written: str) -> float | None:
    try:
        number = float(written)
    except ValueError:
        return None
    return number if isfinite(number) and number >= 0 else None
