"""How many tokens a text can come to, by what it is written in, without a tokenizer.

The rule here: the upper number holds for text made to be expensive (random letters, base64,
rare characters), for byte-level vocabularies of 100,000 tokens and more; the expected one for
text that people and programs write. Weights are measured on the two public OpenAI
vocabularies. Nothing is decoded or split: the text is sifted in C, about 1 ns for each byte.
"""

from __future__ import annotations

import string

from wflo_otel.core.value import value

_LOWER = string.ascii_lowercase.encode()
_UPPER = string.ascii_uppercase.encode()
_DIGITS = string.digits.encode()
_SPACE = b" \t\r\n"
_ASCII = bytes(range(0x80))

#: Words longer than this, on average, are no prose: what is beyond counts as random letters.
_PROSE_WORD = 5

#: Tokens for one character, by the first byte of its UTF-8 form: at most, and as expected.
#: Greek, Russian, Hebrew and Arabic; accented letters and marks, which also break the word
#: they stand in; other letters of two bytes; common Han and Hangul; other three-byte characters
#: (kana share their first byte with rare Han); emoji and all beyond.
_WIDE = (
    (bytes((0xCE, 0xCF, 0xD0, 0xD1, 0xD7, 0xD8, 0xD9)), 1.6, 0.4),
    (bytes(range(0xC0, 0xCE)), 2.3, 0.9),
    (bytes((*range(0xD2, 0xD7), *range(0xDA, 0xE0))), 2.0, 0.9),
    (bytes(range(0xE5, 0xEE)), 2.6, 0.8),
    (bytes((*range(0xE0, 0xE5), 0xEE, 0xEF)), 3.0, 0.9),
    (bytes(range(0xF0, 0x100)), 4.0, 2.5),
)


@value
class Weight:
    """A text's size: characters of plain ASCII, and tokens of the rest."""

    ascii_chars: int
    #: Tokens expected of the characters beyond ASCII.
    wide: float
    #: Tokens of all of it, at most.
    upper: float
    #: No vocabulary of byte level makes more tokens than there are bytes.
    utf8_bytes: int

    def __add__(self, other: Weight) -> Weight:
        return Weight(
            self.ascii_chars + other.ascii_chars,
            self.wide + other.wide,
            self.upper + other.upper,
            self.utf8_bytes + other.utf8_bytes,
        )


NOTHING = Weight(0, 0.0, 0.0, 0)


def weigh(text: str) -> Weight:
    """Weigh one text."""
    data = text.encode(errors="surrogatepass")
    upper = _ascii_at_most(data)
    if text.isascii():
        return Weight(len(text), 0.0, upper, len(data))
    wide = data.translate(None, _ASCII)
    expected, at_most = 0.0, 0.0
    for first_bytes, most, usual in _WIDE:
        count = len(wide) - len(wide.translate(None, first_bytes))
        expected += usual * count
        at_most += most * count
    return Weight(len(data) - len(wide), expected, upper + at_most, len(data))


def weigh_all(texts: tuple[str, ...], *, long: int = 2_000) -> Weight:
    """Weigh the texts of a request: each long one by itself, so that none hides in another."""
    total = weigh("".join(text for text in texts if len(text) < long))
    for text in texts:
        if len(text) >= long:
            total += weigh(text)
    return total


def _ascii_at_most(data: bytes) -> float:
    rest = data.translate(None, _LOWER)
    lower = len(data) - len(rest)
    marks = rest.translate(None, _SPACE)
    spaces = len(rest) - len(marks) - 1.5 * data.count(b"  ")
    signs = marks.translate(None, _UPPER)
    capitals = len(marks) - len(signs)
    symbols = signs.translate(None, _DIGITS)
    digits = len(signs) - len(symbols)
    others = len(symbols) - len(symbols.translate(None, _ASCII))
    return (
        1.7 * max(0.0, spaces)
        + data.count(b"\n")
        + 0.7 * max(0.0, lower - _PROSE_WORD * max(0.0, spaces))
        + 0.7 * capitals
        + digits
        + others
    )
