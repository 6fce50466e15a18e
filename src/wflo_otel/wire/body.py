"""Reading JSON that somebody else wrote.

Every reader takes any value and returns one of its own type: a hostile body yields ``None``,
zero or nothing, never an exception.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

#: What ``json.loads`` makes of an object.
JsonObject: TypeAlias = dict[str, object]

#: More than any count can be; keeps sums within 64 bits.
MAX_COUNT = 10**12

_DECODER = json.JSONDecoder()
_BYTE_ORDER_MARK = "\ufeff"
_ONE_HOUR = re.compile(rb'"ttl"\s*:\s*"1h"')
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.:/ -]{1,64}", re.ASCII)


def parse(data: bytes) -> object:
    """Read JSON; ``None`` where it is none (or says ``null``)."""
    try:
        written = data.decode("utf-8", "replace").removeprefix(_BYTE_ORDER_MARK)
        return _DECODER.raw_decode(written.strip())[0]
    except (ValueError, RecursionError):
        return None


def read_object(data: bytes) -> JsonObject | None:
    """Read a JSON object; ``None`` where it is none."""
    value = parse(data)
    return value if isinstance(value, dict) else None


def write(value: JsonObject) -> bytes:
    """Write compact JSON as UTF-8; lone surrogates, which UTF-8 cannot hold, stay escaped."""
    text = compact(value)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def compact(value: object) -> str:
    """Write compact JSON; empty where it is nested too deeply to be written."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        return ""


def text(value: object) -> str | None:
    """A non-empty string, or ``None``."""
    return value if isinstance(value, str) and value else None


def count(value: object) -> int:
    """A count: a non-negative whole number, else 0."""
    if not value:  # as most counts of a usage: told apart before anything is asked of it
        return 0
    return optional_count(value) or 0


def optional_count(value: object) -> int | None:
    """A count, or ``None`` where there is no number. Whole floats count; infinities do not."""
    if value is None:
        return None
    if type(value) is int:
        return value if 0 <= value <= MAX_COUNT else min(max(value, 0), MAX_COUNT)
    if isinstance(value, float) and 0 <= value <= MAX_COUNT:
        return int(value)
    return None


def items(value: object) -> Sequence[object]:
    """A list, or nothing."""
    return value if isinstance(value, list) else ()


def objects(value: object) -> list[JsonObject]:
    """The objects in a list."""
    return [each for each in items(value) if isinstance(each, dict)]


_EMPTY: Mapping[str, object] = {}


def mapping(value: object) -> Mapping[str, object]:
    """An object, or an empty one."""
    return value if isinstance(value, dict) else _EMPTY


def digest(written: str) -> str:
    """A short name for a text; empty for an empty one."""
    if not written:
        return ""
    return hashlib.blake2b(written.encode("utf-8", "replace"), digest_size=8).hexdigest()


def cache_write(body: bytes) -> str:
    """For how long a body asks to cache what it marks. In a JSON text a quote is escaped, so
    that what looks like a key is one."""
    if b'"cache_control"' not in body and b'"cachePoint"' not in body:
        return ""
    return "1h" if _ONE_HOUR.search(body) else "5m"


def plain_name(value: object) -> str | None:
    """A short name or number fit for a log (an error's type or code), or ``None``.

    What does not look like a name may be content, and is not passed on.
    """
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < MAX_COUNT:
        return str(value)
    if isinstance(value, str) and _PLAIN_NAME.fullmatch(value):
        return value
    return None


def error_type(value: object) -> str | None:
    """The type or the code of the error in a body or an event; ``None`` where there is none.

    Known shapes (facts of recorded traffic): ``{"error": {"type", "code"}}``,
    ``{"error": "text"}``, ``{"type": "error", "code"}``, ``{"object": "error", "type"}``, and
    the first of a list of them.
    """
    if isinstance(value, list) and value:
        value = value[0]
    body = mapping(value)
    found = body.get("error")
    if isinstance(found, dict):
        return plain_name(found.get("type")) or plain_name(found.get("code")) or "error"
    if found:
        return "error"
    if body.get("type") == "error":
        return plain_name(body.get("code")) or "error"
    if body.get("object") == "error":
        return plain_name(body.get("type")) or plain_name(body.get("code")) or "error"
    return None
