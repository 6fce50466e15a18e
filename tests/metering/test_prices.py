"""The price book: whose price holds, when, and how little it keeps."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, time, timedelta, timezone
from decimal import Decimal

import pytest
from genai_prices.types import (
    ClauseEquals,
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    TimeOfDateConstraint,
)

from wflo_otel.core.policy import PriceOverride, Prices
from wflo_otel.core.usage import ModelUsage, Usage
from wflo_otel.metering import catalogue
from wflo_otel.metering.prices import CataloguePrices

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp()
PLAIN = Prices()
MILLION = Usage(input_tokens=100_000, output_tokens=10_000)


@pytest.fixture(scope="module")
def book() -> CataloguePrices:
    return CataloguePrices()


def cost(
    book: CataloguePrices,
    provider: str,
    model: str,
    usage: Usage,
    *,
    at: float = NOW,
    prices: Prices = PLAIN,
    tier: str | None = None,
) -> int:
    found = book.price(provider, model, at=at, prices=prices, service_tier=tier)
    assert found is not None
    return found.cost_pico(usage)


def test_a_price_says_what_it_is_the_price_of(book: CataloguePrices) -> None:
    found = book.price("openai", "gpt-4o-2024-08-06", at=NOW, prices=PLAIN)

    assert found is not None
    assert (found.source, found.model) == ("price", "gpt-4o")
    assert found.catalogue.startswith("genai-prices 0.")


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("azure.ai.openai", "gpt-4o"),
        ("openai_compatible", "gpt-4o"),
        ("", "gpt-4o"),
        ("some_gateway", "openai/gpt-4o"),
        ("openai", "openai/gpt-4o"),
        ("openai", "broker/gpt-4o"),
        ("openai", "GPT-4o"),
    ],
)
def test_a_model_is_found_however_it_is_reached(
    book: CataloguePrices, provider: str, model: str
) -> None:
    assert cost(book, provider, model, Usage(input_tokens=1)) == 2_500_000


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("anthropic", "claude-sonnet-4-5"),
        ("aws.bedrock", "us.anthropic.claude-sonnet-4-20250514-v1:0"),
        ("gcp.gemini", "gemini-2.5-pro"),
        ("gcp.vertex_ai", "gemini-2.5-pro"),
        ("x_ai", "grok-4"),
        ("mistral_ai", "mistral-small-latest"),
        ("deepseek", "deepseek-v4-pro"),
        ("groq", "llama-3.3-70b-versatile"),
        ("openrouter", "anthropic/claude-sonnet-4.5"),
        ("moonshot_ai", "kimi-k2-0905-preview"),
    ],
)
def test_a_provider_is_known_by_its_name_in_the_conventions(
    book: CataloguePrices, provider: str, model: str
) -> None:
    assert cost(book, provider, model, MILLION) > 0


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-99-turbo"),
        ("openai", "claude-sonnet-4-5"),
        ("nobody", "no-such-model"),
        ("openai", "whisper-1"),
        ("github-copilot", "gpt-4o"),
        ("openai", ""),
        ("openai", "x" * 10_000),
    ],
)
def test_what_has_no_price_in_tokens_is_unknown_and_never_free(
    book: CataloguePrices, provider: str, model: str
) -> None:
    assert book.price(provider, model, at=NOW, prices=PLAIN) is None


def test_a_model_that_is_called_free_is_free(book: CataloguePrices) -> None:
    assert cost(book, "openrouter", "openai/gpt-oss-20b:free", MILLION) == 0


def test_a_name_that_moved_has_the_price_of_the_newer_model(book: CataloguePrices) -> None:
    moved = cost(book, "mistral_ai", "mistral-large-latest", MILLION)

    assert moved == cost(book, "mistral_ai", "mistral-large-2512", MILLION)


# --- the policy's own prices -----------------------------------------------------------------


def test_an_override_goes_before_the_catalogue(book: CataloguePrices) -> None:
    mine = Prices(overrides={"gpt-4o": PriceOverride(input=7, output=11, request=2)})

    found = book.price("openai", "gpt-4o", at=NOW, prices=mine)

    assert found is not None
    assert (found.source, found.catalogue) == ("override", "policy")
    assert found.cost_pico(Usage(input_tokens=10, output_tokens=1)) == 70 + 11 + 2_000


def test_an_override_for_one_provider_leaves_the_others(book: CataloguePrices) -> None:
    mine = Prices(overrides={"azure/gpt-4o": PriceOverride(input=7, output=11)})

    assert cost(book, "azure.ai.openai", "gpt-4o", Usage(input_tokens=1), prices=mine) == 7
    assert cost(book, "openai", "gpt-4o", Usage(input_tokens=1), prices=mine) == 2_500_000


def test_an_override_without_cache_prices_charges_the_full_input(book: CataloguePrices) -> None:
    mine = Prices(overrides={"m": PriceOverride(input=7, output=11, cache_write=9)})
    usage = Usage(
        input_tokens=30, cache_read_tokens=10, cache_write_tokens=20, cache_write_1h_tokens=5
    )

    assert cost(book, "openai", "m", usage, prices=mine) == 10 * 7 + 20 * 9


def test_an_alias_gives_a_deployment_its_models_price(book: CataloguePrices) -> None:
    mine = Prices(aliases={"my-deployment": "gpt-4o"})

    assert cost(book, "azure.ai.openai", "my-deployment", Usage(input_tokens=1), prices=mine) == (
        2_500_000
    )


def test_an_alias_leads_to_an_override_too(book: CataloguePrices) -> None:
    mine = Prices(
        aliases={"my-deployment": "tuned"}, overrides={"tuned": PriceOverride(input=7, output=11)}
    )

    assert cost(book, "openai", "my-deployment", Usage(input_tokens=1), prices=mine) == 7


def test_an_alias_to_nothing_leaves_the_models_own_price(book: CataloguePrices) -> None:
    mine = Prices(aliases={"gpt-4o": "nothing"})

    assert cost(book, "openai", "gpt-4o", Usage(input_tokens=1), prices=mine) == 2_500_000


def test_two_policies_do_not_see_each_others_prices(book: CataloguePrices) -> None:
    cheap = Prices(overrides={"gpt-4o": PriceOverride(input=1, output=1)})
    dear = Prices(overrides={"gpt-4o": PriceOverride(input=9, output=9)})

    assert cost(book, "openai", "gpt-4o", Usage(input_tokens=1), prices=cheap) == 1
    assert cost(book, "openai", "gpt-4o", Usage(input_tokens=1), prices=dear) == 9


def test_the_fallback_is_the_policys_own_where_it_has_one(book: CataloguePrices) -> None:
    found = book.fallback(Prices(fallback=PriceOverride(input=3, output=5)))

    assert found.source == "fallback"
    assert found.cost_pico(Usage(input_tokens=1, output_tokens=1)) == 8


def test_the_fallback_is_as_dear_as_any_chat_model_of_the_vendors(book: CataloguePrices) -> None:
    found = book.fallback(PLAIN)
    usage = Usage(input_tokens=1_000, output_tokens=1_000)

    assert found.source == "fallback"
    for provider, model in [("openai", "gpt-5.5-pro"), ("anthropic", "claude-opus-4-1")]:
        assert found.cost_pico(usage) >= cost(book, provider, model, usage) > 0


def test_the_fallback_also_prices_what_it_is_billed_beside() -> None:
    beside = Usage(extra=(ModelUsage("anything", Usage(input_tokens=2)),))

    for prices in (PLAIN, Prices(fallback=PriceOverride(input=3, output=5))):
        found = CataloguePrices().fallback(prices)
        assert found.cost_pico(beside) == found.cost_pico(Usage(input_tokens=2))


# --- time and tier ---------------------------------------------------------------------------


def test_a_price_change_holds_from_midnight_of_its_day(book: CataloguePrices) -> None:
    """o3 went from $10 to $2 per million input tokens on 2025-06-10."""
    change = datetime(2025, 6, 10, tzinfo=UTC).timestamp()

    costs = [
        cost(book, "openai", "o3", Usage(input_tokens=1), at=change + offset)
        for offset in (-0.001, 0.0, -0.001)
    ]

    assert costs == [10_000_000, 2_000_000, 10_000_000]


def test_prices_by_the_time_of_day_change_with_it(book: CataloguePrices) -> None:
    """The vendor's busy hours are 01:00 to 04:00 and 06:00 to 10:00 UTC."""
    day = datetime(2026, 11, 20, tzinfo=UTC).timestamp()

    quiet, busy, quiet_again, busy_again = (
        cost(book, "deepseek", "deepseek-v4-pro", MILLION, at=day + 3600 * hour)
        for hour in (0.999, 1, 4, 6)
    )

    assert (quiet, busy) == (quiet_again, busy_again)
    assert busy > quiet


