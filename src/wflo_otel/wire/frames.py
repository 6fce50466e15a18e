"""Amazon's binary event streams (``application/vnd.amazon.eventstream``), cut into events.

A frame is its length, the length of its headers, a checksum of both, headers, a payload and a
checksum. The rule: lengths are believed if they can be true, checksums are not looked at, for
to refuse a frame is the client's business. Where lengths cannot be true nothing more is read.

Source: the frame format as the AWS SDKs document it.
"""

from __future__ import annotations

import base64
import binascii
import struct

from wflo_otel.wire.body import JsonObject, read_object
from wflo_otel.wire.sse import MAX_EVENT_BYTES

_LENGTHS = struct.Struct(">II")
_SHORT = struct.Struct(">H")
_PRELUDE, _CHECKSUM = 12, 4
_LEAST = _PRELUDE + _CHECKSUM
_STRING = 7
#: How long a header's value is, by its type; strings and bytes tell it themselves.
_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}


class Frames:
    """A cutter of frames. Each becomes an object: its payload under the event's name."""

    def __init__(self, limit: int = MAX_EVENT_BYTES) -> None:
        self.skipped = 0
        self._limit = limit
        self._buffer = bytearray()

    def cut(self, data: bytes) -> list[JsonObject]:
        """Take bytes; return the events of the frames that are now complete."""
        if self.skipped:
            return []
        self._buffer += data
        found: list[JsonObject] = []
        at = 0
        while len(self._buffer) - at >= _PRELUDE:
            total, headers = _LENGTHS.unpack_from(self._buffer, at)
            if not _LEAST + headers <= total <= self._limit:
                self.skipped, at = 1, len(self._buffer)
                break
            if len(self._buffer) - at < total:
                break
            found += _event(bytes(self._buffer[at : at + total]), headers)
            at += total
        del self._buffer[:at]
        return found

    def rest(self) -> list[JsonObject]:
        """A frame without its end cannot be read."""
        return []


def _event(frame: bytes, headers_size: int) -> list[JsonObject]:
    begin = _PRELUDE + headers_size
    headers = _headers(frame[_PRELUDE:begin])
    if headers.get(":message-type", "event") != "event":
        kind = headers.get(":exception-type") or headers.get(":error-code") or "error"
        return [{"error": {"type": kind}}]
    payload = read_object(frame[begin:-_CHECKSUM])
    if payload is None:
        return []
    if headers.get(":event-type") != "chunk":
        return [{headers.get(":event-type", ""): payload}]
    return _chunk(payload)


def _chunk(payload: JsonObject) -> list[JsonObject]:
    """The JSON that a chunk carries as base64."""
    held = payload.get("bytes")
    if not isinstance(held, str):
        return []
    try:
        read = read_object(base64.b64decode(held))
    except (binascii.Error, ValueError):
        return []
    return [] if read is None else [read]


def _headers(data: bytes) -> dict[str, str]:
    """The headers that are strings, as far as they can be read."""
    found: dict[str, str] = {}
    at = 0
    while at < len(data):
        name_end = at + 1 + data[at]
        kind = data[name_end : name_end + 1]
        if not kind:
            break
        begin = name_end + 1
        size = _SIZES.get(kind[0])
        if size is None:
            if len(data) < begin + _SHORT.size:
                break
            (size,) = _SHORT.unpack_from(data, begin)
            begin += _SHORT.size
        if kind[0] == _STRING:
            name = data[at + 1 : name_end].decode("utf-8", "replace")
            found[name] = data[begin : begin + size].decode("utf-8", "replace")
        at = begin + size
    return found
