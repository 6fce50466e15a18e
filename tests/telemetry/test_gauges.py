"""Budgets and circuit breakers as gauges."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from telemetry_rig import Rig
from wflo_otel.core.decision import Phase
from wflo_otel.core.ledger import ZERO, Amount
from wflo_otel.errors import StoreError
from wflo_otel.ports import CircuitView, LedgerView
from wflo_otel.telemetry.gauges import kind_and_name


def ledger(key: str, limits: dict[str, int], settled: Amount = ZERO) -> LedgerView:
    """A ledger in which a tenth of what is settled is pending."""
    pending = Amount(settled.usd // 10, settled.tokens // 10, settled.calls // 10)
    return LedgerView(key, limits, settled, pending, ZERO, None, 1)


def shown(*ledgers: LedgerView) -> dict[tuple[str, str, str | None, str], float]:
    """Every gauge, by metric, scope, name and unit."""
    rig = Rig()
    rig.telemetry.watch_budgets(lambda: ledgers)
    return {
        (
            metric.removeprefix("wflo.budget."),
            dict(series)["wflo.budget.scope"],
            dict(series).get("wflo.budget.name"),
            dict(series)["wflo.budget.unit"],
        ): value
        for (metric, series), value in rig.points().items()
    }


def test_a_budget_shows_its_limit_and_what_is_settled_and_pending_in_dollars() -> None:
    assert shown(ledger("run:a", {"usd": 5_000_000_000}, Amount(2_000_000_000))) == {
        ("limit", "run", None, "usd"): 5.0,
        ("settled", "run", None, "usd"): 2.0,
        ("pending", "run", None, "usd"): 0.2,
    }


def test_each_limited_unit_is_shown_and_no_other() -> None:
    found = shown(ledger("run:a", {"tokens": 100, "calls": 9}, Amount(1, 50, 2)))

    assert found["limit", "run", None, "tokens"] == 100.0
    assert found["settled", "run", None, "calls"] == 2.0
    assert not [unit for _, _, _, unit in found if unit == "usd"]


def test_a_ledger_without_a_limit_is_not_shown() -> None:
    assert shown(ledger("run:a", {}, Amount(1, 1, 1))) == {}


def test_runs_are_summed_up_so_that_no_run_is_an_attribute() -> None:
    found = shown(
        ledger("run:a/agent:writer", {"usd": 10**9}, Amount(10**8)),
        ledger("run:b/agent:writer", {"usd": 10**9}, Amount(10**8)),
    )

    assert found["limit", "agent", "writer", "usd"] == 2.0
    assert found["settled", "agent", "writer", "usd"] == 0.2


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("run:3f2a", ("run", "")),
        ("run:3f2a/agent:writer", ("agent", "writer")),
        ("run:3f2a/tool:search", ("tool", "search")),
        ("run:3f2a/agent:a:b", ("agent", "a:b")),
        ("tenant:acme@2026-11-24", ("tenant", "acme")),
        ("workflow:me@home@all", ("workflow", "me@home")),
    ],
)
def test_a_ledgers_key_tells_its_kind_and_name(key: str, expected: tuple[str, str]) -> None:
    assert kind_and_name(key) == expected


def test_without_ledgers_to_watch_there_is_nothing_to_show() -> None:
    assert not Rig().metrics()


def test_a_state_that_cannot_answer_leaves_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTEST_CURRENT_TEST")

    def gone() -> Iterable[LedgerView]:
        raise StoreError("gone")

    rig = Rig()
    rig.telemetry.watch_budgets(gone)

    assert not rig.metrics()


def circuit(key: str, phase: Phase) -> CircuitView:
    return CircuitView(key, phase, "error_rate", until=1.0, trips=1, probes=0, refused=0)


def test_a_circuit_shows_where_it_stands_as_a_number() -> None:
    rig = Rig()
    rig.telemetry.watch_breakers(lambda: [circuit(f"model:{each}", each) for each in Phase])

    found = {
        dict(series)["wflo.breaker.component"]: value
        for (metric, series), value in rig.points().items()
        if metric == "wflo.breaker.state"
    }
    assert found == {
        "model:closed": 0,
        "model:half_open": 1,
        "model:open": 2,
        "model:forced_open": 3,
    }


def test_circuits_of_a_state_that_cannot_answer_leave_a_gap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PYTEST_CURRENT_TEST")

    def gone() -> Iterable[CircuitView]:
        raise StoreError("gone")

    rig = Rig()
    rig.telemetry.watch_breakers(gone)

    assert not rig.metrics()
