"""A guarded process for a test: a scripted provider, a budget, and both sides of the bill."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal

from wflo_otel.bootstrap import Configuration, configure, shutdown
from wflo_otel.core.call import CallRecord
from wflo_otel.core.money import to_nano_usd, to_usd
from wflo_otel.core.policy import Budget, Budgets, Mode, Policy, Unrecognised
from wflo_otel.core.scope import run_key
from wflo_otel.ports import LedgerView
from wflo_otel.testing import Reply, ScriptedProvider


@dataclass
class Rig:
    """What a test looks at."""

    provider: ScriptedProvider
    configuration: Configuration

    @property
    def records(self) -> list[CallRecord]:
        """Every charged call of the run, finalizers' notes included."""
        self.configuration.engine.tend()
        return self.configuration.store.records(self.configuration.run.run_id)

    @property
    def ledger(self) -> LedgerView:
        """The run's ledger."""
        self.configuration.engine.tend()
        key = run_key(self.configuration.run.run_id)
        return next(view for view in self.configuration.store.ledgers(key) if view.key == key)

    @property
    def spent_usd(self) -> Decimal:
        """What the ledger says was spent."""
        return to_usd(self.ledger.settled.usd)

    @property
    def billed_usd(self) -> Decimal:
        """What the provider says."""
        self.provider.wait_until_idle()
        return self.provider.bill.total_usd

    @property
    def notes(self) -> dict[tuple[str, str], int]:
        """What was counted beside the calls of the run, by kind and subject."""
        found = self.configuration.store.notes(self.configuration.run.run_id)
        return {(note.kind, note.subject): note.count for note in found}

    def assert_settled(self) -> None:
        """Bill = ledger to the nano-dollar, and nothing is open."""
        assert self.spent_usd == self.billed_usd
        assert sum((to_usd(each.cost) for each in self.records), Decimal(0)) == self.billed_usd
        assert self.ledger.pending.usd == 0
        assert self.ledger.open_calls == 0


@contextmanager
def guarded(
    *replies: Reply,
    usd: str | None = "100",
    mode: Mode = Mode.ENFORCE,
    unrecognised: Unrecognised = Unrecognised.ALLOW,
    breakers=None,
    clock=None,
    retries=None,
    **budget,
):
    """Guard this process with a budget for the run, before a scripted provider."""
    limit = Budget(usd=None if usd is None else to_nano_usd(usd), **budget)
    budgets = Budgets(run=limit if usd is not None or budget else None)
    with ScriptedProvider(*replies) as provider:
        policy = Policy(
            mode=mode,
            budgets=budgets,
            unrecognised=unrecognised,
            breakers=breakers or {},
            retries=retries,
        )
        configuration = configure(policy, state="memory://", clock=clock)
        try:
            yield Rig(provider, configuration)
        finally:
            shutdown()
