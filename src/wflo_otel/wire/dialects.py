"""Who speaks an API how: one row for each host whose dialect is known.

Hosts are compared as parsed host names, exactly or by whole labels from the right, never by
prefix: ``api.openai.com.evil.example`` is no OpenAI host. Where the host says nothing (a
gateway, a local server) the model's name says who is behind it.

Source: recorded traffic, see docs/cost.md. Provider names are the values of
``gen_ai.provider.name`` where it has one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum
from functools import lru_cache
from ipaddress import ip_address

from wflo_otel.core.money import MAX_NANO_USD, NANO_PER_USD
from wflo_otel.wire.body import mapping, optional_count

CostReader = Callable[[Mapping[str, object]], int | None]


class Reasoning(StrEnum):
    """Where a chat usage counts reasoning tokens."""

    #: ``completion_tokens`` contains them.
    INSIDE = "inside"
    #: They come on top of ``completion_tokens``.
    BESIDE = "beside"
    #: Output is ``total_tokens`` less ``prompt_tokens``; nothing else contains them.
    IN_TOTAL = "in_total"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one host differs from the API it speaks."""

    provider: str | None = None
    #: A stream carries usage only if ``stream_options.include_usage`` asks for it, and the host
    #: is known to accept that. ``None``: as the model's own provider does.
    ask_usage: bool | None = False
    reasoning: Reasoning = Reasoning.INSIDE
    #: ``prompt_tokens`` does not contain audio.
    audio_beside: bool = False
    #: Unknown models take ``max_completion_tokens`` rather than ``max_tokens``.
    modern_cap: bool = False
    #: Reads the provider's own cost in nano-USD out of its usage, where it is trusted.
    cost: CostReader | None = None


