"""Loop: calls that truly differ, and the same answer to all of them, which leads nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from loops_corpus.chance import Chance
from loops_corpus.domain import Domain
from loops_corpus.script import Draft, Mark, Planned
from loops_corpus.writing import Writing, answered

#: The fifth answer that says what the four before it said.
_PATIENCE = 5


def draft(domain: Domain, rng: Chance, shape: int) -> Draft:
    """Write one."""
    steps = _SHAPES[shape % len(_SHAPES)](domain, rng)
    writing = Writing(domain, rng)
    writing.opening(6)
    rounds = [next(steps) for _ in range(_PATIENCE + rng.randint(2, 5))]
    start = writing.position
    for calls in rounds:
        for call in calls:
            writing.ask(call)
    each = len(rounds[0])
    return writing.loop(Mark(start + _PATIENCE * each - 1, "result"))


def _no_hits(domain: Domain, rng: Chance) -> Iterator[list[Planned]]:
    for item in domain.items(rng, 20):
        query = f"{rng.choice(domain.narrowing)} {item}"
        yield [domain.search(query, domain.nothing[0])]


def _all_refused(domain: Domain, rng: Chance) -> Iterator[list[Planned]]:
    for item in domain.items(rng, 20):
        ways = (
            domain.read(rng, item),
            domain.act(rng, item, rng.choice(domain.notes)),
            domain.search(item, ""),
        )
        yield [answered(rng.choice(ways), domain.nothing[1])]


def _none_there(domain: Domain, rng: Chance) -> Iterator[list[Planned]]:
    for item in rng.sample(domain.items(rng, 20), 20):
        yield [answered(domain.read(rng, item), domain.nothing[2])]


def _changes_in_vain(domain: Domain, rng: Chance) -> Iterator[list[Planned]]:
    item, same = domain.items(rng, 1)[0], domain.check(rng.randint(2, 9), rng.choice(domain.facts))
    for attempt in count(1):
        note = f"{rng.choice(domain.notes)}; {attempt}: {rng.choice(domain.facts)}"
        yield [domain.act(rng, item, note), same]


_SHAPES = (_no_hits, _changes_in_vain, _all_refused, _none_there)
