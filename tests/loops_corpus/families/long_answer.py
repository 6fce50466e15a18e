"""Benign: a streamed answer whose lines resemble each other, as those of a table do."""

from __future__ import annotations

from dataclasses import replace

from loops_corpus.chance import Chance
from loops_corpus.domain import Domain
from loops_corpus.script import Draft
from loops_corpus.writing import Writing


def draft(domain: Domain, rng: Chance, shape: int) -> Draft:
    """Write one: a list, a table, a log, or sections that end with the same words."""
    writing = Writing(domain, rng)
    writing.opening(4)
    items = domain.items(rng, rng.randint(8, 14))
    lines = [_SHAPES[shape % len(_SHAPES)](domain, rng, item) for item in items]
    writing.say("\n".join((rng.choice(domain.thoughts), *lines)))
    return replace(writing.finished(), streamed=True)


def _listed(domain: Domain, rng: Chance, item: str) -> str:
    return f"- {item}: {rng.choice(domain.values)}, {rng.choice(domain.values)}"


def _tabled(domain: Domain, rng: Chance, item: str) -> str:
    return f"| {item} | {rng.choice(domain.values)} | {rng.randint(1, 400)} |"


def _logged(domain: Domain, rng: Chance, item: str) -> str:
    return f"{item} {domain.done}"


def _closed(domain: Domain, rng: Chance, item: str) -> str:
    return f"{item}. {rng.choice(domain.facts)} {domain.done}"


_SHAPES = (_listed, _tabled, _logged, _closed)
