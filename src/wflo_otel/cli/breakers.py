"""``wflo breakers``: where circuit breakers stand, and opening or closing one by hand.

The rule: what is done by hand holds at once in every process that shares the state.
"""

from __future__ import annotations

from collections.abc import Callable

from wflo_otel.cli import EXIT_USAGE
from wflo_otel.cli.state import on_state
from wflo_otel.cli.tables import circuits_table
from wflo_otel.cli.terminal import plain, say, show
from wflo_otel.clock import SystemClock
from wflo_otel.config.components import component_key
from wflo_otel.stores import Store

#: Named in code, by a decorator; every other kind is named as in the policy.
_FUNCTION = "function:"


def print_breakers(state: str | None) -> int:
    """Print every circuit; return the exit code."""

    def work(store: Store) -> None:
        found = store.circuits()
        if found:
            show([circuits_table(found, SystemClock().time())], to_stdout=True)
        else:
            say("no call has met a circuit breaker in this state yet")

    return on_state(state, work)


def force_open(component: str, state: str | None) -> int:
    """Open a circuit until it is closed by hand; return the exit code."""

    def work(store: Store, key: str) -> None:
        is_new = not any(each.key == key for each in store.circuits(key))
        store.force_open(key)
        say(plain(f"{key} is open: calls are refused until `wflo breakers close {key}`"))
        if is_new:
            say("no breaker of that name has met a call yet: check that it is spelled as you mean")

    return _on(component, state, work)


def close(component: str, state: str | None) -> int:
    """Close a circuit; return the exit code."""

    def work(store: Store, key: str) -> None:
        store.close_circuit(key)
        say(plain(f"{key} is closed: calls go through"))

    return _on(component, state, work)


def _on(component: str, state: str | None, work: Callable[[Store, str], None]) -> int:
    try:
        key = component if component.startswith(_FUNCTION) else component_key(component)
    except ValueError as problem:
        say(str(problem))
        return EXIT_USAGE
    return on_state(state, lambda store: work(store, key))
