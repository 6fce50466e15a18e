"""For how long a provider asks to be left alone: ``Retry-After`` (RFC 9110 §10.2.3), and
``retry-after-ms``, which OpenAI and Azure send beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from math import isfinite


def retry_after_s(headers: Mapping[str, str], now: float) -> float | None:
    """Read the seconds from ``now``; ``None`` where nothing is asked, or not understood.

    Args:
        headers: of a response; names in lower case, or a mapping that minds no case.
        now: in seconds since the epoch; of use where a date is given.
    """
    millis = _number(headers.get("retry-after-ms"))
    if millis is not None:
        return millis / 1000
    written = headers.get("retry-after")
    seconds = _number(written)
    if seconds is not None or written is None:
        return seconds
    try:
        date = parsedate_to_datetime(written)
    except (ValueError, OverflowError):
        return None
    at = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, at.timestamp() - now)


def _number(written: str | None) -> float | None:
    try:
        number = float(written or "")
    except ValueError:
        return None
    return number if isfinite(number) and number >= 0 else None
