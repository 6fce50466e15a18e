"""Benign: a search whose questions resemble each other, and whose answers lead on."""

from __future__ import annotations

from loops_corpus.chance import Chance
from loops_corpus.domain import Domain
from loops_corpus.script import Draft
from loops_corpus.writing import Writing


def draft(domain: Domain, rng: Chance, shape: int) -> Draft:
    """Write one: each question is the one before it with more in it."""
    writing = Writing(domain, rng)
    items = domain.items(rng, rng.randint(2, 5))
    facts = iter(rng.sample(domain.facts, len(domain.facts)))
    known = ""
    for query in domain.narrowing:
        writing.ask(domain.search(f"{query}{known}", next(facts)))
        if shape % 2:
            known = f", {rng.choice(domain.values)}"
    for item in items:
        writing.ask(domain.search(f"{domain.narrowing[-1]}, {item}", writing.hit(item)))
        if shape % 3 != 1:
            writing.ask(domain.read(rng, item))
    return writing.benign()
