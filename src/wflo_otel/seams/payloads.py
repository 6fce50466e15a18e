"""The arguments of a call that failed for good, as bytes, and the way back.

The rules: plain data only, never pickled; what cannot be kept, or would come back as something
else, is a reason and never an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wflo_otel.core import codec
from wflo_otel.errors import CheckpointCodecError, DeadLetterError

#: The longest payload that is kept, in bytes.
MAX_BYTES = 1_000_000

_TOO_LARGE = f"its arguments are larger than {MAX_BYTES // 1_000_000} MB"
_CHANGED = "its arguments hold objects, which would come back as plain data"


@dataclass(frozen=True, slots=True)
class Payload:
    """The bytes, where there are any, and why they cannot be sent again, where that is so."""

    data: bytes | None = field(repr=False)
    problem: str = ""


def payload_of(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Payload:
    """Keep the arguments of a call."""
    given = {"args": list(args), "kwargs": dict(kwargs)}
    try:
        if _is_large(given):
            return Payload(None, _TOO_LARGE)
        data = codec.encode(given)
        if len(data) > MAX_BYTES:
            return Payload(None, _TOO_LARGE)
        is_same = bool(codec.decode(data) == given)
    except CheckpointCodecError as error:
        return Payload(None, str(error).replace("state.", "", 1))
    except Exception as error:  # noqa: BLE001  # methods of the arguments; the call's error matters
        return Payload(None, f"reading its arguments failed ({type(error).__name__})")
    return Payload(data, "" if is_same else _CHANGED)


def arguments_of(data: bytes) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Read the arguments back.

    Raises:
        DeadLetterError: they cannot be read.
    """
    try:
        found = codec.decode(data)
        return tuple(found["args"]), dict(found["kwargs"])
    except (CheckpointCodecError, KeyError, TypeError, ValueError) as error:
        raise DeadLetterError("the stored arguments are damaged") from error


def _is_large(value: object) -> bool:
    """Whether the texts and bytes in it alone are too long: known without writing them."""
    size, left = 0, [value]
    seen: set[int] = set()
    while left and size <= MAX_BYTES:
        each = left.pop()
        if isinstance(each, str | bytes | bytearray):
            size += len(each)
        elif isinstance(each, Mapping | list | tuple | set | frozenset) and id(each) not in seen:
            seen.add(id(each))
            size += len(each)
            left += [*each.keys(), *each.values()] if isinstance(each, Mapping) else each
    return size > MAX_BYTES
