"""Server-sent events, cut into whole events however the bytes arrive.

The rule: what is handed on is what came, byte for byte; reading never changes it. Each event is
parsed at most once, work is linear in the bytes, and memory is bounded by ``MAX_EVENT_BYTES``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from wflo_otel.core.call import Answer
from wflo_otel.wire.body import JsonObject, read_object
from wflo_otel.wire.repeat import Pattern, learn

#: An event beyond this is passed on unread. (Images and encrypted reasoning come in megabytes.)
MAX_EVENT_BYTES = 32 * 1024 * 1024

#: How often a reader learns what most events look like, in one stream.
_MAX_LESSONS = 32

#: What ends an event that is being skipped.
_SEPARATORS = (b"\n\n", b"\n\r\n", b"\r\r")


class Fold(Protocol):
    """Makes an answer of a stream's events, one after the other. Never raises."""

    output_chars: int
    output_chunks: int
    #: The text that the last event brought, if it brought nothing else.
    plain: str | None

    def event(self, data: JsonObject) -> bool:
        """Take one event; return whether it carries nothing but the usage."""
        ...

    def whole(self, data: JsonObject) -> None:
        """Take a response that is no stream."""
        ...

    def done(self) -> None:
        """The end mark came."""
        ...

    def result(self) -> Answer:
        """What was said so far."""
        ...


class EventCutter:
    """Cuts bytes into events, each with the blank line that ends it.

    Streams whose lines end in LF are cut at ``\\n\\n``; the first CR switches to looking at
    each line, because line ends may then be mixed.
    """

    def __init__(self) -> None:
        self.buffer = bytearray()
        self._line_start = 0
        self._seen_cr = False

    def cut(self, data: bytes) -> list[bytes]:
        """Take bytes; return the events that are now complete."""
        if not self._seen_cr and b"\r" not in data:
            return self._cut_lf(data)
        self._seen_cr = True
        return self._cut_lines(data)

    def is_whole(self, data: bytes) -> bool:
        """Whether what arrives is one event and nothing else, as most pieces are."""
        return not self.buffer and 0 < len(data) - 2 == data.find(b"\n\n") and b"\r" not in data

    def rest(self) -> bytes:
        """Take out what is incomplete."""
        held = bytes(self.buffer)
        self.buffer.clear()
        self._line_start = 0
        return held

    def _cut_lf(self, data: bytes) -> list[bytes]:
        buffer = self.buffer
        if not buffer and data.endswith(b"\n\n") and _is_one(data):
            return [data]  # as most events come
        start = max(len(buffer) - 1, 0)
        buffer += data
        end = buffer.find(b"\n\n", start)
        events: list[bytes] = []
        begin = 0
        while end >= 0:
            events.append(bytes(buffer[begin : end + 2]))
            begin = end + 2
            end = buffer.find(b"\n\n", begin)
        if begin:
            del buffer[:begin]
        return events

    def _cut_lines(self, data: bytes) -> list[bytes]:
        buffer = self.buffer
        waits = buffer.endswith(b"\r")
        buffer += data
        if not waits and b"\n" not in data and b"\r" not in data:
            return []
        lines = bytes(buffer[self._line_start :]).splitlines(keepends=True)
        if lines and not lines[-1].endswith(b"\n"):
            lines.pop()  # incomplete, or a CR whose LF may be on its way
        events: list[bytes] = []
        begin, end = 0, self._line_start
        for line in lines:
            end += len(line)
            if not line.strip(b"\r\n"):
                events.append(bytes(buffer[begin:end]))
                begin = end
        if begin:
            del buffer[:begin]
        self._line_start = end - begin
        return events


def _is_one(event: bytes) -> bool:
    """Whether bytes that end in a blank line are one event of one line, or of two."""
    end = len(event) - 2
    first = event.find(b"\n")
    return first == end or event.find(b"\n", first + 1) == end


