"""The kinds of values a policy holds: how each is read, and how the JSON Schema says it.

A reader takes what was written and gives the value as the core wants it, or raises
``ValueError`` with a message that quotes what was written and says what to write. What YAML
would guess (octal ``010``, sexagesimal ``1:30``, ``yes``) is refused rather than guessed.
"""

from __future__ import annotations

import functools
import re
import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from wflo_otel.config.problems import nearest, shown
from wflo_otel.config.tree import Text
from wflo_otel.core.money import MAX_NANO_USD, to_nano_usd

#: Lua numbers are doubles; a larger count would no longer be exact in Redis.
MAX_COUNT = 2**53 - 1
#: A call that waits longer than a day is a program that hangs.
MAX_WAIT_S = 86_400
#: A hundred years.
MAX_DAYS = 36_500

_UNSIGNED = r"(?:(?:0|[1-9][0-9_]{0,15})(?:\.[0-9]{0,18})?|\.[0-9]{1,18})(?:[eE][+-]?[0-9]{1,2})?"
_NUMBER = re.compile(rf"[+-]?{_UNSIGNED}")
_COUNT = re.compile(r"[1-9][0-9_]{0,23}")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value: its name in the documentation, its reader, its JSON Schema."""

    name: str
    read: Callable[[Text], object]
    schema: Mapping[str, object]


def read_amount(text: str) -> int:
    """Read US dollars as nano-USD.

    Raises:
        ValueError: it is no amount from 0 to 9 M$, or is finer than a nano-dollar.
    """
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{shown(text)} is not an amount in US dollars (write 5.00)")
    return to_nano_usd(text.replace("_", ""))


def _read_price(written: Text) -> int:
    # 1 USD for a million tokens is 10^6 pico-USD for one: a thousandth of the nano-USD.
    nano_usd = read_amount(written.text)
    if nano_usd % 1_000:
        raise ValueError(f"{shown(written.text)} is finer than a micro-dollar per million tokens")
    return nano_usd // 1_000


def _read_count(written: Text) -> int:
    if not _COUNT.fullmatch(written.text):
        raise ValueError(f"{shown(written.text)} is not a positive whole number (write 200_000)")
    if written.tag != "int":
        raise ValueError(f"{shown(written.text)} is text (write the number without quotes)")
    count = int(written.text.replace("_", ""))
    if count > MAX_COUNT:
        raise ValueError(f"{shown(written.text)} is beyond {MAX_COUNT:_}")
    return count


def whole(least: int, most: int) -> Kind:
    """Make the kind of a whole number between these."""

    def read(written: Text) -> int:
        count = _read_count(written)
        if not least <= count <= most:
            raise ValueError(f"{shown(written.text)} is not from {least:_} to {most:_}")
        return count

    return Kind("whole number", read, {"type": "integer", "minimum": least, "maximum": most})


def _read_number(written: Text) -> float | None:
    if not _NUMBER.fullmatch(written.text) or written.tag not in {"int", "float"}:
        return None
    return float(written.text.replace("_", ""))


def _read_share(written: Text) -> float:
    share = _read_number(written)
    if share is None or not 0 < share <= 1:
        raise ValueError(f"{shown(written.text)} is not a share above 0 and up to 1 (write 0.8)")
    return share


def _read_seconds(written: Text) -> float:
    seconds = _read_number(written)
    if seconds is None or not 0 <= seconds <= MAX_WAIT_S:
        raise ValueError(
            f"{shown(written.text)} is not a number of seconds from 0 to {MAX_WAIT_S:_} (write 60)"
        )
    return seconds


def _read_span(written: Text) -> float:
    seconds = _read_number(written)
    if seconds is None or not 0 < seconds <= MAX_WAIT_S:
        raise ValueError(
            f"{shown(written.text)} is not a number of seconds above 0 and up to {MAX_WAIT_S:_} "
            "(write 60)"
        )
    return seconds


def _read_milliseconds(written: Text) -> float:
    milliseconds = _read_number(written)
    if milliseconds is None or not 0 <= milliseconds <= MAX_WAIT_S * 1000:
        raise ValueError(
            f"{shown(written.text)} is not a number of milliseconds from 0 to "
            f"{MAX_WAIT_S * 1000:_} (write 100)"
        )
    return milliseconds


def _read_days(written: Text) -> float:
    days = _read_number(written)
    if days is None or not 0 < days <= MAX_DAYS:
        raise ValueError(
            f"{shown(written.text)} is not a number of days above 0 and up to {MAX_DAYS:_} "
            "(write 30)"
        )
    return days


def _read_switch(written: Text) -> bool:
    word = written.text.lower()
    if written.tag != "bool" or word not in {"true", "false"}:
        raise ValueError(f"{shown(written.text)} is not true or false")
    return word == "true"


def _read_name(written: Text) -> str:
    if written.tag in {"int", "float", "bool"}:
        raise ValueError(f"{shown(written.text)} is not a name (put it in quotes if it is one)")
    if not written.text.strip():
        raise ValueError("is an empty name")
    return written.text


def _read_timezone(written: Text) -> str:
    name = _read_name(written)
    known = _timezones()
    # A slim system may have no time zone database; UTC is known without one.
    if name == "UTC" or name in known:
        return name
    if not known:
        raise ValueError(f"{shown(name)} cannot be checked (install the package tzdata)")
    meant = nearest(name, known)
    hint = f"did you mean {meant}?" if meant else "write one such as Europe/Berlin"
    raise ValueError(f"{shown(name)} is not a time zone ({hint})")


def _read_webhook(written: Text) -> str:
    """Read where a notice is posted to; it may hold a token, so no message quotes it."""
    url = written.text
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_whole = False
    if not is_whole or not re.fullmatch(r"[!-~]{1,2000}", url):
        raise ValueError("is not the URL of a webhook (write one such as https://example.com/hook)")
    return url


def _read_word(written: Text) -> str:
    if "\0" in written.text:
        raise ValueError("holds a character that no argument can hold")
    return written.text


@functools.cache
def _timezones() -> frozenset[str]:
    # Python walks the whole database each time it is asked.
    return frozenset(zoneinfo.available_timezones())


def choice(values: type[StrEnum]) -> Kind:
    """Make the kind of one of these words."""
    words = [str(word) for word in values]

    def read(written: Text) -> StrEnum:
        if written.text in words:
            return values(written.text)
        meant = nearest(written.text, words)
        hint = f" (did you mean {meant}?)" if meant else ""
        raise ValueError(f"{shown(written.text)} is not one of {', '.join(words)}{hint}")

    return Kind(" or ".join(f"`{word}`" for word in words), read, {"enum": words})


def choices(values: type[StrEnum]) -> Kind:
    """Make the kind of a list of these words; its reader reads one of them."""
    one = choice(values)
    return Kind(f"list of {one.name}", one.read, {"type": "array", "items": one.schema})


def _number_or_text(maximum: float) -> dict[str, object]:
    number = {"type": "number", "minimum": 0, "maximum": maximum}
    return {"anyOf": [number, {"type": "string", "pattern": rf"^\+?{_UNSIGNED}$"}]}


_MAX_USD = MAX_NANO_USD / 1_000_000_000

AMOUNT = Kind("amount", lambda written: read_amount(written.text), _number_or_text(_MAX_USD))
PRICE = Kind("amount", _read_price, _number_or_text(_MAX_USD))
COUNT = Kind("whole number", _read_count, {"type": "integer", "minimum": 1, "maximum": MAX_COUNT})
SHARE = Kind("number", _read_share, {"type": "number", "exclusiveMinimum": 0, "maximum": 1})
SECONDS = Kind("number", _read_seconds, {"type": "number", "minimum": 0, "maximum": MAX_WAIT_S})
MILLISECONDS = Kind(
    "number",
    _read_milliseconds,
    {"type": "number", "minimum": 0, "maximum": MAX_WAIT_S * 1000},
)
SPAN = Kind("number", _read_span, {"type": "number", "exclusiveMinimum": 0, "maximum": MAX_WAIT_S})
DAYS = Kind("number", _read_days, {"type": "number", "exclusiveMinimum": 0, "maximum": MAX_DAYS})
SWITCH = Kind("`true` or `false`", _read_switch, {"type": "boolean"})
NAME = Kind("name", _read_name, {"type": "string", "pattern": r"\S"})
TIMEZONE = Kind("time zone", _read_timezone, {"type": "string", "pattern": r"\S"})
WEBHOOK = Kind("URL", _read_webhook, {"type": "string", "pattern": "^https?://[!-~]+$"})
WORD = Kind(
    "word",
    _read_word,
    {"anyOf": [{"type": written} for written in ("string", "number", "boolean")]},
)
#: Its reader reads one of them.
WORDS = Kind(
    "list of words",
    _read_word,
    {"type": "array", "minItems": 1, "items": WORD.schema},
)