def nano(value: object, per_usd: int = 1) -> int | None:
    """Turn a JSON number into nano-USD, rounded up; ``None`` where it is no amount."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not math.isfinite(value) or not 0 <= value < MAX_NANO_USD * per_usd:
        return None
    amount = Decimal(str(value)) * NANO_PER_USD / per_usd
    whole = int(amount.to_integral_value(ROUND_CEILING))
    return whole if whole <= MAX_NANO_USD else None


def _cost(usage: Mapping[str, object]) -> int | None:
    """``cost`` in USD; with a key of the user's own it is only the broker's fee, so not it."""
    return None if usage.get("is_byok") else nano(usage.get("cost"))


def _total_cost(usage: Mapping[str, object]) -> int | None:
    return nano(mapping(usage.get("cost")).get("total_cost"))


def _ticks(usage: Mapping[str, object]) -> int | None:
    """``cost_in_usd_ticks``: ten thousand million ticks are a dollar; zero says nothing."""
    ticks = usage.get("cost_in_usd_ticks")
    return nano(ticks, 10**10) if optional_count(ticks) else None


_OPENAI = Dialect("openai", ask_usage=True, modern_cap=True)
_AZURE = Dialect("azure.ai.openai", ask_usage=True, modern_cap=True)
_AZURE_INFERENCE = Dialect("azure.ai.inference")
_DEEPSEEK = Dialect("deepseek")
_GEMINI = Dialect("gcp.gemini", reasoning=Reasoning.IN_TOTAL)
_MISTRAL = Dialect("mistral_ai", audio_beside=True)
_MOONSHOT = Dialect("moonshot_ai")
_OPENROUTER = Dialect("openrouter", cost=_cost)
_TOGETHER = Dialect("together")
_XAI = Dialect("x_ai", ask_usage=True, reasoning=Reasoning.BESIDE, cost=_ticks)
_ZAI = Dialect("zai", ask_usage=True)

#: By host. A name stands for itself and everything below it.
ROWS: dict[str, Dialect] = {
    "api.openai.com": _OPENAI,
    "chatgpt.com": _OPENAI,
    "openai.azure.com": _AZURE,
    "cognitiveservices.azure.com": _AZURE,
    "services.ai.azure.com": _AZURE_INFERENCE,
    "models.ai.azure.com": _AZURE_INFERENCE,
    "models.inference.ai.azure.com": _AZURE_INFERENCE,
    "api.anthropic.com": Dialect("anthropic"),
    "api.mistral.ai": _MISTRAL,
    "codestral.mistral.ai": _MISTRAL,
    "api.deepseek.com": _DEEPSEEK,
    "api.groq.com": Dialect("groq"),
    "api.x.ai": _XAI,
    "api.perplexity.ai": Dialect("perplexity", cost=_total_cost),
    "api.moonshot.ai": _MOONSHOT,
    "api.moonshot.cn": _MOONSHOT,
    "api.cohere.com": Dialect("cohere"),
    "api.cohere.ai": Dialect("cohere"),
    "generativelanguage.googleapis.com": _GEMINI,
    "aiplatform.googleapis.com": replace(_GEMINI, provider="gcp.vertex_ai"),
    "api.aws": Dialect("aws.bedrock"),
    "amazonaws.com": Dialect("aws.bedrock"),
    "openrouter.ai": _OPENROUTER,
    "ai-gateway.vercel.sh": Dialect(
        "vercel", ask_usage=True, reasoning=Reasoning.BESIDE, cost=_cost
    ),
    "api.together.ai": _TOGETHER,
    "api.together.xyz": _TOGETHER,
    "api.fireworks.ai": Dialect("fireworks"),
    "api.cerebras.ai": Dialect("cerebras"),
    "router.huggingface.co": Dialect("huggingface", ask_usage=True),
    "api.githubcopilot.com": Dialect("github", ask_usage=True),
    "azuredatabricks.net": Dialect("databricks"),
    "cloud.databricks.com": Dialect("databricks"),
    "gcp.databricks.com": Dialect("databricks"),
    "snowflakecomputing.com": Dialect("snowflake"),
    "api.cloudflare.com": Dialect("cloudflare", ask_usage=True),
    "aliyuncs.com": Dialect("alibaba", ask_usage=True),
    "api.z.ai": _ZAI,
    "open.bigmodel.cn": replace(_ZAI, provider="zhipuai"),
    "api.venice.ai": Dialect("venice", ask_usage=True),
    "api.ai21.com": Dialect("ai21"),
    "api.avian.io": Dialect("avian", ask_usage=True, cost=_cost),
    "api.voyageai.com": Dialect("voyage"),
    "api.doubleword.ai": Dialect("doubleword", ask_usage=True),
    "ollama.com": Dialect("ollama", ask_usage=True),
    "api.novita.ai": Dialect("novita"),
    "api.minimax.io": Dialect("minimax"),
    "inference.baseten.co": Dialect("baseten"),
    "api.arcee.ai": Dialect("arcee"),
    "api.writer.com": Dialect("writer"),
}

_UNKNOWN = Dialect(ask_usage=None)

#: A server of one's own: vLLM, llama.cpp, Ollama, LM Studio, SGLang and LiteLLM all take
#: ``include_usage``, tell nothing without it, and pass over what they do not know.
_LOCAL = Dialect(ask_usage=True)
_LOCAL_NAMES = (".localhost", ".local", ".internal", ".lan")

#: Azure takes ``stream_options`` and ``max_completion_tokens`` from this API version on.
_AZURE_MODERN = "2024-09-01"


def dialect_of(host: str, path: str, api_version: str | None) -> Dialect:
    """Find the row of a parsed, lower-case host name; a neutral one where there is none."""
    found = _row(host)
    if found is _AZURE_INFERENCE and "/openai/" in path:
        found = _AZURE
    if (
        found is _AZURE
        and api_version
        and api_version[:1].isdigit()
        and api_version < _AZURE_MODERN
    ):
        return replace(_AZURE, ask_usage=False, modern_cap=False)
    return found


def _row(host: str) -> Dialect:
    if host.endswith("-aiplatform.googleapis.com"):
        host = "aiplatform.googleapis.com"
    label = host
    while label:
        if (found := ROWS.get(label)) is not None:
            return found
        label = label.partition(".")[2]
    return _LOCAL if _is_local(host) else _UNKNOWN


def _is_local(host: str) -> bool:
    """Whether a host is this machine, or one whose name or address only holds inside a net."""
    if host.endswith(_LOCAL_NAMES):
        return True
    try:
        return ip_address(host).is_private
    except ValueError:
        return "." not in host and host != ""


#: How models are called, by who makes them.
_MAKERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "openai",
        ("gpt", "o1", "o3", "o4", "chatgpt", "text-embedding", "codex", "davinci", "babbage"),
    ),
    ("anthropic", ("claude", "anthropic.claude")),
    ("gcp.gemini", ("gemini",)),
    (
        "mistral_ai",
        ("mistral", "ministral", "magistral", "codestral", "devstral", "pixtral", "open-mistral"),
    ),
    ("deepseek", ("deepseek",)),
    ("x_ai", ("grok",)),
    ("cohere", ("command", "embed-english", "embed-multilingual")),
    ("moonshot_ai", ("kimi", "moonshot")),
    ("perplexity", ("sonar",)),
)


#: Every provider that calls are known to go to, as ``gen_ai.provider.name`` has it.
PROVIDERS = frozenset(
    {row.provider for row in ROWS.values() if row.provider} | {maker for maker, _ in _MAKERS}
)


@lru_cache(maxsize=1024)
def provider_of_model(model: str | None) -> str | None:
    """Say who makes a model, by its name; ``None`` where the name does not tell.

    >>> provider_of_model("openai/gpt-4o"), provider_of_model("ft:gpt-4o:acme")
    ('openai', 'openai')
    >>> provider_of_model("llama-3.3-70b") is None
    True
    """
    name = bare_model(model)
    return next((maker for maker, starts in _MAKERS if name.startswith(starts)), None)


def bare_model(model: str | None) -> str:
    """A model's name in lower case, without a broker's prefix, a region or ``ft:``."""
    name = (model or "").lower().rpartition("/")[2].removeprefix("ft:")
    head, dot, rest = name.partition(".")
    return rest if dot and len(head) <= 6 and rest.startswith("anthropic.") else name