@pytest.mark.parametrize(
    ("zone", "opens"),
    [(None, 22), (UTC, 22), (timezone(timedelta(hours=2)), 20)],
)
def test_times_of_day_without_a_zone_are_utc(zone: timezone | None, opens: int) -> None:
    evening = TimeOfDateConstraint(start_time=time(22, tzinfo=zone), end_time=time(23, tzinfo=zone))
    model = ModelInfo(
        id="m",
        match=ClauseEquals("m"),
        prices=[ConditionalPrice(constraint=evening, prices=ModelPrice(input_mtok=Decimal(1)))],
    )
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)

    since, until = catalogue._window(model, noon)

    assert since == noon.replace(hour=0).timestamp()
    assert until == noon.replace(hour=opens).timestamp()


def test_an_earlier_time_has_the_earlier_price_also_after_a_later_one(
    book: CataloguePrices,
) -> None:
    cost(book, "openai", "o3", Usage(input_tokens=1), at=NOW)

    early = datetime(2025, 5, 1, tzinfo=UTC).timestamp()

    assert cost(book, "openai", "o3", Usage(input_tokens=1), at=early) == 10_000_000


def test_a_service_tier_has_its_own_price(book: CataloguePrices) -> None:
    standard, flex, batch, priority = (
        cost(book, "openai", "gpt-5.4", MILLION, tier=tier)
        for tier in ("default", "flex", "batch", "priority")
    )

    assert batch <= flex < standard < priority


