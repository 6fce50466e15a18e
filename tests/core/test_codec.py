"""A state comes back as it was saved; what is no data is named by its place."""

from __future__ import annotations

import json
import math
from collections import deque, namedtuple
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wflo_otel.core.codec import CODEC, decode, digest, encode
from wflo_otel.errors import CheckpointCodecError

_leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(),
    st.decimals(allow_nan=False),
    st.uuids(),
    st.dates(),
    st.datetimes(),
    st.times(),
    st.timedeltas(),
)
_keys = st.one_of(st.text(), st.integers(), st.tuples(st.text(), st.integers()))
_states = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(_keys, inner, max_size=4),
        st.sets(_keys, max_size=4),
        st.frozensets(_keys, max_size=4),
    ),
    max_leaves=12,
)


@given(_states)
def test_plain_data_comes_back_as_it_was(state):
    assert decode(encode(state)) == state


@given(_states)
def test_what_comes_back_is_stored_as_the_same_bytes(state):
    assert encode(decode(encode(state))) == encode(state)


@given(st.dictionaries(st.text(), st.integers()))
def test_the_order_of_keys_does_not_change_the_bytes(state):
    assert encode(dict(reversed(state.items()))) == encode(state)


@pytest.mark.parametrize("state", [{}, {"a": [1, None, True, 1.5, "é"]}, [], "text"])
def test_json_is_stored_as_json(state):
    assert json.loads(encode(state)) == state


@pytest.mark.parametrize(
    "state",
    [
        (1, (2, 3)),
        {1, 2},
        frozenset({"a"}),
        {1: "one", (2, 3): "tuple"},
        {"$wflo": "tuple", "value": [1]},
        {"$wflo": 1},
        {"$type": "x", "a": 1},
        Path("/srv/x y"),
        PurePosixPath("relative"),
        datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
        date(2026, 1, 2),
        time(1, 2, 3),
        timedelta(days=-1, microseconds=1),
        Decimal("1.2300"),
        UUID(int=7),
        b"\x00\xff",
        math.inf,
        -math.inf,
        "\ud800",
    ],
)
def test_what_json_does_not_have_comes_back_with_its_type(state):
    found = decode(encode(state))

    assert found == state
    assert isinstance(found, type(state))


def test_a_number_that_is_none_comes_back():
    assert math.isnan(decode(encode(math.nan)))


@pytest.mark.parametrize("state", [bytearray(b"x"), memoryview(b"x")])
def test_buffers_come_back_as_bytes(state):
    assert decode(encode(state)) == b"x"


def test_a_deque_and_a_read_only_mapping_come_back_as_list_and_dict():
    assert decode(encode(deque([1, 2]))) == [1, 2]
    assert decode(encode(MappingProxyType({"a": 1}))) == {"a": 1}


@dataclass
class Draft:
    title: str
    parts: list[int] = field(default_factory=list)


Point = namedtuple("Point", "x y")  # the untyped one is met as well


class Model:
    """Answers as pydantic models and LangChain messages do."""

    def __init__(self, fields):
        self.fields = fields

    def model_dump(self):
        return self.fields


@pytest.mark.parametrize(
    ("state", "fields"),
    [
        (Draft("t", [1]), {"title": "t", "parts": [1]}),
        (Point(1, 2), {"x": 1, "y": 2}),
        (Model({"at": date(2026, 1, 2)}), {"at": date(2026, 1, 2)}),
    ],
)
def test_objects_that_are_data_come_back_as_mappings_with_the_name_of_their_type(state, fields):
    name = f"{__name__}.{type(state).__qualname__}"

    assert decode(encode([state])) == [{"$type": name, **fields}]


def test_langchain_messages_are_data():
    messages = pytest.importorskip("langchain_core.messages")

    found = decode(encode({"messages": [messages.HumanMessage("hi", id="1")]}))

    (message,) = found["messages"]
    assert (message["type"], message["content"], message["id"]) == ("human", "hi", "1")
    assert message["$type"].endswith("HumanMessage")


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


class Word(StrEnum):
    YES = "yes"


@pytest.mark.parametrize(
    ("state", "value"), [(Colour.RED, "red"), (Level.HIGH, 3), (Word.YES, "yes")]
)
def test_a_member_of_an_enum_comes_back_as_its_value(state, value):
    assert decode(encode({"a": state})) == {"a": value}
    assert json.loads(encode(state))["name"] == state.name


class Text(str):
    __slots__ = ()


def test_subclasses_of_plain_types_are_stored_as_these():
    assert encode(Text("a")) == b'"a"'
    assert encode({Text("key"): 1}) == encode({"key": 1})


def _circle():
    state: dict = {"a": []}
    state["a"].append(state)
    return state


class Failing:
    def model_dump(self):
        raise ValueError("secret")


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"tools": [len]}, r"state\.tools\[0\]: builtin_function_or_method cannot be stored"),
        ({"a b@c": object()}, r"state\[…\]: object cannot be stored"),
        ({(1, object()): 1}, r"state \(a key\)\[1\]: object cannot be stored"),
        (Draft, r"state: type cannot be stored"),
        ({"m": Failing()}, r"state\.m: its own model_dump failed \(ValueError\)"),
        ({"m": Model([1])}, r"state\.m: its own model_dump gives no mapping"),
        (_circle(), r"state\.a\[0\]: refers back to something that contains it"),
    ],
)
def test_what_is_no_data_is_named_by_its_place_and_not_shown(state, message):
    with pytest.raises(CheckpointCodecError, match=message) as raised:
        encode(state)

    assert "secret" not in str(raised.value)
    assert "a b@c" not in str(raised.value)


def test_a_state_may_hold_the_same_thing_twice():
    shared = [1]

    assert decode(encode([shared, shared])) == [[1], [1]]


def test_a_state_that_is_nested_too_deeply_is_refused():
    state: list = []
    for _ in range(100_000):
        state = [state]

    with pytest.raises(CheckpointCodecError, match="nested too deeply"):
        encode(state)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xff",
        b'{"$wflo":"unknown","value":1}',
        b'{"$wflo":"tuple"}',
        b'{"$wflo":"uuid","value":"x"}',
        b'{"$wflo":"decimal","value":"x"}',
        b'{"$wflo":[],"value":1}',
        b'{"$wflo":"dict","value":[[1]]}',
        b'{"$wflo":"set","value":[[1]]}',
        b'{"$wflo":"datetime","value":1}',
        b"[" * 100_000,
    ],
)
def test_damaged_bytes_are_refused(data):
    with pytest.raises(CheckpointCodecError, match="damaged"):
        decode(data)


def test_a_digest_is_blake2b_128_in_hex():
    assert digest(b"") == "cae66941d9efbd404e4d88758ea67670"
    assert CODEC == "json/2"
