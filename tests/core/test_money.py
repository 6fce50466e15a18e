"""Money is exact."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wflo_otel.core.money import MAX_NANO_USD, ceil_nano, format_usd, to_nano_usd, to_usd


@pytest.mark.parametrize(
    ("usd", "nano"),
    [
        (1, 1_000_000_000),
        (0.1, 100_000_000),
        ("0.1025", 102_500_000),
        (Decimal("0.000000001"), 1),
        (0, 0),
    ],
)
def test_dollars_become_whole_nano_dollars(usd, nano):
    assert to_nano_usd(usd) == nano


@pytest.mark.parametrize(
    "usd", [-1, "nan", "inf", 9_100_000, "five", "", True.__class__, "1e999999"]
)
def test_what_is_no_amount_of_dollars_is_an_error_that_shows_it(usd):
    with pytest.raises(ValueError, match="not an amount"):
        to_nano_usd(usd)


def test_an_amount_finer_than_a_nano_dollar_is_an_error():
    with pytest.raises(ValueError, match="finer than a nano-dollar"):
        to_nano_usd("0.0000000001")
    with pytest.raises(ValueError, match="finer than a nano-dollar"):
        to_nano_usd("1." + "0" * 40 + "1")


@given(st.integers(0, MAX_NANO_USD))
def test_nano_dollars_survive_the_way_through_dollars(nano):
    assert to_nano_usd(to_usd(nano)) == nano


@pytest.mark.parametrize(("pico", "nano"), [(0, 0), (1, 1), (1_000, 1), (1_001, 2)])
def test_a_fraction_of_a_nano_dollar_is_rounded_up(pico, nano):
    assert ceil_nano(pico) == nano


@pytest.mark.parametrize(
    ("nano", "text"),
    [
        (1_020_500_000, "$1.0205"),
        (150, "$0.00000015"),
        (2_000_000_000, "$2.00"),
        (0, "$0.00"),
        (1_234_567_890_000, "$1234.5679"),
    ],
)
def test_an_amount_is_written_for_people(nano, text):
    assert format_usd(nano) == text
