"""Our integers against genai-prices' decimals, to the nano-dollar, over a grid.

Where they differ on purpose the reason is listed here, as a rule of one of the other tests.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import genai_prices
import pytest
from genai_prices.data import providers
from genai_prices.types import ModelInfo, Provider

from wflo_otel.core.money import ceil_nano
from wflo_otel.core.policy import Prices
from wflo_otel.core.usage import Usage
from wflo_otel.metering.prices import CataloguePrices

WHEN = datetime(2026, 11, 20, 12, tzinfo=UTC)
PLAIN = Prices()
VENDORS = ("openai", "anthropic", "google", "x-ai", "mistral", "deepseek", "groq", "openrouter")

#: Reasons to differ, each with its own test elsewhere.
AUDIO_ADDED = ("gpt-4o-audio-preview", "gpt-4o-mini-audio-preview")
RENAMED = ("mistral-large-latest", "ministral-3b-latest")

USAGES = [
    {"input_tokens": 1, "output_tokens": 1},
    {"input_tokens": 12_345, "output_tokens": 678},
    {"input_tokens": 10_000, "output_tokens": 500, "cache_read_tokens": 9_000},
    {
        "input_tokens": 10_000,
        "output_tokens": 500,
        "cache_read_tokens": 3_000,
        "cache_write_tokens": 6_000,
    },
    {
        "input_tokens": 9_000,
        "output_tokens": 5,
        "cache_write_tokens": 6_000,
        "cache_write_1h_tokens": 4_000,
    },
    {"input_tokens": 200_000, "output_tokens": 10},
    {"input_tokens": 200_001, "output_tokens": 10, "cache_read_tokens": 100_000},
    {"input_tokens": 900_001, "output_tokens": 10, "cache_write_tokens": 100_000},
    {"input_tokens": 500, "output_tokens": 4_000, "reasoning_tokens": 3_000},
    {
        "input_tokens": 500,
        "output_tokens": 400,
        "input_audio_tokens": 300,
        "output_audio_tokens": 9,
    },
    {
        "input_tokens": 500,
        "output_tokens": 400,
        "input_audio_tokens": 300,
        "cache_read_tokens": 200,
        "cache_read_audio_tokens": 150,
    },
    {"input_tokens": 500, "output_tokens": 400, "input_image_tokens": 300},
    {"input_tokens": 500, "output_tokens": 400, "output_image_tokens": 300},
]

THEIR_KEYS = {
    "reasoning_tokens": "output_reasoning_tokens",
    "cache_read_audio_tokens": "cache_audio_read_tokens",
}


def models() -> list[tuple[Provider, ModelInfo]]:
    return [
        (provider, model)
        for provider in providers
        if provider.id in VENDORS
        for model in provider.models[:: 6 if provider.id == "openrouter" else 1]
        if provider.find_model(model.id) is model
        and model.get_prices(WHEN).input_mtok is not None
        and model.id not in (*AUDIO_ADDED, *RENAMED)
    ]


def theirs(provider: str, model: str, usage: dict[str, int]) -> Decimal:
    named = {THEIR_KEYS.get(key, key): count for key, count in usage.items()}
    found = genai_prices.calc_price(
        genai_prices.Usage(**named), model, provider_id=provider, genai_request_timestamp=WHEN
    )
    return found.total_price


@pytest.mark.parametrize("usage", USAGES, ids=lambda usage: "-".join(map(str, usage.values())))
def test_costs_are_those_of_the_catalogue(usage: dict[str, int]) -> None:
    book = CataloguePrices()
    different = []

    for provider, model in models():
        price = book.price(provider.id, model.id, at=WHEN.timestamp(), prices=PLAIN)
        assert price is not None, model.id
        ours = price.cost_pico(Usage(**usage))
        expected = theirs(provider.id, model.id, usage) * 10**12
        # A few prices are thirds of a cent, finer than a pico-dollar per token: half a
        # pico-dollar for each token is what rounding the rate may move.
        finest = Decimal(usage["input_tokens"] + usage["output_tokens"]) / 2
        if abs(ours - expected) > (finest if expected % 1 else 0):
            different.append((provider.id, model.id, ours, expected))

    assert different == []


def test_a_prompt_cached_to_nine_tenths_is_exact() -> None:
    """gpt-4o: 1,000 x $2.50 + 9,000 x $1.25 + 500 x $10, per million."""
    price = CataloguePrices().price("openai", "gpt-4o", at=WHEN.timestamp(), prices=PLAIN)
    usage = Usage(input_tokens=10_000, cache_read_tokens=9_000, output_tokens=500)

    assert price is not None
    assert ceil_nano(price.cost_pico(usage)) == 18_750_000


def test_web_searches_cost_what_the_catalogue_says() -> None:
    book = CataloguePrices()
    usage = {"input_tokens": 10, "output_tokens": 1}

    for provider, model in [
        ("anthropic", "claude-sonnet-4-5"),
        ("openai", "gpt-5"),
        ("google", "gemini-2.5-pro"),
    ]:
        price = book.price(provider, model, at=WHEN.timestamp(), prices=PLAIN)
        assert price is not None
        ours = price.cost_pico(Usage(**usage, server_tools=(("web_search_requests", 3),)))
        assert ours == theirs(provider, model, {**usage, "web_searches": 3}) * 10**12
