"""OpenAI's usage objects, and those of everyone who copies them, in the inclusive form.

Semantics: recorded traffic (docs/cost.md). Parts never exceed their whole: Azure's Grok reports
161 cached tokens of 10, some hosts only estimate reasoning; such parts are clamped.
"""

from __future__ import annotations

from collections.abc import Mapping

from wflo_otel.core.usage import Usage
from wflo_otel.wire.body import count, mapping, optional_count
from wflo_otel.wire.dialects import Dialect, Reasoning

#: Where Mistral, DeepSeek, Moonshot and Databricks tell what was read from a cache.
_CACHE_READ = (
    "num_cached_tokens",
    "prompt_cache_hit_tokens",
    "cached_tokens",
    "cache_read_input_tokens",
)


def is_told(usage: Mapping[str, object]) -> bool:
    """Whether a usage says something: it has a count above zero."""
    return any(count(value) for key, value in usage.items() if key.endswith("tokens"))


def chat_usage(raw: Mapping[str, object], dialect: Dialect) -> Usage:
    """Read the usage of chat completions, completions or embeddings."""
    asked = mapping(raw.get("prompt_tokens_details"))
    given = mapping(raw.get("completion_tokens_details"))
    prompt = optional_count(raw.get("prompt_tokens"))
    completion = optional_count(raw.get("completion_tokens"))
    total = optional_count(raw.get("total_tokens"))
    if prompt is None:
        prompt = max((total or 0) - (completion or 0), 0)
    completion = completion or 0
    reasoning = count(given.get("reasoning_tokens")) or count(raw.get("reasoning_tokens"))
    if dialect.reasoning is Reasoning.BESIDE:
        completion += reasoning
    elif dialect.reasoning is Reasoning.IN_TOTAL:
        completion = max((total or 0) - prompt, completion)
    if dialect.audio_beside:
        prompt += count(asked.get("audio_tokens"))
    return _within(
        prompt,
        completion,
        read=_cache_read(raw, asked),
        write=count(asked.get("cache_write_tokens"))
        or count(raw.get("cache_creation_input_tokens")),
        reasoning=reasoning,
        asked=asked,
        given=given,
    )


def responses_usage(
    raw: Mapping[str, object], server_tools: tuple[tuple[str, int], ...] = ()
) -> Usage:
    """Read the usage of the Responses API; several server-side passes make it a sum."""
    asked = mapping(raw.get("input_tokens_details"))
    given = mapping(raw.get("output_tokens_details"))
    return _within(
        count(raw.get("input_tokens")),
        count(raw.get("output_tokens")),
        read=count(asked.get("cached_tokens")),
        write=count(asked.get("cache_write_tokens")),
        reasoning=count(given.get("reasoning_tokens")),
        asked=asked,
        given=given,
        server_tools=server_tools,
    )


def _cache_read(raw: Mapping[str, object], asked: Mapping[str, object]) -> int:
    """Cached tokens: OpenAI's place, else somebody else's."""
    found = count(asked.get("cached_tokens"))
    for place in () if found else _CACHE_READ:
        if place in raw and (found := count(raw[place])):
            break
    return found


def _within(
    total_in: int,
    total_out: int,
    *,
    read: int,
    write: int,
    reasoning: int,
    asked: Mapping[str, object],
    given: Mapping[str, object],
    server_tools: tuple[tuple[str, int], ...] = (),
) -> Usage:
    read = min(read, total_in)
    return Usage(
        input_tokens=total_in,
        output_tokens=total_out,
        cache_read_tokens=read,
        cache_write_tokens=min(write, total_in - read),
        reasoning_tokens=min(reasoning, total_out),
        input_audio_tokens=min(count(asked.get("audio_tokens")), total_in),
        output_audio_tokens=min(count(given.get("audio_tokens")), total_out),
        input_image_tokens=min(count(asked.get("image_tokens")), total_in),
        output_image_tokens=min(count(given.get("image_tokens")), total_out),
        server_tools=server_tools,
        summed=bool(server_tools),
    )
