"""Raising a budget while its run is open, or stopped.

The rule: only a scope that is known is raised, so that a misspelled one does not pass for done.
"""

from __future__ import annotations

from wflo_otel.core.ledger import Amount
from wflo_otel.core.scope import run_key
from wflo_otel.errors import ConfigError
from wflo_otel.seams.active import Active
from wflo_otel.seams.amounts import Usd, nano_usd_of


def top_up(active: Active, run_id: str, scope: str | None, usd: Usd) -> None:
    """Raise the limit of a scope in US dollars; without a scope it is the run's.

    Raises:
        ConfigError: ``usd`` is no amount above zero, or no call has met a budget of that scope.
        StoreError: the state cannot answer.
    """
    more = nano_usd_of("usd", usd) or 0
    if more <= 0:
        raise ConfigError(f"usd: {usd!r} raises nothing")
    own = run_key(run_id)
    if scope is not None and scope != own:
        known = [view.key for view in active.engine.ledgers(scope)]
        if scope not in known:
            raise ConfigError(f"scope: no call has met a budget of {scope!r}")
    active.telemetry.raised(active.engine.top_up(scope or own, Amount(usd=more)))
