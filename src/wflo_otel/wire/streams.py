"""Streams of JSON objects that are no events: lines, and the elements of one array.

The rule is that of :mod:`wflo_otel.wire.sse`: bytes pass as they came, work is linear in them,
and an object beyond the limit is passed on unread and counted.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

from wflo_otel.core.call import Answer
from wflo_otel.wire.api import StreamReader
from wflo_otel.wire.body import JsonObject, read_object
from wflo_otel.wire.sse import MAX_EVENT_BYTES, Fold, SseReader

_MARKS = re.compile(rb'["{}]|\\.?', re.DOTALL)


class Cutter(Protocol):
    """Finds the objects in a stream of bytes."""

    #: Objects that were too large to be read.
    skipped: int

    def cut(self, data: bytes) -> list[JsonObject]:
        """Take bytes; return the objects that are now complete."""
        ...

    def rest(self) -> list[JsonObject]:
        """The stream has ended: return what can be read of its rest."""
        ...


class Held:
    """The beginning of an object whose end has not come yet. Bounded."""

    def __init__(self, limit: int) -> None:
        self.is_lost = False
        self._limit = limit
        self._parts = bytearray()

    def keep(self, data: bytes) -> None:
        """Take more of it, or drop it where it grows too large."""
        if self.is_lost or len(self._parts) + len(data) > self._limit:
            self._parts.clear()
            self.is_lost = True
        else:
            self._parts += data

    def take(self) -> bytes | None:
        """Take it out; ``None``: it was dropped."""
        found = None if self.is_lost else bytes(self._parts)
        self._parts.clear()
        self.is_lost = False
        return found


class Lines:
    """One object a line (NDJSON). A line that holds none is passed over."""

    def __init__(self, limit: int = MAX_EVENT_BYTES) -> None:
        self.skipped = 0
        self._held = Held(limit)

    def cut(self, data: bytes) -> list[JsonObject]:
        """Take bytes; return the objects of the lines that are now complete."""
        found: list[JsonObject] = []
        *lines, begun = data.split(b"\n")
        for line in lines:
            self._held.keep(line)
            found += self.rest()
        self._held.keep(begun)
        return found

    def rest(self) -> list[JsonObject]:
        """Read the last line, which may lack its end."""
        line = self._held.take()
        if line is None:
            self.skipped += 1
            return []
        read = read_object(line) if line.strip() else None
        return [] if read is None else [read]


class Elements:
    """The objects of a JSON array, or one after the other, whatever stands between them."""

    def __init__(self, limit: int = MAX_EVENT_BYTES) -> None:
        self.skipped = 0
        self._held = Held(limit)
        self._depth = 0
        self._in_string = False
        self._is_escaped = False

    def cut(self, data: bytes) -> list[JsonObject]:
        """Take bytes; return the objects that are now complete."""
        if not data:
            return []
        found: list[JsonObject] = []
        begin = 0
        start = 1 if self._is_escaped else 0
        self._is_escaped = False
        for mark in _MARKS.finditer(data, start):
            change = self._change(mark[0])
            self._depth += change
            if change > 0 and self._depth == 1:
                begin = mark.start()
            elif change < 0 and self._depth == 0:
                self._held.keep(data[begin : mark.end()])
                found += self._whole()
        if self._depth:
            self._held.keep(data[begin:])
        return found

    def rest(self) -> list[JsonObject]:
        """An object without its end cannot be read."""
        return []

    def _change(self, mark: bytes) -> int:
        """How a mark changes the depth, if it is one: inside a string none is."""
        if self._in_string:
            self._in_string = mark != b'"'
            self._is_escaped = mark == b"\\"
            return 0
        self._in_string = mark == b'"'
        if mark == b"{":
            return 1
        return -1 if mark == b"}" and self._depth else 0

    def _whole(self) -> list[JsonObject]:
        data = self._held.take()
        if data is None:
            self.skipped += 1
            return []
        read = read_object(data)
        return [] if read is None else [read]


class ObjectReader:
    """A stream of objects, read by a fold while its bytes pass unchanged."""

    def __init__(self, fold: Fold, cutter: Cutter) -> None:
        self._fold = fold
        self._cutter = cutter
        self._hears: Callable[[str], object] | None = None

    @property
    def output_chars(self) -> int:
        """Characters of output seen so far."""
        return self._fold.output_chars

    @property
    def output_chunks(self) -> int:
        """Objects that carried output."""
        return self._fold.output_chunks

    @property
    def skipped(self) -> int:
        """Objects that were too large to be read."""
        return self._cutter.skipped

    @property
    def answer(self) -> Answer:
        """What the stream has said so far."""
        return self._fold.result()

    def listen(self, hears: Callable[[str], object]) -> None:
        """Tell each piece of text that comes alone in an object."""
        self._hears = hears

    def feed(self, data: bytes) -> bytes:
        """Read what arrived and hand it on."""
        self._read(self._cutter.cut(data))
        return data

    def finish(self) -> bytes:
        """Read what lacks its end."""
        self._read(self._cutter.rest())
        return b""

    def _read(self, found: list[JsonObject]) -> None:
        for each in found:
            self._fold.event(each)
            if self._hears is not None and self._fold.plain:
                self._hears(self._fold.plain)


class EitherReader:
    """Events, or JSON: what comes first tells."""

    def __init__(self, fold: Fold, cutter: Cutter) -> None:
        self._fold = fold
        self._cutter = cutter
        self._reader: StreamReader = SseReader(fold)
        self._hears: Callable[[str], object] | None = None
        self._has_begun = False

    @property
    def output_chars(self) -> int:
        """Characters of output seen so far."""
        return self._reader.output_chars

    @property
    def output_chunks(self) -> int:
        """Pieces that carried output."""
        return self._reader.output_chunks

    @property
    def skipped(self) -> int:
        """Pieces that were too large to be read."""
        return self._reader.skipped

    @property
    def answer(self) -> Answer:
        """What the stream has said so far."""
        return self._reader.answer

    def listen(self, hears: Callable[[str], object]) -> None:
        """Tell each piece of text that comes alone."""
        self._hears = hears
        self._reader.listen(hears)

    def feed(self, data: bytes) -> bytes:
        """Read what arrived and hand it on."""
        if not self._has_begun and (head := data.lstrip()):
            self._has_begun = True
            if head.startswith((b"[", b"{")):
                self._reader = ObjectReader(self._fold, self._cutter)
                if self._hears is not None:
                    self._reader.listen(self._hears)
        return self._reader.feed(data)

    def finish(self) -> bytes:
        """Read what lacks its end."""
        return self._reader.finish()
