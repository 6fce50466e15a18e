"""Loop: agents that hand the work to each other, and none of them does it."""

from __future__ import annotations

from itertools import cycle

from loops_corpus.chance import Chance
from loops_corpus.domain import Domain
from loops_corpus.script import Draft, Mark
from loops_corpus.writing import Writing

_ROUNDS = 3


def draft(domain: Domain, rng: Chance, shape: int) -> Draft:
    """Write one: with one reason, with reasons in other words, in a ring, with a look before."""
    writing = Writing(domain, rng)
    writing.opening(6)
    start = writing.position
    ring = [0, 1, 2] if shape % 4 == 2 else [0, 1]
    reasons = cycle(rng.sample(domain.reasons, len(domain.reasons) if shape % 4 == 1 else 1))
    looks = [domain.read(rng, item) for item in domain.items(rng, len(ring))]
    for _ in range(_ROUNDS + rng.randint(1, 3)):
        for agent, target in zip(ring, ring[1:] + ring[:1], strict=True):
            if shape % 4 == 3:
                writing.ask(looks[agent], agent=agent)
            writing.hand_off(agent, target, next(reasons))
    period = len(ring) * (2 if shape % 4 == 3 else 1)
    mark = Mark(start + _ROUNDS * period - 1, period=period)
    return writing.loop(mark, several_agents=True)
