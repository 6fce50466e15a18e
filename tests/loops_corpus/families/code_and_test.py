"""Benign: look around, change, check, again, while less and less is wrong."""

from __future__ import annotations

from loops_corpus.chance import Chance
from loops_corpus.domain import Domain
from loops_corpus.script import Draft
from loops_corpus.writing import Writing


def draft(domain: Domain, rng: Chance, shape: int) -> Draft:
    """Write one; the look around says the same each time, and once the check may, too."""
    writing = Writing(domain, rng)
    writing.opening(2)
    items = domain.items(rng, 3)
    failing = rng.randint(4, 8)
    plateau = rng.randint(1, 3) if shape % 2 else None
    detail = rng.choice(domain.facts)
    writing.ask(domain.check(failing, detail))
    for turn in range(12):
        writing.ask(domain.probe())
        if shape % 3 == 0:
            writing.ask(domain.read(rng, rng.choice(items)))
        note = f"{rng.choice(domain.notes)}: {rng.choice(domain.facts)}"
        writing.ask(domain.act(rng, rng.choice(items), note))
        if turn != plateau:
            failing = max(0, failing - rng.randint(1, 2))
            detail = rng.choice(domain.facts) if failing else domain.done
        writing.ask(domain.check(failing, detail))
        if not failing:
            break
    return writing.benign()
