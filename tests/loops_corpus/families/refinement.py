"""Benign: one thing is worked over many times, and is a little better each time."""

from __future__ import annotations

from loops_corpus.chance import Chance
from loops_corpus.domain import Domain
from loops_corpus.script import Draft
from loops_corpus.writing import Writing


def draft(domain: Domain, rng: Chance, shape: int) -> Draft:
    """Write one: the text grows, and the remarks on it grow fewer."""
    writing = Writing(domain, rng)
    writing.opening(2)
    item = domain.items(rng, 1)[0]
    remarks = rng.randint(14, 30)
    text = rng.choice(domain.notes)
    for turn in range(rng.randint(8, 15)):
        text = f"{text} {domain.facts[turn % len(domain.facts)]}"
        shown = text if shape % 2 else text[-120:]
        writing.ask(domain.act(rng, item, f"version {turn + 1}: {shown}"))
        remarks = max(0, remarks - rng.randint(1, 3))
        writing.ask(domain.check(remarks, rng.choice(domain.facts)))
        if not remarks:
            break
    return writing.benign()
