"""Objects are cut out of a stream the same however its bytes arrive, and pass unchanged."""

from __future__ import annotations

import json
import time

import pytest

from wflo_otel.core.call import Answer
from wflo_otel.wire.body import JsonObject
from wflo_otel.wire.streams import Cutter, EitherReader, Elements, Lines, ObjectReader
from wire_fixtures import in_pieces


class Seen:
    """A fold that only remembers."""

    def __init__(self) -> None:
        self.output_chars = 3
        self.output_chunks = 2
        self.plain: str | None = None
        self.events: list[JsonObject] = []

    def event(self, data: JsonObject) -> bool:
        self.events.append(data)
        return False

    def whole(self, data: JsonObject) -> None:
        self.event(data)

    def done(self) -> None:
        self.events.append({"done": True})

    def result(self) -> Answer:
        return Answer(output_chars=len(self.events))


LINES = b'{"a":1}\r\n\n{"a":\nnonsense\n[1]\n{"a":"}{"}\n{"a":2}'
ELEMENTS = b'[{"a":1},\r\n{"b":{"c":"}]\\"{\\\\"}}\n, "{" ,3,{bad},{"a":2}] } {"d'


@pytest.mark.parametrize("size", [1, 2, 3, 5, 1000])
def test_lines_are_the_same_in_any_cut(size: int) -> None:
    seen = Seen()
    assert in_pieces(ObjectReader(seen, Lines()), LINES, size) == LINES
    assert seen.events == [{"a": 1}, {"a": "}{"}, {"a": 2}]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 1000])
def test_elements_are_the_same_in_any_cut(size: int) -> None:
    seen = Seen()
    assert in_pieces(ObjectReader(seen, Elements()), ELEMENTS, size) == ELEMENTS
    assert seen.events == [{"a": 1}, {"b": {"c": '}]"{\\'}}, {"a": 2}]


@pytest.mark.parametrize("cutter", [Lines(limit=50), Elements(limit=50)])
@pytest.mark.parametrize("size", [1, 10, 1000])
def test_an_object_beyond_the_limit_passes_unread_and_is_counted(cutter: Cutter, size: int) -> None:
    seen, before = Seen(), cutter.skipped
    reader = ObjectReader(seen, cutter)
    data = b'{"a":1}\n{"a":"' + b"x" * 500 + b'"}\n{"a":2}\n'
    assert in_pieces(reader, data, size) == data
    assert (seen.events, reader.skipped - before) == ([{"a": 1}, {"a": 2}], 1)


def test_nothing_is_read_of_nothing() -> None:
    cutter = Elements()
    assert cutter.cut(b'{"a":"\\') == []
    assert cutter.cut(b"") == []
    assert cutter.cut(b'""}') == [{"a": '"'}]


@pytest.mark.parametrize(
    "data",
    [b'\n [{"a":1},{"a":2}]', b'{"a":1}\n{"a":2}', b'\r\n\r\ndata: {"a":1}\n\ndata: {"a":2}\n\n'],
)
@pytest.mark.parametrize("size", [1, 4, 1000])
def test_what_comes_first_tells_events_from_json(data: bytes, size: int) -> None:
    seen = Seen()
    reader = EitherReader(seen, Elements())
    assert in_pieces(reader, data, size) == data
    assert seen.events == [{"a": 1}, {"a": 2}]
    assert (reader.answer.output_chars, reader.skipped) == (2, 0)


def test_a_reader_tells_what_its_fold_counts() -> None:
    for reader in (ObjectReader(Seen(), Lines()), EitherReader(Seen(), Lines())):
        assert (reader.output_chars, reader.output_chunks) == (3, 2)


@pytest.mark.parametrize("cutter", [Lines(), Elements()])
@pytest.mark.parametrize("piece", [b'{"a":', b'"\\"', b"}}}}", b"\\"])
def test_work_is_linear_in_the_pieces(cutter: Cutter, piece: bytes) -> None:
    began = time.process_time()
    for _ in range(100_000):
        cutter.cut(piece)
    cutter.rest()
    assert time.process_time() - began < 8  # quadratic work takes minutes


def test_a_piece_may_hold_many_objects() -> None:
    many = json.dumps([{"a": at} for at in range(1000)]).encode()
    assert len(Elements().cut(many)) == 1000
