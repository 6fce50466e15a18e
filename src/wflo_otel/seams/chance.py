"""Random numbers for jitter.

The rule: a program may seed the shared generator, and its numbers are its own; a child of a fork
must not repeat its parent's.
"""

from __future__ import annotations

import os
import random

_chance = random.Random()  # noqa: S311  # jitter need not be secret
os.register_at_fork(after_in_child=_chance.seed)


def chance() -> float:
    """A random number from 0 up to 1."""
    return _chance.random()
