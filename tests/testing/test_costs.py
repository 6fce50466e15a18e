"""``assert_cost``."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

import pytest

from wflo_otel.testing import assert_cost

CENT = Decimal("0.01")


@dataclass
class Run:
    cost_usd: Decimal = CENT
    calls: int = 2
    by_agent: dict[str, Decimal] = field(default_factory=dict)


@dataclass
class Bare:
    cost_usd: Decimal = CENT


def test_a_comparison_that_holds_is_true() -> None:
    cost = assert_cost(Run())

    assert cost <= CENT
    assert cost < 1
    assert cost >= CENT
    assert cost > 0
    assert cost == CENT
    assert Decimal(0) < cost <= CENT


@pytest.mark.parametrize(
    ("sign", "compare"),
    [
        ("<= $0.001", lambda cost: cost <= Decimal("0.001")),
        ("< $0.01", lambda cost: cost < CENT),
        (">= $1", lambda cost: cost >= 1),
        ("> $0.01", lambda cost: cost > CENT),
        ("== $0.02", lambda cost: cost == Decimal("0.02")),
    ],
)
def test_a_comparison_that_fails_raises_with_the_figures(sign, compare) -> None:
    with pytest.raises(AssertionError) as raised:
        compare(assert_cost(Bare()))

    assert str(raised.value) == f"cost $0.01 is not {sign}"


def test_a_failure_shows_calls_and_agents_where_the_run_knows_them() -> None:
    run = Run(by_agent={"researcher": Decimal("0.008"), "writer": Decimal("0.002")})

    with pytest.raises(AssertionError) as raised:
        assert_cost(run) <= 0  # noqa: B015

    assert str(raised.value) == (
        "cost $0.01 is not <= $0 | calls 2 | researcher $0.008, writer $0.002"
    )


def test_agents_that_are_not_there_are_not_shown() -> None:
    with pytest.raises(AssertionError, match=r"\| calls 2$"):
        assert_cost(Run()) <= 0  # noqa: B015


def test_a_cost_is_shown_in_dollars() -> None:
    assert repr(assert_cost(Run())) == "<cost $0.01>"
