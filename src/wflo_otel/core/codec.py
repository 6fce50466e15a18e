"""States as canonical JSON: equal states are equal bytes.

Plain data comes back as it was. What JSON does not have is tagged as ``{"$wflo": tag,
"value": ...}``: dates, times, decimals, UUIDs, paths, bytes, tuples, sets, and mappings whose
keys are no strings or look like a tag. Dataclasses, attrs classes, named tuples, pydantic models,
LangChain messages and numpy arrays are stored as mappings that keep the name of their type under
``$type``; an enum's member is stored with its value.

The rules: what cannot be stored is named by its path, never shown. A stored name leads to no
import: objects are built only of the types that whoever reads hands in
(:mod:`wflo_otel.core.types`), and are mappings (members: their values) otherwise. Nothing is ever
pickled.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import partial
from pathlib import Path, PurePath
from typing import Any
from uuid import UUID

from wflo_otel.core.types import built, fields_of, is_numpy_scalar, item_of, name_of
from wflo_otel.errors import CheckpointCodecError

#: Written beside every checkpoint; another number means other rules.
CODEC = "json/2"
#: Those whose bytes can be read. The first wrote mappings with a ``$type`` as it wrote objects.
READABLE = frozenset({"json/1", CODEC})

_TAG, _TYPE = "$wflo", "$type"
_DIGEST_BYTES = 16

#: Most of what is met; what is below them may be more than that.
_CONTAINERS = frozenset({dict, list, tuple, set, frozenset})
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


def decode(data: bytes, types: Iterable[type] = ()) -> Any:
    """Turn canonical JSON back into a state.

    Args:
        data: what :func:`encode` gave.
        types: the classes whose objects are built again.

    Raises:
        CheckpointCodecError: these bytes are none of this codec's, or an object in them does
            not fit its type any more.
    """
    known = {name_of(each): each for each in types}
    try:
        return json.loads(data, object_hook=partial(_restored, known))
    except CheckpointCodecError:
        raise
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
            named = {_TYPE: name_of(type(value)), "name": value.name}
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
        if type(value) not in _CONTAINERS and (fields := fields_of(value, path)) is not None:
            return self._object(name_of(type(value)), fields, path)
        if isinstance(value, Mapping):
            return self._mapping(value, path)
        if isinstance(value, tuple):
            return _tagged("tuple", self._list(value, path))
        if isinstance(value, set | frozenset):
            tag = "set" if isinstance(value, set) else "frozenset"
            return _tagged(tag, sorted(self._list(value, path), key=_dump))
        if isinstance(value, list) or type(value).__name__ == "deque":
            return self._list(value, path)  # type: ignore[arg-type]  # a deque is one too
        if is_numpy_scalar(value):
            return self.plain(item_of(value), path)
        raise CheckpointCodecError(f"{path}: {type(value).__name__} cannot be stored as plain data")

    def _object(self, name: str, fields: Mapping[str, object], path: str) -> object:
        if not _are_names(fields):  # it looks like something else, and comes back as a mapping
            return self._mapping({_TYPE: name, **fields}, path)
        return {_TYPE: name, **self._values(fields, path)}

    def _values(self, value: Mapping[str, object], path: str) -> dict[str, object]:
        return {str(key): self.plain(each, _below(path, key)) for key, each in value.items()}

    def _list(self, values: Iterable[object], path: str) -> list[object]:
        return [self.plain(each, f"{path}[{at}]") for at, each in enumerate(values)]

    def _mapping(self, value: Mapping[Any, object], path: str) -> object:
        if _are_names(value):
            return self._values(value, path)
        pairs = [
            [self.plain(key, f"{path} (a key)"), self.plain(each, _below(path, key))]
            for key, each in value.items()
        ]
        return _tagged("dict", sorted(pairs, key=_dump))


def _are_names(value: Mapping[Any, object]) -> bool:
    """Whether all keys are plain text, and none is one of ours."""
    is_ours = _TAG in value or _TYPE in value
    return not is_ours and all(isinstance(key, str) and not isinstance(key, Enum) for key in value)


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
    if isinstance(value, PurePath):
        return _tagged("path", str(value))
    if isinstance(value, bytes | bytearray | memoryview):
        return _tagged("bytes", base64.b64encode(value).decode("ascii"))
    return None


def _iso_tag(value: object) -> str:
    return next(each.__name__ for each in _ISO if isinstance(value, each))


def _below(path: str, key: object) -> str:
    """Name an item by its key, where the key is a name; other keys may be content."""
    return f"{path}.{key}" if isinstance(key, str) and key.isidentifier() else f"{path}[…]"


def _restored(known: Mapping[str, type], found: dict[str, Any]) -> Any:
    cls = known.get(found.get(_TYPE, ""))
    if cls is not None:
        return built(cls, {key: each for key, each in found.items() if key != _TYPE})
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
    "path": Path,
    "bytes": lambda value: base64.b64decode(value, validate=True),
    "float": float,
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "dict": _pairs,
    "enum": lambda value: value,
}