def test_a_tier_that_nobody_sells_costs_the_standard_price(book: CataloguePrices) -> None:
    for tier in (None, "auto", "standard", "Priority", "on_demand"):
        assert cost(book, "openai", "gpt-5.4", MILLION, tier=tier) == cost(
            book, "openai", "gpt-5.4", MILLION
        )


def test_a_borrowed_model_has_the_vendors_surcharge_but_not_its_discount(
    book: CataloguePrices,
) -> None:
    def azure(tier: str | None) -> int:
        return cost(book, "azure.ai.openai", "gpt-5.4", MILLION, tier=tier)

    assert azure("flex") == azure(None) < azure("priority")


def test_what_is_billed_beside_has_the_price_of_its_own_model(book: CataloguePrices) -> None:
    usage = Usage(input_tokens=1, extra=(ModelUsage("claude-opus-4-1", Usage(output_tokens=1)),))

    assert cost(book, "anthropic", "claude-sonnet-4-5", usage) == 3_000_000 + 75_000_000


def test_what_is_billed_beside_is_never_free_where_its_model_is_unknown(
    book: CataloguePrices,
) -> None:
    usage = Usage(extra=(ModelUsage("claude-99", Usage(output_tokens=1)),))

    assert cost(book, "anthropic", "claude-sonnet-4-5", usage) == book.fallback(PLAIN).cost_pico(
        Usage(output_tokens=1)
    )


# --- bounds ----------------------------------------------------------------------------------


def test_a_hundred_thousand_names_leave_no_more_than_the_capacity(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(catalogue.Catalogue, "find", lambda *_: None)
    book = CataloguePrices(capacity=100)

    for number in range(100_000):
        book.price("openai", f"model-{number}", at=NOW, prices=PLAIN)

    assert sum(len(each.entries) for each in book._books.values()) <= 100


def test_an_unknown_name_is_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(
        catalogue.Catalogue, "find", lambda self, provider, model, *rest: asked.append(model)
    )
    book = CataloguePrices()

    for _ in range(3):
        book.price("openai", "no-such-model", at=NOW, prices=PLAIN)

    assert asked == ["no-such-model"]


def test_the_catalogues_own_caches_stay_empty(book: CataloguePrices) -> None:
    from genai_prices import data_snapshot

    snapshot = data_snapshot._bundled_snapshot()
    before = len(snapshot._lookup_cache) + len(snapshot._provider_misses)

    for number in range(50):
        book.price("openai", f"nothing-{number}", at=NOW, prices=PLAIN)

    assert len(snapshot._lookup_cache) + len(snapshot._provider_misses) == before


def test_many_policies_leave_no_more_than_a_few_books(book: CataloguePrices) -> None:
    for _ in range(200):
        book.price("openai", "gpt-4o", at=NOW, prices=Prices())

    assert len(book._books) <= 16


def test_threads_that_ask_at_once_get_the_same_answers() -> None:
    book, wrong = CataloguePrices(capacity=4), list[object]()
    models = ("gpt-4o", "gpt-4o-mini", "o3", "gpt-5.4", "nothing", "gpt-4.1")
    right = {
        model: found and found.cost_pico(MILLION)
        for model in models
        for found in [CataloguePrices().price("openai", model, at=NOW, prices=PLAIN)]
    }

    def ask() -> None:
        for number in range(600):
            model = models[number % len(models)]
            found = book.price("openai", model, at=NOW, prices=PLAIN)
            if (found and found.cost_pico(MILLION)) != right[model]:
                wrong.append(model)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []


def test_warming_imports_the_catalogue_ahead_of_the_first_call() -> None:
    CataloguePrices().warm()

    assert catalogue.load.cache_info().currsize == 1


@pytest.mark.parametrize(
    "used", [("search_units", 1), ("audio_seconds", 60), ("web_search", 1), ("code_interpreter", 1)]
)
def test_no_fee_is_free_at_the_fallback(book: CataloguePrices, used: tuple[str, int]) -> None:
    usage = Usage(server_tools=(used,))
    for prices in (PLAIN, Prices(fallback=PriceOverride(input=3, output=5))):
        assert book.fallback(prices).cost_pico(usage) > 0


def test_a_fee_at_the_fallback_is_the_dearest_that_anyone_asks(book: CataloguePrices) -> None:
    usage = Usage(server_tools=(("web_search", 1),))
    assert book.fallback(PLAIN).cost_pico(usage) == 35_000_000_000
