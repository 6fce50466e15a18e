"""Benign: a list is read page by page."""

from __future__ import annotations

from loops_corpus.chance import Chance
from loops_corpus.domain import Domain
from loops_corpus.script import Draft
from loops_corpus.writing import Writing


def draft(domain: Domain, rng: Chance, shape: int) -> Draft:
    """Write one: by opaque cursors or by numbers, alone or with a change for each page."""
    writing = Writing(domain, rng)
    writing.opening(3)
    pages, size = rng.randint(8, 20), rng.randint(2, 4)
    items = domain.items(rng, pages * size)
    cursors = [""] + [_cursor(rng, page, shape) for page in range(1, pages)] + ["end"]
    for page in range(pages):
        part = items[page * size : (page + 1) * size]
        writing.ask(domain.page(cursors[page], writing.rows(part), cursors[page + 1]))
        if shape % 4 == 3 and page % 3 == 0:
            writing.ask(domain.act(rng, part[0], rng.choice(domain.notes)))
    return writing.benign()


def _cursor(rng: Chance, page: int, shape: int) -> str:
    return f"{page * 25}" if shape % 2 else f"c{page:02}{rng.randbytes(6).hex()}"
