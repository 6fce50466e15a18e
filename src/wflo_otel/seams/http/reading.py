"""Reading a response while its bytes pass: event by event, or as one JSON body.

The rule: what the caller gets is what came, unless a usage event that only we asked for must
be hidden; reading never fails the call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from wflo_otel.core.call import Answer
from wflo_otel.core.value import value
from wflo_otel.seams.http.decoding import Decoder, UndecodableError, decoder_for
from wflo_otel.wire.api import StreamReader, WireApi

#: A JSON body beyond this is passed on and not kept: its usage stays unknown.
MAX_KEPT_BYTES = 64 * 1024 * 1024

#: At least so many characters are one token, for deciding when to count exactly.
_CHARS_PER_TOKEN = 3


class Reading(Protocol):
    """What is read of one response."""

    #: Whether the response is a stream of events.
    is_stream: bool
    #: What passed could not be understood, so that usage cannot be known.
    is_unreadable: bool

    def is_decoded(self) -> None:
        """What comes has no ``content-encoding`` any more, whatever the header says."""
        ...

    def listen(self, hears: Callable[[str], object]) -> None:
        """Tell the pieces of text that a stream brings, from now on."""
        ...

    def feed(self, data: bytes) -> bytes:
        """Read a piece; return what to hand on."""
        ...

    def finish(self) -> bytes:
        """The response has ended; return what was held back."""
        ...

    def answer(self) -> Answer:
        """What the response has said so far."""
        ...

    def tokens(self) -> int:
        """Output tokens that were seen at most, roughly; cheap."""
        ...


class StreamReading:
    """A stream of events."""

    is_stream = True

    def __init__(self, reader: StreamReader, decoder: Decoder | None, *, hides: bool) -> None:
        self._reader = reader
        self._decoder = decoder
        self._hides = hides
        self.is_unreadable = False

    def is_decoded(self) -> None:
        """Decode nothing."""
        self._decoder = None

    def listen(self, hears: Callable[[str], object]) -> None:
        """Tell the pieces of text."""
        self._reader.listen(hears)

    def feed(self, data: bytes) -> bytes:
        """Read a piece; return it, or what is left of it where something is hidden."""
        if self._decoder is None:
            return self._reader.feed(data)
        if self.is_unreadable:
            return data
        try:
            plain = self._decoder.decode(data)
        except UndecodableError:
            self.is_unreadable = True
            return data
        shown = self._reader.feed(plain)
        return shown if self._hides else data

    def finish(self) -> bytes:
        """Read what is incomplete; return what was held back."""
        held = self._reader.finish()
        return held if self._hides else b""

    def answer(self) -> Answer:
        """What the stream has said so far."""
        return self._reader.answer

    def tokens(self) -> int:
        """The chunks, or the characters by the least that a token has."""
        reader = self._reader
        return max(reader.output_chunks, reader.output_chars // _CHARS_PER_TOKEN)


class BodyReading:
    """A whole JSON body; also an error's, on a stream that failed."""

    is_stream = False

    def __init__(
        self, api: WireApi, status: int, headers: Mapping[str, str], decoder: Decoder | None
    ) -> None:
        self._api = api
        self._status = status
        self._headers = headers
        self._decoder = decoder
        self._parts: list[bytes] = []
        self._room = MAX_KEPT_BYTES
        self.is_unreadable = False

    def is_decoded(self) -> None:
        """Decode nothing."""
        self._decoder = None

    def listen(self, hears: Callable[[str], object]) -> None:
        """A body comes in no pieces that could be told."""

    def feed(self, data: bytes) -> bytes:
        """Keep a piece, and hand it on."""
        self._room -= len(data)
        if self._room >= 0:
            self._parts.append(data)
        else:
            self._give_up()
        return data

    def finish(self) -> bytes:
        """Nothing is held back."""
        return b""

    def answer(self) -> Answer:
        """Read the body as far as it came."""
        body = b"".join(self._parts)
        self._parts = [body]
        if self._decoder is not None:
            try:
                body = self._decoder.decode(body)
            except UndecodableError:
                self._give_up()
                return Answer()
            self._decoder, self._parts = None, [body]
        return self._api.answer(self._status, self._headers, body) if body else Answer()

    def tokens(self) -> int:
        """A body is never cut, so nobody needs to know."""
        return 0

    def _give_up(self) -> None:
        self._parts = []
        self.is_unreadable = True


class Unread:
    """A response that nothing here can read; it passes."""

    is_unreadable = True

    def __init__(self, *, is_stream: bool) -> None:
        self.is_stream = is_stream

    def is_decoded(self) -> None:
        """It stays unread."""

    def listen(self, hears: Callable[[str], object]) -> None:
        """There is nothing to tell."""

    def feed(self, data: bytes) -> bytes:
        """Hand it on."""
        return data

    def finish(self) -> bytes:
        """Nothing is held back."""
        return b""

    def answer(self) -> Answer:
        """Nothing is known."""
        return Answer()

    def tokens(self) -> int:
        """Nothing is known."""
        return 0


@value
class Head:
    """What comes before a response's body."""

    status: int
    #: Names may be in any case here, as long as lower-case ones are found.
    headers: Mapping[str, str]
    #: What ``content-type`` says, in lower case.
    kind: str
    #: What ``content-encoding`` says; empty where the library undoes it.
    encoding: str


def head_of(status: int, headers: Mapping[str, str], raw: Iterable[tuple[bytes, bytes]]) -> Head:
    """Read two headers in one pass: looking each up is as slow as reading a small body."""
    kind, encodings = b"", []
    for name, said in raw:
        lower = name.lower()
        if lower == b"content-type":
            kind = said
        elif lower == b"content-encoding":
            encodings.append(said)
    encoding = b",".join(encodings).decode("latin-1")
    return Head(status, headers, kind.lower().decode("latin-1"), encoding)


def reading_of(api: WireApi, head: Head, *, streaming: bool, hides: bool) -> Reading:
    """Choose how to read a response, by what it says it is."""
    status, kind = head.status, head.kind
    is_stream = status < 400 and (
        "text/event-stream" in kind or (streaming and not kind.startswith("application/json"))
    )
    try:
        decoder = decoder_for(head.encoding)
    except UndecodableError:
        return Unread(is_stream=is_stream)
    if is_stream:
        return StreamReading(api.stream(hide_usage=hides), decoder, hides=hides)
    return BodyReading(api, status, head.headers, decoder)
