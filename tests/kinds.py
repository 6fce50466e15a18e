"""The four kinds of callable, made of one plain function, and the way to run each to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

KINDS = ("plain", "coroutine", "generator", "async generator")
YIELDING = ("generator", "async generator")


def made(kind: str, work: Callable[..., Any]) -> Callable[..., Any]:
    """A function of this kind that does the work; generators yield what it gives, twice."""

    def plain(*args: Any, **kwargs: Any) -> Any:
        return work(*args, **kwargs)

    async def coroutine(*args: Any, **kwargs: Any) -> Any:
        await asyncio.sleep(0)
        return work(*args, **kwargs)

    def generator(*args: Any, **kwargs: Any) -> Any:
        yield work(*args, **kwargs)
        yield work(*args, **kwargs)

    async def async_generator(*args: Any, **kwargs: Any) -> Any:
        yield work(*args, **kwargs)
        await asyncio.sleep(0)
        yield work(*args, **kwargs)

    found = {"plain": plain, "coroutine": coroutine, "generator": generator}
    return found.get(kind, async_generator)


def run(kind: str, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Run it to its end; of generators the last value is given."""
    if kind == "plain":
        return fn(*args, **kwargs)
    if kind == "coroutine":
        return asyncio.run(fn(*args, **kwargs))
    if kind == "generator":
        return list(fn(*args, **kwargs))[-1]

    async def collect() -> Any:
        return [each async for each in fn(*args, **kwargs)][-1]

    return asyncio.run(collect())


def leave(kind: str, fn: Callable[..., Any], *args: Any) -> None:
    """Take one value of a generator and break out of the loop."""
    if kind == "generator":
        for _ in fn(*args):
            break
        return

    async def one() -> None:
        stream = fn(*args)
        async for _ in stream:
            break
        await stream.aclose()

    asyncio.run(one())
