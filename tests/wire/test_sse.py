"""Events are cut the same however their bytes arrive, and pass unchanged."""

from __future__ import annotations

import json
import time

import pytest

from wflo_otel.core.call import Answer
from wflo_otel.wire.body import JsonObject
from wflo_otel.wire.repeat import learn
from wflo_otel.wire.sse import HidingReader, SseReader
from wire_fixtures import in_pieces


class Seen:
    """A fold that only remembers. Events with ``hide`` are bare usage; ``t`` is plain text."""

    def __init__(self) -> None:
        self.output_chars = 0
        self.output_chunks = 0
        self.plain: str | None = None
        self.events: list[JsonObject] = []
        self.ends = 0

    def event(self, data: JsonObject) -> bool:
        self.events.append(data)
        found = data.get("t")
        self.plain = found if isinstance(found, str) else None
        return "hide" in data

    def whole(self, data: JsonObject) -> None:
        self.event(data)

    def done(self) -> None:
        self.ends += 1

    def result(self) -> Answer:
        return Answer()


STREAMS = {
    "lf": b'data: {"a":1}\n\ndata: {"a":2}\n\ndata: [DONE]\n\n',
    "crlf": b'data: {"a":1}\r\n\r\ndata: {"a":2}\r\n\r\ndata: [DONE]\r\n\r\n',
    "cr": b'data: {"a":1}\r\rdata: {"a":2}\r\rdata: [DONE]\r\r',
    "mixed": b'data: {"a":1}\n\r\ndata: {"a":2}\r\n\ndata: [DONE]\n\n',
    "lf, then crlf": b'data: {"a":1}\n\n: ping\r\n\r\ndata: {"a":2}\r\n\r\ndata: [DONE]\n\n',
    "named": b'event: x\ndata: {"a":1}\n\nid: 7\nevent: y\ndata: {"a":2}\n\ndata:[DONE]\n\n',
    "comments": b': keepalive\n\ndata: {"a":1}\n\n: x\ndata: {"a":2}\n\n\n\ndata: [DONE]\n\n',
    "several lines": b'data: {"a":\ndata: 1}\n\ndata:{"a":2}\n\ndata: [DONE]\n\n',
    "no blank line at the end": b'data: {"a":1}\n\ndata: [DONE]\n\ndata: {"a":2}',
    "broken between": b'data: {"a":1}\n\ndata: {"a":\n\ndata: {"a":2}\n\ndata: [DONE]\n\n',
    "not utf-8": b'data: {"a":1}\n\ndata: \xff\xfe\n\ndata: {"a":2}\n\ndata: [DONE]\n\n',
}


@pytest.mark.parametrize("size", [1, 2, 3, 5, 1000])
@pytest.mark.parametrize("data", STREAMS.values(), ids=STREAMS)
def test_events_are_the_same_in_any_cut_and_their_bytes_pass(data: bytes, size: int) -> None:
    for kind in (SseReader, HidingReader):
        seen = Seen()
        assert in_pieces(kind(seen), data, size) == data
        assert (seen.events, seen.ends) == ([{"a": 1}, {"a": 2}], 1)


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b"\r\r"])
def test_only_the_hidden_event_is_missing_in_any_cut(end: bytes, size: int) -> None:
    before, hidden, after = b'data: {"a":1}', b'data: {"hide":1}', b"data: [DONE]"
    passed = in_pieces(HidingReader(Seen()), before + end + hidden + end + after + end, size)
    assert passed == before + end + after + end


def test_a_hidden_event_at_the_very_end_is_missing_too() -> None:
    reader = HidingReader(Seen())
    assert reader.feed(b'data: {"a":1}\n\ndata: {"hide":1}') == b'data: {"a":1}\n\n'
    assert reader.finish() == b""


def test_a_hiding_reader_holds_an_event_until_it_is_complete() -> None:
    reader = HidingReader(Seen())
    assert reader.feed(b'data: {"a"') == b""
    assert reader.feed(b":1}\n\n") == b'data: {"a":1}\n\n'


def test_plain_json_in_a_stream_is_read() -> None:
    seen = Seen()
    in_pieces(SseReader(seen), b'{\n  "error": {"code": 5}\n}\n')
    assert seen.events == [{"error": {"code": 5}}]


def test_an_error_line_is_read() -> None:
    seen = Seen()
    in_pieces(SseReader(seen), b'error: {"code": 5}\n\n')
    assert seen.events == [{"error": {"code": 5}}]


