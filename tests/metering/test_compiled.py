"""A compiled price: every kind of token, tiers, fees, and counts that contradict each other."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wflo_otel.core.usage import ModelUsage, Usage
from wflo_otel.metering.compiled import CompiledPrice, Rates
from wflo_otel.metering.fees import fee_unit, fees_of

RATES = Rates(
    input=1_000,
    output=5_000,
    cache_read=100,
    cache_write=1_250,
    cache_write_1h=2_000,
    input_audio=7_000,
    cache_read_audio=700,
    input_image=1_500,
    reasoning=6_000,
    output_audio=9_000,
    output_image=8_000,
)
DOUBLE = dataclasses.replace(RATES, input=2_000, output=10_000)


SILENT_RATES = dataclasses.replace(RATES, output_audio=RATES.output)


def price(**changes: object) -> CompiledPrice:
    fields: dict[str, object] = {
        "source": "price",
        "model": "m",
        "catalogue": "c",
        "base": RATES,
        "beside": lambda model: price(),
    }
    return CompiledPrice(**{**fields, **changes})  # type: ignore[arg-type]


SILENT = price(base=SILENT_RATES)


@pytest.mark.parametrize(
    ("usage", "pico"),
    [
        (Usage(), 0),
        (Usage(input_tokens=3, output_tokens=2), 13_000),
        (Usage(input_tokens=10, cache_read_tokens=9), 1_900),
        (Usage(input_tokens=10, cache_write_tokens=4), 6_000 + 5_000),
        (Usage(input_tokens=4, cache_write_tokens=4, cache_write_1h_tokens=3), 1_250 + 6_000),
        (Usage(output_tokens=10, reasoning_tokens=4), 6 * 5_000 + 4 * 6_000),
        (Usage(input_tokens=10, input_audio_tokens=4), 6_000 + 28_000),
        (Usage(input_tokens=10, input_image_tokens=4), 6_000 + 6_000),
        (Usage(output_tokens=10, output_audio_tokens=4), 30_000 + 36_000),
        (Usage(output_tokens=10, output_image_tokens=4), 30_000 + 32_000),
        (
            Usage(
                input_tokens=10,
                cache_read_tokens=5,
                input_audio_tokens=4,
                cache_read_audio_tokens=3,
            ),
            4 * 1_000 + 2 * 100 + 1 * 7_000 + 3 * 700,
        ),
    ],
)
def test_each_kind_of_token_has_its_own_rate(usage: Usage, pico: int) -> None:
    assert price().cost_pico(usage) == pico


def test_a_size_tier_is_a_cliff_for_all_tokens() -> None:
    tiered = price(tiers=((200_000, DOUBLE),))

    assert tiered.cost_pico(Usage(input_tokens=200_000, output_tokens=1)) == 200_005_000
    assert tiered.cost_pico(Usage(input_tokens=200_001, output_tokens=1)) == 400_012_000


def test_counts_that_were_summed_over_passes_reach_no_tier() -> None:
    tiered = price(tiers=((200_000, DOUBLE),))

    assert tiered.cost_pico(Usage(input_tokens=200_001, summed=True)) == 200_001_000


def test_an_input_costs_at_most_its_dearest_kind() -> None:
    tiered = price(tiers=((10, dataclasses.replace(DOUBLE, cache_write_1h=4_000)),), request=5)

    assert SILENT.input_pico(10) == 10 * RATES.input
    assert price().input_pico(10) == 10 * RATES.input_audio
    assert tiered.input_pico(11) == 11 * RATES.input_audio + 5


@pytest.mark.parametrize(
    ("cache_write", "rate"),
    [("", RATES.input), ("5m", RATES.cache_write), ("1h", RATES.cache_write_1h)],
)
def test_an_input_that_is_cached_costs_its_writing_for_as_long_as_was_asked(
    cache_write: str, rate: int
) -> None:
    assert SILENT.input_pico(10, cache_write) == 10 * rate


def test_an_output_token_costs_at_most_its_dearest_kind_beside_that_input() -> None:
    tiered = price(tiers=((10, DOUBLE),))

    assert tiered.output_pico(10) == RATES.output_audio
    assert tiered.output_pico(11) == DOUBLE.output


def test_a_request_fee_is_part_of_every_call() -> None:
    assert price(request=7).cost_pico(Usage()) == 7
    assert price(request=7).cost_pico(Usage(input_tokens=1, input_image_tokens=1)) == 1_507


def test_tools_on_the_providers_side_cost_their_fee_for_each_use() -> None:
    fees = {"web_searches": 10_000}

    used = Usage(server_tools=(("image_generation_call", 4), ("web_search_call", 2)))

    assert price(fees=fees).cost_pico(used) == 20_000


def test_what_is_billed_beside_is_priced_by_its_own_model() -> None:
    asked: list[str] = []

    def beside(model: str) -> CompiledPrice:
        asked.append(model)
        return price(base=DOUBLE)

    usage = Usage(input_tokens=1, extra=(ModelUsage("advisor", Usage(input_tokens=1)),))

    assert price(beside=beside).cost_pico(usage) == 1_000 + 2_000
    assert asked == ["advisor"]


@pytest.mark.parametrize(
    ("usage", "pico"),
    [
        # seen on Azure: more cached than there is
        (Usage(input_tokens=10, cache_read_tokens=161), 10 * 100),
        (Usage(input_tokens=10, cache_read_tokens=8, cache_write_tokens=8), 800 + 2 * 1_250),
        (Usage(input_tokens=10, cache_write_1h_tokens=4), 6_000 + 8_000),
        (Usage(output_tokens=10, reasoning_tokens=99), 60_000),
        # seen on Gemini: cached and audio overlap, and it does not say by how much
        (
            Usage(input_tokens=10, cache_read_tokens=8, input_audio_tokens=6),
            8 * 100 + 6 * 7_000 - 4 * 100,
        ),
    ],
)
def test_counts_that_contradict_each_other_are_clamped(usage: Usage, pico: int) -> None:
    assert price().cost_pico(usage) == pico


counts = st.integers(0, 2_000)


@given(
    st.builds(
        Usage,
        **{
            name: counts
            for name in (field.name for field in dataclasses.fields(Usage))
            if name.endswith("_tokens")
        },
    )
)
def test_no_usage_costs_less_than_its_cheapest_tokens_or_more_than_its_dearest(
    usage: Usage,
) -> None:
    cost = price().cost_pico(usage)

    assert usage.input_tokens * 100 + usage.output_tokens * 5_000 <= cost
    assert cost <= usage.input_tokens * 7_000 * 2 + usage.output_tokens * 9_000


@pytest.mark.parametrize(
    ("tool", "unit"),
    [
        ("web_search", "web_searches"),
        ("web_search_call", "web_searches"),
        ("web_search_requests", "web_searches"),
        ("google_search_queries", "web_searches"),
        ("x_search_call", "social_searches"),
        ("file_search_call", "storage_searches"),
        ("code_interpreter_call", "code_executions"),
        ("web_fetch_requests", "web_fetch"),
    ],
)
def test_a_tool_is_billed_in_one_unit_under_all_its_names(tool: str, unit: str) -> None:
    assert fee_unit(tool) == unit


@pytest.mark.parametrize(
    ("seller", "unit", "usd"), [("cohere", "search_units", 2_000), ("openai", "audio_seconds", 100)]
)
def test_what_is_billed_by_another_measure_than_tokens_has_a_fee(
    seller: str, unit: str, usd: int
) -> None:
    used = Usage(server_tools=((unit, 3),))

    assert price(fees=fees_of(seller)).cost_pico(used) == 3 * usd * 1_000_000


def test_a_seller_without_fees_of_its_own_has_none() -> None:
    assert fees_of("groq") == {}
    assert fees_of(None) == {}
    assert fees_of("azure") == fees_of("openai") != {}
