"""Loop: an answer that is streamed and repeats itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from loops_corpus.chance import Chance
from loops_corpus.domain import Domain
from loops_corpus.script import Draft, Mark
from loops_corpus.writing import Writing

#: The phrase stands there for the third time, and at least so many chunks have repeated.
_TIMES, _LEAST = 3, 12

#: What is said for the nth time.
_Phrase = Callable[[int], str]


def draft(domain: Domain, rng: Chance, shape: int) -> Draft:
    """Write one: a sentence, a few words, a paragraph, or lines that differ in their number."""
    phrase = _SHAPES[shape % len(_SHAPES)](domain, rng)
    opening = " ".join(rng.sample(domain.facts, rng.randint(1, 3)))
    length = len(phrase(1).split())
    times = max(_TIMES + 3, 90 // length)
    writing = Writing(domain, rng)
    writing.opening(4)
    writing.say(" ".join((opening, *(phrase(number) for number in range(1, times + 1)))))
    chunk = len(opening.split()) + max(_TIMES * length, _LEAST) - 1
    mark = Mark(writing.position - 1, "chunk", chunk=chunk)
    return replace(writing.loop(mark), streamed=True)


def _sentence(domain: Domain, rng: Chance) -> _Phrase:
    said = rng.choice(domain.thoughts)
    return lambda _number: said


def _few_words(domain: Domain, rng: Chance) -> _Phrase:
    said = " ".join(rng.choice(domain.facts).split()[: rng.randint(1, 3)])
    return lambda _number: said


def _paragraph(domain: Domain, rng: Chance) -> _Phrase:
    said = " ".join([*rng.sample(domain.facts, 2), rng.choice(domain.thoughts)])
    return lambda _number: said


def _numbered(domain: Domain, rng: Chance) -> _Phrase:
    said, first = rng.choice(domain.notes), rng.randint(3, 40)
    return lambda number: f"{first + number}. {said}"


_SHAPES = (_sentence, _few_words, _paragraph, _numbered)