def payload(event: bytes) -> bytes:
    """The data of an event: its ``data`` lines joined, or a bare JSON text in their place.

    Some servers end a stream with ``error: {...}`` or with plain JSON; both are read.
    """
    if event.startswith(b"data:") and event.find(b"\n") == len(event) - 2:
        return event[5:]
    if event.startswith(b"{"):
        return event
    lines = event.splitlines()
    found = [line[5:].removeprefix(b" ") for line in lines if line.startswith(b"data:")]
    if found:
        return b"\n".join(found)
    return next((b'{"error":' + line[6:] + b"}" for line in lines if _is_error(line)), b"")


def _is_error(line: bytes) -> bool:
    return line.startswith(b"error:")


class SseReader:
    """A stream of events, read by a fold while its bytes pass unchanged."""

    def __init__(self, fold: Fold, limit: int = MAX_EVENT_BYTES) -> None:
        self._fold = fold
        self._limit = limit
        self._cutter = EventCutter()
        self._tail: bytes | None = None
        self._pattern: Pattern | None = None
        self._lessons = _MAX_LESSONS
        self._hears: Callable[[str], object] | None = None
        self.skipped = 0

    @property
    def output_chars(self) -> int:
        """Characters of output seen so far."""
        return self._fold.output_chars

    @property
    def output_chunks(self) -> int:
        """Events that carried output."""
        return self._fold.output_chunks

    @property
    def answer(self) -> Answer:
        """What the stream has said so far."""
        return self._fold.result()

    def listen(self, hears: Callable[[str], object]) -> None:
        """Tell each piece of text that comes alone in an event; each event is read for it."""
        self._hears, self._pattern, self._lessons = hears, None, 0

    def feed(self, data: bytes) -> bytes:
        """Read what arrived and hand it on."""
        self._take(data)
        return data

    def finish(self) -> bytes:
        """Read an event that lacks its blank line."""
        self._read(self._cutter.rest())
        return b""

    def _take(self, data: bytes) -> bytes:
        """Read; return the bytes to hand on if the usage event is hidden."""
        if self._tail is not None:
            return self._skip(self._tail, data)
        if self._cutter.is_whole(data) and self._repeats(data):
            return data
        kept = [event for event in self._cutter.cut(data) if not self._read(event)]
        if len(self._cutter.buffer) > self._limit:
            held = self._cutter.rest()
            self._tail = held[-2:]
            kept.append(held)
        return b"".join(kept)

    def _skip(self, tail: bytes, data: bytes) -> bytes:
        window = tail + data
        ends = [at + len(each) for each in _SEPARATORS if (at := window.find(each)) >= 0]
        if not ends:
            self._tail = window[-2:]
            return data
        self._tail = None
        self.skipped += 1
        end = max(min(ends) - len(tail), 0)
        return data[:end] + self._take(data[end:])

    def _repeats(self, event: bytes) -> bool:
        """Whether an event is as most are; it is then counted, and needs no more reading."""
        if self._pattern is None or not (chars := self._pattern.chars(event)):
            return False
        self._fold.output_chars += chars
        self._fold.output_chunks += 1
        return True

    def _read(self, event: bytes) -> bool:
        """Read an event; return whether it carries nothing but the usage."""
        if self._repeats(event):
            return False
        fold = self._fold
        data = payload(event)
        found = read_object(data)
        if found is None:
            if data.strip() == b"[DONE]":
                fold.done()
            return False
        bare = fold.event(found)
        if self._hears is not None and fold.plain:
            self._hears(fold.plain)
        if fold.plain and self._lessons:
            self._lessons -= 1
            self._pattern = learn(event, fold.plain) or self._pattern
        return bare


class HidingReader(SseReader):
    """As its base, but holds each event until it is complete and drops those of bare usage."""

    def feed(self, data: bytes) -> bytes:
        """Read what arrived; hand on the complete events that the user asked for."""
        return self._take(data)

    def finish(self) -> bytes:
        """Hand on what was held back, unless it is the usage event."""
        held = self._cutter.rest()
        return b"" if self._read(held) else held
