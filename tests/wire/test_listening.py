"""Whoever listens to a stream hears each piece of text, and its bytes pass as they came."""

from __future__ import annotations

import json

import pytest

from wflo_otel.wire.body import JsonObject
from wflo_otel.wire.chat_answer import ChatFold
from wflo_otel.wire.dialects import Dialect
from wflo_otel.wire.sse import HidingReader, SseReader
from wflo_otel.wire.streams import EitherReader, Lines, ObjectReader

WORDS = ["The ", "tide ", "is ", "in"]


def chunk(text: str) -> JsonObject:
    return {"choices": [{"index": 0, "delta": {"content": text}}]}


def fold() -> ChatFold:
    return ChatFold(Dialect("any"))


def event(data: JsonObject) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"


def line(data: JsonObject) -> bytes:
    return json.dumps(data).encode() + b"\n"


@pytest.mark.parametrize(
    ("reader", "written"),
    [
        (SseReader(fold()), event),
        (HidingReader(fold()), event),
        (ObjectReader(fold(), Lines()), line),
        (EitherReader(fold(), Lines()), event),
        (EitherReader(fold(), Lines()), line),
    ],
    ids=["events", "events with something hidden", "lines", "events or", "or lines"],
)
@pytest.mark.parametrize("times", [1, 40])
def test_every_piece_is_heard_and_handed_on(reader, written, times):
    heard: list[str] = []
    reader.listen(heard.append)
    data = [written(chunk(word)) for word in WORDS * times]
    passed = b"".join([reader.feed(each) for each in data]) + reader.finish()

    assert heard[-len(WORDS) * times :] == WORDS * times
    assert passed == b"".join(data)


def test_what_comes_beside_a_text_is_not_told():
    reader, heard = SseReader(fold()), list[str]()
    reader.listen(heard.append)
    asked = {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}
    reader.feed(event({"choices": [{"index": 0, "delta": asked}]}))
    reader.feed(event({"choices": [], "usage": {"prompt_tokens": 3}}))

    assert heard == []


def test_a_reader_that_nobody_listens_to_counts_all_the_same():
    reader = ObjectReader(fold(), Lines())
    reader.feed(line(chunk("tide")))

    assert reader.output_chars == 4
