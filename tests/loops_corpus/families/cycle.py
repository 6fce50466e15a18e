"""Loop: a round of several calls that begins again, with the same answers."""

from __future__ import annotations

from loops_corpus.chance import Chance
from loops_corpus.domain import Domain
from loops_corpus.script import Draft, Mark, Planned
from loops_corpus.writing import Writing, reordered

_ROUNDS = 3


def draft(domain: Domain, rng: Chance, shape: int) -> Draft:
    """Write one; the period is two to five turns."""
    calls = _round(domain, rng, 2 + shape % 4)
    writing = Writing(domain, rng)
    writing.opening(8)
    start = writing.position
    for _ in range(_ROUNDS + rng.randint(1, 2)):
        for call in calls:
            writing.ask(reordered(call) if shape % 3 == 0 and rng.random() < 0.5 else call)
    return writing.loop(Mark(start + _ROUNDS * len(calls) - 1, period=len(calls)))


def _round(domain: Domain, rng: Chance, period: int) -> list[Planned]:
    first, second = domain.items(rng, 2)
    choice = [
        domain.read(rng, first),
        domain.search(rng.choice(domain.rephrased), rng.choice(domain.facts)),
        domain.check(rng.randint(1, 9), rng.choice(domain.facts)),
        domain.read(rng, second),
        domain.probe(),
    ]
    return rng.sample(choice, period)
