"""Objects that are data: what they are made of, and building them again.

Known are dataclasses, attrs classes, named tuples, pydantic models (LangChain messages are such),
members of enums and numpy arrays; each is known by its shape, so that nothing is imported.

The rule: an object is built by its own class, which whoever reads has handed in, so that what the
class checks is checked.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from wflo_otel.errors import CheckpointCodecError

#: A class below it may mean more than its data; such an array is not known.
_ARRAY = "numpy.ndarray"


def name_of(cls: type) -> str:
    """The name that an object's class is stored under."""
    return f"{cls.__module__}.{cls.__qualname__}"


def is_numpy_scalar(value: object) -> bool:
    """Whether a value is one number, or the like, of numpy's."""
    return any(name_of(each) == "numpy.generic" for each in type(value).__mro__)


def item_of(scalar: Any) -> object:
    """A scalar of numpy's as Python has it."""
    return scalar.item()


def fields_of(value: Any, path: str) -> Mapping[str, object] | None:
    """What an object that is data is made of, or ``None``.

    Raises:
        CheckpointCodecError: it cannot say so itself; ``path`` says where it is.
    """
    if isinstance(value, type):
        return None
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if (attributes := getattr(type(value), "__attrs_attrs__", None)) is not None:
        return {each.name: getattr(value, each.name) for each in attributes}
    if name_of(type(value)) == _ARRAY:
        return _array(value, path)
    for method in ("model_dump", "_asdict"):
        dump = getattr(value, method, None)
        if callable(dump):
            return _dumped(dump, path)
    return None


def _array(array: Any, path: str) -> Mapping[str, object]:
    if array.dtype.hasobject or array.dtype.names is not None:
        raise CheckpointCodecError(f"{path}: an array of {array.dtype.kind!r} cannot be stored")
    return {"dtype": array.dtype.str, "shape": list(array.shape), "data": array.tobytes()}


def _dumped(dump: Callable[[], object], path: str) -> Mapping[str, object]:
    try:
        fields = dump()
    except Exception as error:
        kind = type(error).__name__
        raise CheckpointCodecError(f"{path}: its own {dump.__name__} failed ({kind})") from error
    if not isinstance(fields, Mapping):
        raise CheckpointCodecError(f"{path}: its own {dump.__name__} gives no mapping")
    return fields


def built(cls: type, stored: Mapping[str, Any]) -> object:
    """Build an object of a class again, of what was stored of it.

    Raises:
        CheckpointCodecError: it does not fit the class any more.
    """
    try:
        return _built(cls, stored)
    except Exception as error:
        kind = type(error).__name__
        raise CheckpointCodecError(
            f"a stored {name_of(cls)} does not fit its class any more ({kind})"
        ) from error


def _built(cls: Any, stored: Mapping[str, Any]) -> object:
    if issubclass(cls, Enum):
        return cls[stored["name"]]
    if dataclasses.is_dataclass(cls):
        given = {field.name: field.name for field in dataclasses.fields(cls) if field.init}
        return _filled(cls, given, stored)
    if (attributes := getattr(cls, "__attrs_attrs__", None)) is not None:
        return _filled(cls, {each.name: each.alias for each in attributes if each.init}, stored)
    if name_of(cls) == _ARRAY:
        buffer = bytearray(stored["data"])  # an array over bytes could not be written to
        return cls(stored["shape"], stored["dtype"], buffer)
    if hasattr(cls, "model_validate"):
        return cls.model_validate(stored)
    return cls(**stored)


def _filled(cls: Any, given: Mapping[str, str], stored: Mapping[str, Any]) -> object:
    """Build an object by its own ``__init__``; fields that this does not take are set."""
    made = cls(**{given[name]: each for name, each in stored.items() if name in given})
    for name, each in stored.items():
        if name not in given:
            object.__setattr__(made, name, each)  # the class may be frozen
    return made
