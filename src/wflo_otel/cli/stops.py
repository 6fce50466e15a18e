"""``wflo budgets reset``: lifting a stop by hand."""

from __future__ import annotations

from wflo_otel.cli.state import on_state
from wflo_otel.cli.terminal import plain, say
from wflo_otel.errors import WfloError
from wflo_otel.stores import Store


class _NotStoppedError(WfloError):
    """The scope is not stopped; the message says which are."""


def lift(scope: str, state: str | None) -> int:
    """Lift the stop of a scope; return the exit code."""

    def work(store: Store) -> None:
        reason = _reason(store, scope)
        store.reset(scope)
        say(plain(f"{scope} goes on; it was stopped: {reason}"))

    return on_state(state, work)


def _reason(store: Store, scope: str) -> str:
    stopped = {each.key: each.stopped for each in store.ledgers() if each.stopped is not None}
    if scope in stopped:
        return stopped[scope]
    known = ", ".join(sorted(stopped)[:5])
    raise _NotStoppedError(
        plain(f"{scope} is not stopped; " + (f"stopped are {known}" if known else "nothing is"))
    )
