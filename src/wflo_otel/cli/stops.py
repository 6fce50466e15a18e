"""``wflo budgets reset`` and ``raise``: letting a stopped scope go on, by hand."""

from __future__ import annotations

from wflo_otel.cli import EXIT_USAGE
from wflo_otel.cli.state import on_state
from wflo_otel.cli.terminal import plain, say
from wflo_otel.config.values import read_amount
from wflo_otel.core.ledger import Amount
from wflo_otel.core.money import format_usd
from wflo_otel.errors import WfloError
from wflo_otel.stores import Store


class _NotStoppedError(WfloError):
    """The scope is not stopped; the message says which are."""


class _UnlimitedError(WfloError):
    """The scope has no limit in US dollars; the message says which have one."""


def lift(scope: str, state: str | None) -> int:
    """Lift the stop of a scope; return the exit code."""

    def work(store: Store) -> None:
        reason = _reason(store, scope)
        store.reset(scope)
        say(plain(f"{scope} goes on; it was stopped: {reason}"))

    return on_state(state, work)


def raise_limit(scope: str, usd: str, state: str | None) -> int:
    """Raise the limit of a scope in US dollars; return the exit code."""
    try:
        more = read_amount(usd)
    except ValueError as problem:
        say(f"--usd: {problem}")
        return EXIT_USAGE

    def work(store: Store) -> None:
        before = _limit(store, scope)
        raised = store.top_up(scope, Amount(usd=more))
        limit, spent = format_usd(before + more), format_usd(raised.settled.usd)
        say(plain(f"the limit of {scope} is {limit} now, of which {spent} is spent"))
        if raised.stopped is not None:
            say(plain(f"it is still stopped ({raised.stopped}); see `wflo budgets reset`"))

    return on_state(state, work)


def _limit(store: Store, scope: str) -> int:
    limits = {each.key: each.limits["usd"] for each in store.ledgers() if "usd" in each.limits}
    if scope in limits:
        return limits[scope]
    known = ", ".join(sorted(limits)[:5]) or "none"
    raise _UnlimitedError(plain(f"{scope} has no limit in US dollars; those that have: {known}"))


def _reason(store: Store, scope: str) -> str:
    stopped = {each.key: each.stopped for each in store.ledgers() if each.stopped is not None}
    if scope in stopped:
        return stopped[scope]
    known = ", ".join(sorted(stopped)[:5])
    raise _NotStoppedError(
        plain(f"{scope} is not stopped; " + (f"stopped are {known}" if known else "nothing is"))
    )
