"""wflo_otel around the SDK, put on and taken off between two rounds.

Taken off, the HTTP libraries have their own methods; on, three nested budgets are kept in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from measure import Setting

from wflo_otel.bootstrap import configure
from wflo_otel.core.policy import Budget, Budgets, Policy
from wflo_otel.seams import http
from wflo_otel.seams.active import activate

_PLENTY = Budget(usd=10**15)
_POLICY = Policy(budgets=Budgets(run=_PLENTY, agents={"*": _PLENTY}, workflows={"*": _PLENTY}))


def guarded() -> Setting:
    """Configure, and be off until asked."""
    configured = configure(_POLICY, state="memory://", run_name="benchmark")
    http.uninstall()
    activate(None)

    @contextmanager
    def on() -> Iterator[None]:
        http.install()
        activate(configured.active)
        try:
            yield
        finally:
            activate(None)
            http.uninstall()

    return on
