"""Benign: the same is done to many similar things, one after the other."""

from __future__ import annotations

from loops_corpus.chance import Chance
from loops_corpus.domain import Domain
from loops_corpus.script import Draft, Planned
from loops_corpus.writing import Writing, answered


def draft(domain: Domain, rng: Chance, shape: int) -> Draft:
    """Write one: reading, changing with the same answer each time, several at once, or both."""
    writing = Writing(domain, rng)
    writing.opening(2)
    calls = [_calls(domain, rng, item, shape) for item in domain.items(rng, rng.randint(10, 26))]
    if shape % 4 == 2:
        for index in range(0, len(calls), 3):
            writing.ask(*(call for each in calls[index : index + 3] for call in each))
        return writing.benign()
    for each in calls[:18] if shape % 4 == 3 else calls:
        for call in each:
            writing.ask(call)
    return writing.benign()


def _calls(domain: Domain, rng: Chance, item: str, shape: int) -> list[Planned]:
    read, act = domain.read(rng, item), domain.act(rng, item, domain.notes[0])
    return [[read], [answered(act, domain.done)], [act], [read, act]][shape % 4]
