"""What a circuit breaker costs around a call that succeeds: closed, and while it is open.

pybreaker and purgatory are measured beside it where they are installed; ours keeps its state with
the budgets, where theirs is one process's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from importlib.util import find_spec
from itertools import count
from typing import Any

from measure import Row, Side, beside
from spans import bare_span

from wflo_otel.bootstrap import configure, shutdown
from wflo_otel.core.breaker import Circuit as Rules
from wflo_otel.core.breaker import Component, Seen, Stamp, Verdict, blocked, enter, settle
from wflo_otel.core.policy import Breaker
from wflo_otel.decorators import circuit_breaker
from wflo_otel.errors import CircuitOpenError

_Call = Callable[[], object]


def rows() -> list[Row]:
    """Time a call under each breaker, the rules alone, and a refusal."""
    with _configured():
        sides = {name: Side(wrap(_succeed)) for name, wrap in _wraps().items()}
        sides["the rules alone"] = Side(_rules())
        sides["circuit_breaker, open"] = Side(_refused())
        return [
            replace(row, what=f"breaker: {row.what}")
            for row in beside(sides, "a bare span", Side(bare_span()))
        ]


@contextmanager
def _configured() -> Iterator[None]:
    configure(state="memory://", guard=False, providers=False)
    try:
        yield
    finally:
        shutdown()


def _succeed() -> None:
    return None


def _fail() -> None:
    raise TimeoutError


def _rules() -> _Call:
    circuit, component, ids = Rules("c"), Component("c", Breaker()), map(str, count())

    def once() -> None:
        call_id = next(ids)
        assert blocked(circuit, component, 1.0) is None
        stamp: Stamp = enter(circuit, component, call_id, 1.0)[0]
        settle(circuit, component.options, stamp, call_id, Seen(Verdict.GOOD, 0.1, 10, 10), 1.0)

    return once


def _refused() -> _Call:
    failing = circuit_breaker("open", consecutive_failures=1, cooldown_s=86_400)(_fail)
    with suppress(TimeoutError):
        failing()  # which opens it

    def once() -> None:
        try:
            failing()
        except CircuitOpenError:
            return

    return once


def _wraps() -> dict[str, Callable[[_Call], _Call]]:
    found: dict[str, Callable[[_Call], _Call]] = {"circuit_breaker": circuit_breaker("closed")}
    if find_spec("pybreaker"):
        found["pybreaker"] = _pybreaker()
    if find_spec("purgatory"):
        found["purgatory"] = _purgatory()
    return found


def _pybreaker() -> Any:
    import pybreaker

    return pybreaker.CircuitBreaker(fail_max=5)


def _purgatory() -> Any:
    import purgatory

    return purgatory.SyncCircuitBreakerFactory()("closed")
