"""Loop: each turn drags more of the same text into the prompt."""

from __future__ import annotations

from loops_corpus.chance import Chance
from loops_corpus.domain import Domain
from loops_corpus.script import Draft, Mark, Planned
from loops_corpus.writing import Writing, answered

_TURNS = 14


def draft(domain: Domain, rng: Chance, shape: int) -> Draft:
    """Write one; where it is named follows from the prompts as they were sent."""
    writing = Writing(domain, rng)
    writing.opening(5)
    start = writing.position
    pile = rng.sample(domain.facts, 6)
    for turn in range(_TURNS):
        text = " ".join(pile * (turn + 2))
        writing.ask(answered(_SHAPES[shape % len(_SHAPES)](domain, rng, turn), text))
    return writing.loop(Mark(start, "growth"))


def _more(domain: Domain, rng: Chance, turn: int) -> Planned:
    return domain.search(f"{domain.narrowing[0]}, last {50 * 2**turn} entries", "")


def _again_with_context(domain: Domain, rng: Chance, turn: int) -> Planned:
    return domain.search(f"{rng.choice(domain.rephrased)}; known: {turn} notes", "")


def _from_elsewhere(domain: Domain, rng: Chance, turn: int) -> Planned:
    return domain.read(rng, domain.items(rng, turn + 1)[turn])


_SHAPES = (_more, _again_with_context, _from_elsewhere)
