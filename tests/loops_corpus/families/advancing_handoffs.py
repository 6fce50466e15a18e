"""Benign: agents who hand the work to each other, and each time it is further on."""

from __future__ import annotations

from loops_corpus.chance import Chance
from loops_corpus.domain import Domain
from loops_corpus.script import Draft
from loops_corpus.writing import Writing


def draft(domain: Domain, rng: Chance, shape: int) -> Draft:
    """Write one: the reason may be the same each time, what they work on is not."""
    writing = Writing(domain, rng)
    reason = rng.choice(domain.reasons)
    for item in domain.items(rng, rng.randint(4, 7)):
        writing.ask(domain.read(rng, item))
        target = rng.choice((1, 2)) if shape % 3 == 2 else 1
        writing.hand_off(0, target, reason if shape % 2 else f"{reason}: {item}")
        writing.ask(domain.act(rng, item, rng.choice(domain.notes)), agent=target)
        writing.hand_off(target, 0, domain.done if shape % 2 else f"{domain.done} ({item})")
    return writing.benign(several_agents=True)
