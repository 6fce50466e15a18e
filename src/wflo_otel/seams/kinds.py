"""The four kinds of callable, and how to tell them apart."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from enum import Enum, auto


class Kind(Enum):
    """What calling it gives: a value, a coroutine, or one of the two generators."""

    PLAIN = auto()
    COROUTINE = auto()
    GENERATOR = auto()
    ASYNC_GENERATOR = auto()


def kind_of(fn: object) -> Kind:
    """Say which kind of callable it is; an object is what its ``__call__`` is."""
    if _is(inspect.isasyncgenfunction, fn):
        return Kind.ASYNC_GENERATOR
    if _is(inspect.iscoroutinefunction, fn):
        return Kind.COROUTINE
    return Kind.GENERATOR if _is(inspect.isgeneratorfunction, fn) else Kind.PLAIN


def _is(kind: Callable[[object], bool], fn: object) -> bool:
    return kind(fn) or kind(getattr(type(fn), "__call__", None))  # noqa: B004  # its kind is asked
