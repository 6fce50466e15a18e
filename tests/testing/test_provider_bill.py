"""The provider's own bill, and that its price list is the catalogue's."""

from __future__ import annotations

import ast
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import genai_prices
import pytest

import wflo_otel.testing.provider
from wflo_otel.testing.provider.bill import PRICES, Bill, BilledCall, Tokens, price_of

#: Whose price list it is, by how the model's name begins.
_PROVIDERS = {
    "claude": "anthropic",
    "gemini": "google",
    "amazon": "aws",
    "command": "cohere",
    "embed": "cohere",
}

KINDS = {
    "plain": Tokens(input=1_000, output=500),
    "cached": Tokens(input=1_000, output=500, cached=900),
    "written": Tokens(input=1_000, output=500, cached=100, cache_write=800),
    "long": Tokens(input=200_001, output=500, cached=100),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("model", PRICES)
def test_every_price_is_that_of_the_catalogue(model: str, kind: str) -> None:
    tokens = KINDS[kind]
    catalogue = genai_prices.calc_price(
        genai_prices.Usage(
            input_tokens=tokens.input,
            output_tokens=tokens.output,
            cache_read_tokens=tokens.cached,
            cache_write_tokens=tokens.cache_write,
        ),
        model,
        provider_id=next(
            (_PROVIDERS[each] for each in _PROVIDERS if model.startswith(each)), "openai"
        ),
        genai_request_timestamp=datetime.now(UTC),
    )

    assert BilledCall(model, "chat", tokens).cost_usd == catalogue.total_price


def test_a_call_is_rounded_up_to_a_nano_dollar_once() -> None:
    call = BilledCall("gpt-4.1-nano", "chat", Tokens(input=3, cached=3))

    assert call.cost_usd == Decimal("0.000000075")
    assert BilledCall("gpt-5-nano", "chat", Tokens(input=1, cached=1)).cost_usd == Decimal("5E-9")
    assert BilledCall("gpt-4o-mini", "chat", Tokens(1, 0, 1)).cost_usd == Decimal("75E-9")


def test_a_fraction_of_a_nano_dollar_is_a_whole_one() -> None:
    price = wflo_otel.testing.provider.Price(Decimal("0.0001"))

    assert price.cost(Tokens(input=1)) == Decimal("1E-9")


def test_a_dated_name_has_the_price_of_its_family_unless_it_has_its_own() -> None:
    assert price_of("gpt-4o-2024-08-06") == price_of("gpt-4o")
    assert price_of("claude-haiku-4-5-20251001") == price_of("claude-haiku-4-5")
    assert price_of("gpt-4o-2024-05-13") != price_of("gpt-4o")


def test_a_model_without_a_price_is_counted_and_costs_nothing() -> None:
    bill = Bill(entries=[BilledCall("nobody-1", "chat", Tokens(5, 5))])

    assert (bill.calls, bill.unpriced, bill.total_usd) == (1, 1, 0)


def test_the_bill_sums_by_model_and_writes_money_as_text() -> None:
    entries = [
        BilledCall("gpt-4o", "chat", Tokens(input=4, output=1)),
        BilledCall("gpt-4o", "chat", Tokens(input=4), disconnected=True),
        BilledCall("claude-haiku-4-5", "messages", Tokens(input=1)),
    ]
    bill = Bill(requests=4, entries=entries)

    assert bill.by_model == {"gpt-4o": Decimal("0.00003"), "claude-haiku-4-5": Decimal("0.000001")}
    written = bill.as_json()
    assert written["total_usd"] == "0.000031000"
    assert written["by_model"] == {"gpt-4o": "0.000030000", "claude-haiku-4-5": "0.000001000"}
    assert (written["requests"], written["calls"], written["disconnected"]) == (4, 3, 1)
    assert written["entries"][1] == {
        "model": "gpt-4o",
        "endpoint": "chat",
        "input_tokens": 4,
        "output_tokens": 0,
        "cached_tokens": 0,
        "cache_write_tokens": 0,
        "reasoning_tokens": 0,
        "cost_usd": "0.000010000",
        "disconnected": True,
    }


def test_the_provider_shares_no_code_with_the_guard() -> None:
    package = Path(wflo_otel.testing.provider.__file__).parent
    imported = {
        node.module
        for path in package.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module
    }

    ours = {name for name in imported if name.startswith("wflo_otel")}
    assert all(name.startswith("wflo_otel.testing.provider") for name in ours)
