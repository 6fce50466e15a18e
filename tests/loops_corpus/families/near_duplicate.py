"""Loop: calls that differ in their words only, and answers that bring nothing new."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle

from loops_corpus.chance import Chance
from loops_corpus.domain import Domain
from loops_corpus.script import Draft, Mark, Planned
from loops_corpus.writing import Writing, answered

#: The fourth answer that says what the three before it said.
_PATIENCE = 4


def draft(domain: Domain, rng: Chance, shape: int) -> Draft:
    """Write one."""
    calls = _SHAPES[shape % len(_SHAPES)](domain, rng)
    writing = Writing(domain, rng)
    writing.opening(7)
    start = writing.position
    for _ in range(_PATIENCE + rng.randint(3, 6)):
        writing.ask(next(calls))
    return writing.loop(Mark(start + _PATIENCE - 1, "result"))


def _rephrased(domain: Domain, rng: Chance) -> Iterator[Planned]:
    found = rng.choice(domain.facts)
    queries = rng.sample(domain.rephrased, len(domain.rephrased))
    return (domain.search(query, found) for query in cycle(queries))


def _respelled(domain: Domain, rng: Chance) -> Iterator[Planned]:
    query, found = rng.choice(domain.rephrased), rng.choice(domain.facts)
    spellings = [query, query.upper(), f"{query}?", query.replace(" ", "  "), query.title()]
    spellings += [f"{query} ", f"please: {query}", f'"{query}"', f"{query} !", f"{query}..."]
    return (domain.search(spelling, found) for spelling in cycle(spellings))


def _stamped(domain: Domain, rng: Chance) -> Iterator[Planned]:
    query, found = rng.choice(domain.narrowing), rng.choice(domain.facts)
    while True:
        yield domain.search(f"{query} [req {rng.randbytes(4).hex()} at {rng.stamp()}]", found)


def _reworded_change(domain: Domain, rng: Chance) -> Iterator[Planned]:
    item = domain.items(rng, 1)[0]
    for note in cycle(rng.sample(domain.notes, len(domain.notes))):
        yield answered(domain.act(rng, item, note), domain.nothing[1])


_SHAPES = (_rephrased, _respelled, _stamped, _reworded_change)
