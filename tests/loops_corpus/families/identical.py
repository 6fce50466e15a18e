"""Loop: the same call again and again, with the same answer."""

from __future__ import annotations

from collections.abc import Callable

from loops_corpus.chance import Chance
from loops_corpus.domain import Domain
from loops_corpus.script import Draft, Mark, Planned
from loops_corpus.writing import Writing, answered, reordered

#: Asked for the third time; a status, or an answer that says to try again, for the sixth.
_PLAIN, _PATIENT = 3, 6


def draft(domain: Domain, rng: Chance, shape: int) -> Draft:
    """Write one."""
    again, patience = _SHAPES[shape % len(_SHAPES)](domain, rng)
    writing = Writing(domain, rng)
    writing.opening(7)
    start = writing.position
    for _ in range(patience + rng.randint(3, 7)):
        writing.ask(again())
    named = start + patience - 1
    mark = Mark(named, period=1) if patience == _PLAIN else Mark(named, "result", period=1)
    return writing.loop(mark)


_Again = tuple[Callable[[], Planned], int]


def _read(domain: Domain, rng: Chance) -> _Again:
    same = domain.read(rng, domain.items(rng, 1)[0])
    return lambda: same, _PLAIN


def _search(domain: Domain, rng: Chance) -> _Again:
    same = domain.search(rng.choice(domain.narrowing), rng.choice(domain.facts))
    return lambda: rng.choice((same, reordered(same))), _PLAIN


def _dead_process(domain: Domain, rng: Chance) -> _Again:
    ticket, done = f"t-{rng.randint(1000, 9999)}", rng.randint(5, 90)
    return lambda: domain.poll(rng, ticket, done, 100 - done), _PATIENT


def _busy(domain: Domain, rng: Chance) -> _Again:
    same = domain.act(rng, domain.items(rng, 1)[0], rng.choice(domain.notes))
    return lambda: answered(same, f"{domain.busy} [{rng.stamp()}]"), _PATIENT


def _check(domain: Domain, rng: Chance) -> _Again:
    same = domain.check(rng.randint(1, 9), rng.choice(domain.facts))
    return lambda: same, _PLAIN


_SHAPES = (_read, _search, _dead_process, _busy, _check)
