"""Amazon's binary event streams."""

from __future__ import annotations

import base64
import json
import struct

import pytest

from wflo_otel.wire.frames import Frames
from wire_frames import event, frame


def chunk(data: bytes) -> bytes:
    held = json.dumps({"bytes": base64.b64encode(data).decode()})
    return frame(held.encode(), event_type="chunk", message_type="event")


STREAM = (
    event("messageStart", '{"role":"assistant"}')
    + chunk(b'{"a":1}')
    + frame(b'{"message":"secret"}', message_type="exception", exception_type="throttling")
    + frame(b"", message_type="error", error_code="InternalFailure")
    + frame(b"", message_type="error")
)
READ = [
    {"messageStart": {"role": "assistant"}},
    {"a": 1},
    {"error": {"type": "throttling"}},
    {"error": {"type": "InternalFailure"}},
    {"error": {"type": "error"}},
]


@pytest.mark.parametrize("size", [1, 2, 5, 13, 10_000])
def test_frames_are_the_same_in_any_cut(size: int) -> None:
    cutter = Frames()
    found = [
        each for at in range(0, len(STREAM), size) for each in cutter.cut(STREAM[at : at + size])
    ]
    assert (found, cutter.rest(), cutter.skipped) == (READ, [], 0)


def test_checksums_are_not_looked_at() -> None:
    broken = bytearray(event("messageStop", "{}"))
    broken[-1] ^= 0xFF
    broken[9] ^= 0xFF
    assert Frames().cut(bytes(broken)) == [{"messageStop": {}}]


@pytest.mark.parametrize(
    "data",
    [
        frame(b"no json", event_type="x", message_type="event"),
        frame(b'{"p":1}', event_type="chunk", message_type="event"),
        frame(b'{"bytes":"?"}', event_type="chunk", message_type="event"),
        frame('{"bytes":"é"}'.encode(), event_type="chunk", message_type="event"),
        chunk(b"no json"),
    ],
)
def test_what_holds_no_object_is_passed_over(data: bytes) -> None:
    assert Frames().cut(data + chunk(b'{"a":1}')) == [{"a": 1}]


def test_an_event_without_a_name_is_an_object_without_one() -> None:
    assert Frames().cut(frame(b"{}")) == [{"": {}}]


@pytest.mark.parametrize(
    "lengths", [(15, 0), (0, 0), (100, 90), (2**32 - 1, 0), (2000, 0)], ids=str
)
def test_lengths_that_cannot_be_true_end_the_reading(lengths: tuple[int, int]) -> None:
    cutter = Frames(limit=1000)
    assert cutter.cut(struct.pack(">II", *lengths) + bytes(8)) == []
    assert cutter.cut(chunk(b'{"a":1}')) == []
    assert cutter.skipped == 1


def headed(headers: bytes) -> bytes:
    payload = b"{}"
    total = 16 + len(headers) + len(payload)
    return struct.pack(">III", total, len(headers), 0) + headers + payload + bytes(4)


NAMED = b"\x0b:event-type\x07\x00\x02ok"


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        (b"\x01a\x00" + NAMED, "ok"),
        (b"\x01a\x02x" + NAMED, "ok"),
        (b"\x01a\x08" + bytes(8) + NAMED, "ok"),
        (b"\x01a\x06\x00\x03xyz" + NAMED, "ok"),
        (b"\x01a\x09" + bytes(16) + NAMED, "ok"),
        (NAMED + b"\x01a", "ok"),
        (NAMED + b"\x01a\x07\x00", "ok"),
        (b"\xffa" + NAMED, ""),
    ],
)
def test_headers_are_read_as_far_as_they_can_be(headers: bytes, name: str) -> None:
    assert Frames().cut(headed(headers)) == [{name: {}}]
