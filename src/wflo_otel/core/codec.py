"""States as canonical JSON: equal states are equal bytes.

Plain data comes back as it was. What JSON does not have is tagged as ``{"$wflo": tag,
"value": ...}``: dates, times, decimals, UUIDs, bytes, tuples, sets, and mappings whose keys are
no strings. Dataclasses, named tuples, pydantic models and LangChain messages are stored as
mappings that keep the name of their type under ``$type``; an enum's member comes back as its
value. Nothing is imported or called to read a state, and nothing is ever pickled.

The rule: what cannot be stored is named by its path, never shown.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from wflo_otel.errors import CheckpointCodecError

#: Written beside every checkpoint; another number means other rules.
CODEC = "json/1"

_TAG, _TYPE = "$wflo", "$type"
_DIGEST_BYTES = 16

_ISO = (datetime, date, time)


def encode(state: object) -> bytes:
    """Turn a state into canonical JSON, in ASCII.

    Raises:
        CheckpointCodecError: something in it is no data; the message says where.
    """
    try:
        return _dump(_Encoder().plain(state, "state")).encode("ascii")
    except RecursionError:
        raise CheckpointCodecError("state: nested too deeply to be stored") from None


def decode(data: bytes) -> Any:
    """Turn canonical JSON back into a state.

    Raises:
        CheckpointCodecError: these bytes are none of this codec's.
    """
    try:
        return json.loads(data, object_hook=_restored)
    except (ValueError, TypeError, KeyError, ArithmeticError, RecursionError):
        raise CheckpointCodecError("the stored state is damaged, or of another codec") from None


def digest(data: bytes) -> str:
    """Name the bytes of a state: BLAKE2b-128, in hex."""
    return hashlib.blake2b(data, digest_size=_DIGEST_BYTES).hexdigest()


def _dump(plain: object) -> str:
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _tagged(tag: str, value: object) -> dict[str, object]:
    return {_TAG: tag, "value": value}


class _Encoder:
    """Turns one state into what JSON has; knows what it is inside of, to find circles."""

    def __init__(self) -> None:
        self._inside: set[int] = set()

    def plain(self, value: object, path: str) -> object:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, Enum):
            named = {_TYPE: _type_name(value), "name": value.name}
            return {**_tagged("enum", self.plain(value.value, path)), **named}
        if isinstance(value, str | int | float):
            return _scalar(value)
        if (written := _written(value)) is not None:
            return written
        return self._container(value, path)

    def _container(self, value: object, path: str) -> object:
        if id(value) in self._inside:
            raise CheckpointCodecError(f"{path}: refers back to something that contains it")
        self._inside.add(id(value))
        try:
            return self._opened(value, path)
        finally:
            self._inside.discard(id(value))

    def _opened(self, value: object, path: str) -> object:
        if (fields := _fields(value, path)) is not None:
            return self._mapping({_TYPE: _type_name(value), **fields}, path)
        if isinstance(value, Mapping):
            return self._mapping(value, path)
        if isinstance(value, tuple):
            return _tagged("tuple", self._list(value, path))
        if isinstance(value, set | frozenset):
            tag = "set" if isinstance(value, set) else "frozenset"
            return _tagged(tag, sorted(self._list(value, path), key=_dump))
        if isinstance(value, list) or type(value).__name__ == "deque":
            return self._list(value, path)  # type: ignore[arg-type]  # a deque is one too
        raise CheckpointCodecError(f"{path}: {type(value).__name__} cannot be stored as plain data")

    def _list(self, values: Iterable[object], path: str) -> list[object]:
        return [self.plain(each, f"{path}[{at}]") for at, each in enumerate(values)]

    def _mapping(self, value: Mapping[Any, object], path: str) -> object:
        if _TAG not in value and all(_is_name(key) for key in value):
            return {str(key): self.plain(each, _below(path, key)) for key, each in value.items()}
        pairs = [
            [self.plain(key, f"{path} (a key)"), self.plain(each, _below(path, key))]
            for key, each in value.items()
        ]
        return _tagged("dict", sorted(pairs, key=_dump))


def _is_name(key: object) -> bool:
    return isinstance(key, str) and not isinstance(key, Enum)


def _scalar(value: str | int | float) -> object:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value)
    return float(value) if math.isfinite(value) else _tagged("float", str(float(value)))


def _written(value: object) -> object:
    """A value that is written as one text, or ``None``."""
    if isinstance(value, _ISO):
        return _tagged(_iso_tag(value), value.isoformat())
    if isinstance(value, timedelta):
        return _tagged("timedelta", [value.days, value.seconds, value.microseconds])
    if isinstance(value, Decimal | UUID):
        return _tagged(type(value).__name__.lower(), str(value))
    if isinstance(value, bytes | bytearray | memoryview):
        return _tagged("bytes", base64.b64encode(value).decode("ascii"))
    return None


def _iso_tag(value: object) -> str:
    return next(each.__name__ for each in _ISO if isinstance(value, each))


def _fields(value: object, path: str) -> Mapping[str, object] | None:
    """The fields of an object that is data, or ``None``."""
    if isinstance(value, type):
        return None
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    for method in ("model_dump", "_asdict"):
        dump = getattr(value, method, None)
        if callable(dump):
            return _dumped(dump, path)
    return None


def _dumped(dump: Callable[[], object], path: str) -> Mapping[str, object]:
    try:
        fields = dump()
    except Exception as error:
        kind = type(error).__name__
        raise CheckpointCodecError(f"{path}: its own {dump.__name__} failed ({kind})") from error
    if not isinstance(fields, Mapping):
        raise CheckpointCodecError(f"{path}: its own {dump.__name__} gives no mapping")
    return fields


def _type_name(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _below(path: str, key: object) -> str:
    """Name an item by its key, where the key is a name; other keys may be content."""
    return f"{path}.{key}" if isinstance(key, str) and key.isidentifier() else f"{path}[…]"


def _restored(found: dict[str, Any]) -> Any:
    if _TAG not in found:
        return found
    return _READERS[found[_TAG]](found["value"])


def _pairs(value: list[list[Any]]) -> dict[Any, Any]:
    return {key: each for key, each in value}  # noqa: C416  # exactly two of each


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "timedelta": lambda value: timedelta(*value),
    "decimal": Decimal,
    "uuid": UUID,
    "bytes": lambda value: base64.b64decode(value, validate=True),
    "float": float,
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "dict": _pairs,
    "enum": lambda value: value,
}
