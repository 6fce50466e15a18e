"""Recognising an event that differs from an earlier one only in the text it brings.

Most events of a stream are such, and parsing each would cost more than all else that is done
with them. The rule: an event passes for a repetition only if it is byte for byte the same JSON
but for one string, which holds no escape, and for what hosts vary on purpose: a random string,
a counter, padding. Whatever else it says was read before; all other events are parsed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

_QUOTE = b'"'
_DIGITS = b"0123456789"
#: A string of random length that OpenAI adds against eavesdroppers.
_NOISE = b'"obfuscation":"'
#: A number that grows with each event.
_COUNTER = b'"sequence_number":'

#: What may differ: from where, to where, and which of these it is. (No enum: a hot path.)
_Gap: TypeAlias = tuple[int, int, int]
_IS_TEXT, _IS_NOISE, _IS_COUNTER = range(3)


@dataclass(frozen=True, slots=True)
class Pattern:
    """An event with gaps: what stands before the first, and after each, with the gap's end."""

    head: bytes
    steps: tuple[tuple[int, bytes, bytes], ...]
    #: What comes after the last step, without its padding.
    tail: bytes

    def chars(self, event: bytes) -> int:
        """How many characters of text a repetition brings; 0 where it is none."""
        if b"\\" in event or not event.startswith(self.head):
            return 0
        at = len(self.head)
        text = b""
        for gap, stop, after in self.steps:
            end = event.find(stop, at)
            if end < 0 or not event.startswith(after, end):
                return 0
            if gap == _IS_TEXT:
                text = event[at:end]
            elif gap == _IS_COUNTER and not event[at:end].isdigit():
                return 0
            at = end + len(after)
        if event[at:].replace(b" ", b"") != self.tail:
            return 0
        return len(text) if text.isascii() else len(text.decode("utf-8", "replace"))


def learn(event: bytes, text: str) -> Pattern | None:
    """Learn from an event that was parsed and brought this text and nothing else."""
    quoted = b'"%b"' % text.encode("utf-8", "replace")
    if b"\\" in event or event.count(quoted) != 1:
        return None
    begin = event.find(quoted) + 1
    gaps = sorted(
        [(begin, begin + len(quoted) - 2, _IS_TEXT), *_noise(event), *_counter(event)],
        key=lambda gap: gap[0],
    )
    nexts = [begin for begin, _, _ in gaps[1:]]
    last = gaps[-1][1]
    ends = [*nexts, last + 1]
    return Pattern(
        head=event[: gaps[0][0]],
        steps=tuple(
            (gap, event[end : end + 1], event[end:until])
            for (_, end, gap), until in zip(gaps, ends, strict=True)
        ),
        tail=event[last + 1 :].replace(b" ", b""),
    )


def _noise(event: bytes) -> list[_Gap]:
    at = event.find(_NOISE)
    if at < 0:
        return []
    begin = at + len(_NOISE)
    return [(begin, event.find(_QUOTE, begin), _IS_NOISE)]


def _counter(event: bytes) -> list[_Gap]:
    at = event.find(_COUNTER)
    if at < 0:
        return []
    rest = event[at + len(_COUNTER) :]
    begin = len(event) - len(rest)
    return [(begin, len(event) - len(rest.lstrip(_DIGITS)), _IS_COUNTER)]
