"""Loop: the answer has been found, and the agent goes on looking, each time elsewhere."""

from __future__ import annotations

from dataclasses import replace

from loops_corpus.chance import Chance
from loops_corpus.domain import Domain
from loops_corpus.script import Draft, Mark
from loops_corpus.writing import Writing


def draft(domain: Domain, rng: Chance, shape: int) -> Draft:
    """Write one; it is named at the first turn beyond the owner's bound."""
    bound = rng.randint(10, 18)
    writing = Writing(domain, rng)
    writing.ask(domain.search(domain.narrowing[-1], f"{domain.finding} {domain.done}"))
    items = domain.items(rng, bound + 6)
    for turn, item in enumerate(items):
        facts = domain.facts[turn % len(domain.facts)]
        ways = (
            domain.read(rng, item),
            domain.search(f"{domain.narrowing[turn % len(domain.narrowing)]} {item}", facts),
            domain.check(0, f"{item}: {facts}"),
        )
        writing.ask(ways[(turn * (1 + shape % 2)) % 3])
    return replace(writing.loop(Mark(bound)), max_iterations=bound)
