"""Objects come back as what they were where their class is handed in, and never otherwise."""

from __future__ import annotations

import struct
from collections import namedtuple
from dataclasses import dataclass, field
from enum import Enum
from types import SimpleNamespace

import attrs
import numpy as np
import pytest
from pydantic import BaseModel, Field

from wflo_otel.core.codec import decode, encode
from wflo_otel.errors import CheckpointCodecError


@dataclass(frozen=True)
class Draft:
    title: str
    parts: tuple[int, ...] = ()
    words: int = field(default=0, init=False)


@attrs.frozen
class Plan:
    name: str
    _secret: int = 7
    seen: int = attrs.field(default=0, init=False)


class Page(BaseModel):
    number: int = Field(gt=0)
    draft: Draft | None = None


class Open(BaseModel, extra="allow"):
    pass


Point = namedtuple("Point", "x y")


class Colour(Enum):
    RED = "red"


def made(cls, *args, **later):
    built = cls(*args)
    for name, value in later.items():
        object.__setattr__(built, name, value)
    return built


OBJECTS = [
    made(Draft, "t", (1, 2), words=9),
    made(Plan, "p", 8, seen=3),
    Page(number=3, draft=Draft("in")),
    Point(1, (2,)),
    Colour.RED,
]
TYPES = (Draft, Plan, Page, Point, Colour)


@pytest.mark.parametrize("value", OBJECTS, ids=lambda value: type(value).__name__)
def test_an_object_comes_back_where_its_type_is_handed_in(value):
    found = decode(encode({"in": [value]}), TYPES)["in"][0]

    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("value", OBJECTS[:4], ids=lambda value: type(value).__name__)
def test_without_its_type_it_is_a_mapping_that_names_it(value):
    found = decode(encode(value), (Colour,))

    assert found["$type"] == f"{__name__}.{type(value).__name__}"


def test_a_mapping_that_looks_like_an_object_stays_a_mapping():
    forged = {"$type": f"{__name__}.Draft", "title": "forged"}

    assert decode(encode([forged]), TYPES) == [forged]


def test_an_object_whose_fields_look_like_a_tag_comes_back_as_a_mapping():
    value = Open.model_validate({"$wflo": "set", "value": [1]})

    assert decode(encode(value), (Open,)) == {
        "$type": f"{__name__}.Open",
        "$wflo": "set",
        "value": [1],
    }


def test_what_a_class_checks_is_checked():
    stored = encode(Page(number=1)).replace(b'"number":1', b'"number":0')

    with pytest.raises(
        CheckpointCodecError, match=r"test_types\.Page does not fit its class any more"
    ):
        decode(stored, TYPES)


def test_an_attrs_object_has_its_fields_under_their_own_names():
    assert decode(encode(Plan("p")))["_secret"] == 7


class Dtype(SimpleNamespace):
    """What the codec asks of a dtype of numpy's."""


def array_class(**dtype):
    """A class with the name and the shape of numpy's, for where that is not installed."""

    class ndarray:  # noqa: N801  # numpy's own name
        def __init__(self, shape, kind, buffer):
            self.shape = tuple(shape)
            self.dtype = Dtype(str=kind, kind=kind[1], **dtype)
            self.buffer = buffer

        def tobytes(self):
            return bytes(self.buffer)

    ndarray.__module__, ndarray.__qualname__ = "numpy", "ndarray"
    return ndarray


def test_an_array_comes_back_with_its_shape_and_may_be_written_to():
    cls = array_class(hasobject=False, names=None)
    array = cls((1, 2), "<f8", struct.pack("<2d", 1.5, 2.5))

    found = decode(encode([array]), (cls,))[0]

    assert (found.shape, found.dtype.str) == ((1, 2), "<f8")
    assert found.tobytes() == array.tobytes()
    found.buffer[0] = 0


@pytest.mark.parametrize(
    "dtype", [{"hasobject": True, "names": None}, {"hasobject": False, "names": ("a",)}]
)
def test_an_array_of_objects_or_records_is_named_by_its_place(dtype):
    array = array_class(**dtype)((1,), "|O8", b"")

    with pytest.raises(CheckpointCodecError, match=r"state\.a: an array of 'O' cannot be stored"):
        encode({"a": array})


def test_a_scalar_of_numpys_is_stored_as_python_has_it():
    generic = type("generic", (), {"__module__": "numpy", "item": lambda self: 3})

    assert encode([type("int64", (generic,), {})()]) == b"[3]"


def test_real_arrays_and_scalars_come_back():
    state = {"a": np.arange(6, dtype="float32").reshape(2, 3).T, "n": np.int64(3)}

    found = decode(encode(state), (np.ndarray,))

    assert (found["a"] == state["a"]).all()
    assert (found["a"].dtype, found["n"]) == (state["a"].dtype, 3)
    with pytest.raises(CheckpointCodecError, match="MaskedArray cannot be stored"):
        encode(np.ma.array([1], mask=[True]))
