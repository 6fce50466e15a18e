"""Whose model it is, and what a host says it costs."""

from __future__ import annotations

from typing import Any

import pytest

from wflo_otel.wire.dialects import nano, provider_of_model
from wflo_otel.wire.route import recognise
from wire_fixtures import answered, with_usage

MESSAGE = {"index": 0, "message": {"content": "x"}, "finish_reason": "stop"}


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("gpt-4o", "openai"),
        ("o3-mini", "openai"),
        ("chatgpt-4o-latest", "openai"),
        ("text-embedding-3-small", "openai"),
        ("ft:gpt-4o-mini:acme::x", "openai"),
        ("openrouter/openai/GPT-5", "openai"),
        ("claude-sonnet-4-5", "anthropic"),
        ("us.anthropic.claude-3-5-haiku", "anthropic"),
        ("anthropic.claude-v2", "anthropic"),
        ("gemini-2.5-flash", "gcp.gemini"),
        ("mistral-large-latest", "mistral_ai"),
        ("deepseek-chat", "deepseek"),
        ("grok-4", "x_ai"),
        ("llama-3.3-70b", None),
        ("qwen.qwen3", None),
        ("", None),
        (None, None),
    ],
)
def test_a_model_name_says_who_makes_it(model: str | None, provider: str | None) -> None:
    assert provider_of_model(model) == provider


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2.85e-05, 28_500),
        (1, 1_000_000_000),
        (0, 0),
        (1e-10, 1),
        (-1, None),
        (float("nan"), None),
        (float("inf"), None),
        (9_007_199.5, None),
        (10**30, None),
        (True, None),
        ("1", None),
        (None, None),
    ],
)
def test_a_reported_cost_is_rounded_up_to_the_nano_dollar(
    value: object, expected: int | None
) -> None:
    assert nano(value) == expected


@pytest.mark.parametrize(
    ("url", "usage", "cost"),
    [
        ("https://openrouter.ai/api/v1/chat/completions", {"cost": 0.0012}, 1_200_000),
        ("https://openrouter.ai/api/v1/chat/completions", {"cost": 0.0001, "is_byok": True}, None),
        (
            "https://api.perplexity.ai/chat/completions",
            {"cost": {"total_cost": 0.00503}},
            5_030_000,
        ),
        ("https://api.x.ai/v1/chat/completions", {"cost_in_usd_ticks": 123456}, 12_346),
        ("https://api.x.ai/v1/chat/completions", {"cost_in_usd_ticks": 0}, None),
        ("https://api.openai.com/v1/chat/completions", {"cost": 0.5}, None),
        ("http://localhost/v1/chat/completions", {"cost": 0.5}, None),
    ],
)
def test_only_a_host_that_is_known_for_it_tells_its_cost(
    url: str, usage: dict[str, Any], cost: int | None
) -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 2, **usage}
    assert answered(url, choices=[MESSAGE], usage=usage).provider_cost == cost


@pytest.mark.parametrize(
    ("url", "total", "output"),
    [
        ("https://api.openai.com/v1/chat/completions", 25, 15),
        ("https://api.x.ai/v1/chat/completions", 31, 21),
        ("https://ai-gateway.vercel.sh/v1/chat/completions", 25, 21),
        ("https://generativelanguage.googleapis.com/v1beta/openai/chat/completions", 109, 99),
    ],
)
def test_reasoning_is_part_of_the_output_wherever_the_host_counts_it(
    url: str, total: int, output: int
) -> None:
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 15,
        "total_tokens": total,
        "completion_tokens_details": {"reasoning_tokens": 6},
    }
    found = answered(url, choices=[MESSAGE], usage=usage).usage
    assert found is not None
    assert (found.output_tokens, found.reasoning_tokens) == (output, 6)


def test_mistral_counts_audio_beside_the_prompt() -> None:
    usage = {
        "prompt_tokens": 11,
        "completion_tokens": 2,
        "prompt_tokens_details": {"audio_tokens": 375},
    }
    url = "https://api.mistral.ai/v1/chat/completions"
    found = answered(url, choices=[MESSAGE], usage=usage).usage
    assert found is not None
    assert (found.input_tokens, found.input_audio_tokens) == (386, 375)


@pytest.mark.parametrize(
    ("host", "asks"),
    [
        ("localhost", True),
        ("vllm", True),
        ("models.local", True),
        ("127.0.0.1:8000", True),
        ("10.1.2.3", True),
        ("[::1]:8080", True),
        ("api.x.ai", True),
        ("openrouter.ai", False),
        ("8.8.8.8", False),
        ("llm.example", False),
    ],
)
def test_a_server_of_ones_own_is_asked_for_usage_and_an_unknown_one_is_not(
    host: str, asks: bool
) -> None:
    url = f"http://{host}/v1/chat/completions"
    asked_for = with_usage(url, model="llama", messages=[], stream=True)
    assert (asked_for is not None) is asks


def test_a_host_without_a_name_is_not_ones_own() -> None:
    where = recognise("POST", "http:///v1/chat/completions")
    assert where is not None
    assert where.api.with_usage(where, b'{"messages":[],"stream":true}') is None
