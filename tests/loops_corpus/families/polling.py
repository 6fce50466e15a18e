"""Benign: a process is asked how far it is, until it is done."""

from __future__ import annotations

from collections.abc import Iterator

from loops_corpus.chance import Chance
from loops_corpus.domain import Domain
from loops_corpus.script import Draft
from loops_corpus.writing import Writing


def draft(domain: Domain, rng: Chance, shape: int) -> Draft:
    """Write one: on and on, slowly at the start, or with other work between."""
    writing = Writing(domain, rng)
    writing.opening(3)
    ticket = f"t-{rng.randint(1000, 9999)}"
    others = iter(domain.items(rng, 60))
    for done in _progress(rng, rng.randint(9, 26), slow=shape % 3 == 1):
        writing.ask(domain.poll(rng, ticket, done, 100 - done))
        if shape % 3 == 2 and rng.random() < 0.3:
            writing.ask(domain.read(rng, next(others)))
    return writing.benign()


def _progress(rng: Chance, polls: int, *, slow: bool) -> Iterator[int]:
    """Per cent up to a hundred; no more than two polls in a row hear the same."""
    done = rng.randint(0, 35)
    repeated = False
    for left in range(polls, 0, -1):
        yield done
        if done == 99:
            break
        step = max(1, (100 - done) // left)
        repeated = not repeated and rng.random() < (0.5 if slow and left > polls // 2 else 0.25)
        done = min(99, done + (0 if repeated else rng.randint(1, max(1, min(step, 9)))))
    yield 100
