"""Frames of Amazon's binary event streams, made of the events that they carry."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Iterator

_STRING = 7


def frame(payload: bytes, **headers: str) -> bytes:
    """One frame; a header is given as its name with ``_`` for ``-`` and without the colon."""
    written = b"".join(_header(f":{name.replace('_', '-')}", headers[name]) for name in headers)
    total = 16 + len(written) + len(payload)
    prelude = struct.pack(">II", total, len(written))
    begun = prelude + struct.pack(">I", zlib.crc32(prelude)) + written + payload
    return begun + struct.pack(">I", zlib.crc32(begun))


def event(name: str, data: str) -> bytes:
    """An event as Bedrock sends it: a chunk carries its JSON as base64."""
    if name == "chunk":
        data = json.dumps({"bytes": base64.b64encode(data.encode()).decode(), "p": "abc"})
    return frame(data.encode(), event_type=name, content_type="x", message_type="event")


def frames_of(text: str) -> bytes:
    """The frames whose events somebody wrote down as server-sent events."""
    return b"".join(event(name, data) for name, data in _events(text))


def _events(text: str) -> Iterator[tuple[str, str]]:
    for block in text.split("\n\n"):
        name, _, data = block.strip("\n").partition("\n")
        if data.startswith("data: "):
            yield name.removeprefix("event: "), data.removeprefix("data: ")


def _header(name: str, value: str) -> bytes:
    head = struct.pack(">B", len(name)) + name.encode() + struct.pack(">B", _STRING)
    return head + struct.pack(">H", len(value)) + value.encode()
