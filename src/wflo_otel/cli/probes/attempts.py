"""Calls that must not leave: each way of a probe is tried once under a budget of nothing.

The rule: what is written down is what happened, judged by nobody. The parent judges, who knows
which requests arrived.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from types import TracebackType

from wflo_otel.bootstrap import configure, shutdown
from wflo_otel.cli.probes import Ways
from wflo_otel.core.policy import Budget, Budgets, Policy
from wflo_otel.errors import PolicyViolationError, declared_class
from wflo_otel.ports import PolicyState

_SEAMS = "wflo_otel.seams"
#: Where a seam is on a class whose caller is not of the same library.
_NAMED = {
    f"{_SEAMS}.http.aiohttp": "aiohttp",
    f"{_SEAMS}.http.botocore": "botocore",
    f"{_SEAMS}.functions": "decorator",
}
#: What is around the attempts of a call and refuses nothing itself.
_AROUND = f"{_SEAMS}.http.logical"
_LONGEST = 120


@dataclass(frozen=True, slots=True)
class Attempt:
    """What the caller of one way saw."""

    way: str
    #: The class of what was raised; empty where the call came back.
    error: str
    #: Its first line.
    said: str
    #: Whether it is our refusal, as itself.
    typed: bool
    #: How many times the call was refused.
    refused: int
    #: What refused it, such as ``httpx2``.
    seam: str


def attempt_all(ways: Ways, url: str) -> list[dict[str, object]]:
    """Try each way under a budget of nothing; each has an address of its own under ``url``."""
    policy = Policy(budgets=Budgets(run=Budget(usd=0)))
    state = configure(policy, "memory://", providers=False).store
    try:
        return [asdict(_attempt(way, ways[way], f"{url}/{way}", state)) for way in ways]
    finally:
        shutdown()


def _attempt(way: str, call: Callable[[str], object], url: str, state: PolicyState) -> Attempt:
    before = _refusals(state)
    try:
        made = call(url)
        if inspect.iscoroutine(made):
            asyncio.run(made)
    except BaseException as error:  # noqa: BLE001  # whatever it is, it is what the caller saw
        refused = _refusals(state) - before
        typed = isinstance(error, PolicyViolationError)
        seam = _seam_of(error) if refused else ""
        return Attempt(way, _name(error), _first_line(error), typed, refused, seam)
    return Attempt(way, "", "", typed=False, refused=_refusals(state) - before, seam="")


def _refusals(state: PolicyState) -> int:
    return sum(view.refused for view in state.ledgers())


def _name(error: BaseException) -> str:
    cls = declared_class(type(error)) if isinstance(error, PolicyViolationError) else type(error)
    package = cls.__module__.partition(".")[0]
    return cls.__qualname__ if package in {"builtins", "wflo_otel"} else f"{package}.{cls.__name__}"


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), "")[:_LONGEST]


def _seam_of(error: BaseException) -> str:
    return next(filter(None, (_refuser(each.__traceback__) for each in _chain(error))), "")


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        each = waiting.pop()
        if id(each) not in seen:
            seen.add(id(each))
            yield each
            waiting += filter(None, (each.__context__, each.__cause__))


def _refuser(traceback: TracebackType | None) -> str:
    """The library whose code called the innermost seam: the frame before it."""
    refuser = caller = ""
    while traceback is not None:
        module = str(traceback.tb_frame.f_globals.get("__name__", ""))
        is_seam = module.startswith(_SEAMS) and module != _AROUND
        if is_seam and not caller.startswith("wflo_otel"):
            refuser = _NAMED.get(module, caller.partition(".")[0])
        caller, traceback = module, traceback.tb_next
    return refuser