@pytest.mark.parametrize("size", [1, 3, 10, 1000])
@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b"\n\r\n", b"\r\r"])
@pytest.mark.parametrize("kind", [SseReader, HidingReader])
def test_an_event_beyond_the_limit_passes_unread_and_is_counted(
    kind: type[SseReader], end: bytes, size: int
) -> None:
    seen = Seen()
    reader = kind(seen, limit=100)
    huge = b'data: {"a":"' + b"x" * 2000 + b'"}' + end
    small = b'data: {"a":1}' + end
    fed = small + huge + small
    assert in_pieces(reader, fed, size) == fed
    if size < 1000:
        assert (reader.skipped, seen.events) == (1, [{"a": 1}, {"a": 1}])


def test_a_reader_of_a_huge_event_holds_no_more_than_the_limit() -> None:
    reader = HidingReader(Seen(), limit=100)
    for _ in range(1000):
        reader.feed(b"x" * 100)
        assert len(reader._cutter.buffer) <= 100
    assert reader.skipped == 0


def plain(text: str, **more: object) -> bytes:
    event = {"type": "x", "t": text, **more}
    return (
        b"data: " + json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"
    )


def parsed(*events: bytes) -> tuple[int, int]:
    """How many events were parsed, and how many characters were counted without."""
    seen = Seen()
    reader = SseReader(seen)
    for each in events:
        reader.feed(each)
    return len(seen.events), reader.output_chars


def test_an_event_that_only_brings_other_text_is_counted_without_parsing() -> None:
    assert parsed(plain("ab"), plain("cdé"), plain("f")) == (1, 4)


def test_each_repetition_is_counted_as_a_chunk() -> None:
    reader = SseReader(Seen())
    for word in ("ab", "c", "def"):
        reader.feed(plain(word))
    assert (reader.output_chunks, reader.output_chars) == (2, 4)


def test_a_counter_noise_and_padding_may_differ() -> None:
    first = plain("ab", sequence_number=9, obfuscation="qq")
    again = plain("cd", sequence_number=10, obfuscation="")
    assert parsed(first, again) == (1, 2)
    assert parsed(plain("ab"), plain("cd").replace(b"}", b"   }")) == (1, 2)


def test_noise_and_counter_may_stand_before_the_text() -> None:
    def event(noise: str, number: int, text: str) -> bytes:
        return f'data: {{"obfuscation":"{noise}","sequence_number":{number},"t":"{text}"}}\n\n'.encode()

    assert parsed(event("q", 1, "ab"), event("rst", 22, "cd")) == (1, 2)


@pytest.mark.parametrize(
    "other",
    [
        plain("cd", usage=1),
        plain("c\\d"),
        plain('c"d'),
        plain(""),
        plain("cd").replace(b'"x"', b'"y"'),
        plain("cd")[:-1] + b',"z":1\n',
        b'data: {"type":"x","t":"cd\n\n',
        b'data: {"type":"x","t":"cd","t":"e"}\n\n',
    ],
)
def test_an_event_that_differs_otherwise_is_parsed(other: bytes) -> None:
    seen = Seen()
    reader = SseReader(seen)
    reader.feed(plain("ab"))
    reader.feed(other)
    assert reader.output_chars == 0


def test_a_counter_that_is_no_number_is_parsed() -> None:
    first = plain("ab", sequence_number=9)
    assert parsed(first, first.replace(b":9}", b":9.5}").replace(b"ab", b"cd"))[0] == 2


def test_nothing_is_learned_where_the_text_cannot_be_told_from_the_rest() -> None:
    assert learn(plain("x"), "x") is None
    assert learn(plain("a\\b"), "a\\b") is None
    assert parsed(plain("x"), plain("cd")) == (2, 0)


def test_a_reader_stops_learning_from_a_stream_that_has_no_pattern() -> None:
    events = [plain(f"text {at}", **{f"k{at}": 1}) for at in range(100)]
    assert parsed(*events, events[50], events[50]) == (102, 0)


@pytest.mark.parametrize("piece", [b"x" * 16, b"a: 0123456789ab\n", b"\r", b"data: {01234567\r\n"])
def test_work_is_linear_in_the_pieces_of_one_event(piece: bytes) -> None:
    reader = HidingReader(Seen())
    began = time.process_time()
    for _ in range(100_000):
        reader.feed(piece)
    reader.finish()
    assert time.process_time() - began < 8  # quadratic work takes minutes
