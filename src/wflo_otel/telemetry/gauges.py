"""Budgets and breakers as gauges: limits, what was spent and reserved of them, what is open.

The rule: ledgers are summed up by kind and name, so that a run's id is never an attribute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from wflo_otel.core.decision import Phase
from wflo_otel.core.ledger import UNITS, Unit
from wflo_otel.ports import CircuitView, LedgerView
from wflo_otel.telemetry.safely import safely
from wflo_otel.telemetry.semconv import attributes as a
from wflo_otel.telemetry.semconv import instruments as i
from wflo_otel.telemetry.values import in_unit, text

#: Returns the ledgers to show: those of open runs, and the current windows.
Ledgers: TypeAlias = Callable[[], Iterable[LedgerView]]
#: Returns the circuits to show.
Circuits: TypeAlias = Callable[[], Iterable[CircuitView]]
_LEVEL = {Phase.CLOSED: 0, Phase.HALF_OPEN: 1, Phase.OPEN: 2, Phase.FORCED_OPEN: 3}
_Of: TypeAlias = Callable[[LedgerView, Unit], int]


class BudgetGauges:
    """Three gauges over the ledgers of ``watch``; without it they show nothing.

    Args:
        meter: makes them.
        collecting: called at the start of each collection.
    """

    def __init__(self, meter: Meter, collecting: Callable[[], None]) -> None:
        self._ledgers: Ledgers | None = None
        self._collecting = collecting
        for shape, amount in (
            (i.LIMIT, lambda view, unit: view.limits[unit]),
            (i.SETTLED, lambda view, unit: view.settled.of(unit)),
            (i.PENDING, lambda view, unit: view.pending.of(unit)),
        ):
            meter.create_observable_gauge(
                shape.name, [self._callback(amount)], shape.unit, shape.description
            )

    def watch(self, ledgers: Ledgers) -> None:
        """Show these ledgers from now on; called at each collection, from its thread."""
        self._ledgers = ledgers

    def _callback(self, amount: _Of) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def observe(_: CallbackOptions) -> Iterable[Observation]:
            self._collecting()
            with safely("budget gauges"):
                return list(_observations(self._ledgers() if self._ledgers else (), amount))
            return ()

        return observe


class BreakerGauge:
    """Where each circuit breaker stands; without ``watch`` it shows nothing."""

    def __init__(self, meter: Meter) -> None:
        self._circuits: Circuits | None = None
        shape = i.BREAKERS
        meter.create_observable_gauge(shape.name, [self._observe], shape.unit, shape.description)

    def watch(self, circuits: Circuits) -> None:
        """Show these circuits from now on; called at each collection, from its thread."""
        self._circuits = circuits

    def _observe(self, _: CallbackOptions) -> Iterable[Observation]:
        with safely("breaker gauge"):
            found = self._circuits() if self._circuits else ()
            return [
                Observation(_LEVEL[each.phase], {a.BREAKER_COMPONENT: text(each.key)})
                for each in found
            ]
        return ()


def _observations(ledgers: Iterable[LedgerView], amount: _Of) -> Iterator[Observation]:
    sums: dict[tuple[str, str, Unit], int] = {}
    for view in ledgers:
        kind, name = kind_and_name(view.key)
        for unit in UNITS:
            if unit in view.limits:
                row = (kind, name, unit)
                sums[row] = sums.get(row, 0) + amount(view, unit)
    for (kind, name, unit), total in sums.items():
        attributes = {a.BUDGET_SCOPE: kind, a.BUDGET_UNIT: unit}
        if name:
            attributes[a.BUDGET_NAME] = text(name)
        yield Observation(in_unit(total, unit), attributes)


def kind_and_name(key: str) -> tuple[str, str]:
    """Read a ledger's key: its kind, and the name of what is limited; a run has none.

    >>> kind_and_name("run:3f2a/agent:writer"), kind_and_name("tenant:acme@2026-11-24")
    (('agent', 'writer'), ('tenant', 'acme'))
    """
    kind, _, rest = key.partition(":")
    if kind != "run":
        return kind, rest.rpartition("@")[0]
    _, _, inner = rest.partition("/")
    inner_kind, _, name = inner.partition(":")
    return inner_kind or "run", name
