"""Benign: calls that fail for a while and are made again, until they succeed."""

from __future__ import annotations

from loops_corpus.chance import Chance
from loops_corpus.domain import Domain
from loops_corpus.script import Draft
from loops_corpus.writing import Writing, answered

_STATUSES = (503, 429, 500)


def draft(domain: Domain, rng: Chance, shape: int) -> Draft:
    """Write one: tools that are busy, or a provider that is; up to three times each."""
    writing = Writing(domain, rng)
    writing.opening(3)
    for item in domain.items(rng, rng.randint(3, 6)):
        call = (
            domain.act(rng, item, rng.choice(domain.notes)) if shape % 2 else domain.read(rng, item)
        )
        for _ in range(rng.randint(0, 3)):
            noise = f" [{rng.stamp()}]" if shape % 3 else ""
            writing.ask(answered(call, domain.busy + noise))
        failures = rng.choices(_STATUSES, k=rng.randint(0, 3)) if shape % 4 == 2 else ()
        writing.ask(call, failures=failures)
    return writing.benign()
