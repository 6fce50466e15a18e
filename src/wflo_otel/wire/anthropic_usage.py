"""Anthropic's usage object in the inclusive form.

Its ``input_tokens`` leave out what was read from and written to the cache. ``iterations`` list
what several passes on the provider's side used: the top level is the sum of the ``message``
ones, or the last ``fallback_message`` alone; all others are billed beside it, each at its own
model's price.
"""

from __future__ import annotations

from collections.abc import Mapping

from wflo_otel.core.usage import ModelUsage, Usage
from wflo_otel.wire.body import count, mapping, objects, optional_count, text

_FALLBACK = "fallback_message"
#: More passes than a provider makes in one call.
_MAX_ITERATIONS = 1024


def messages_usage(raw: Mapping[str, object], model: str | None) -> Usage:
    """Read a usage; ``model`` is the one that iterations without a name belong to."""
    iterations = objects(raw.get("iterations"))[:_MAX_ITERATIONS]
    beside = _beside(iterations)
    tools = _server_tools(raw)
    passes = len(iterations) - len(beside)
    return _one(
        raw,
        server_tools=tools,
        extra=tuple(
            ModelUsage(text(each.get("model")) or model or "", _one(each)) for each in beside
        ),
        summed=bool(tools) or passes > 1,
    )


def answering_model(raw: Mapping[str, object]) -> str | None:
    """The model that a fallback ended at, where there was one: the top level is its usage."""
    fallbacks = [each for each in objects(raw.get("iterations")) if each.get("type") == _FALLBACK]
    return text(fallbacks[-1].get("model")) if fallbacks else None


def _beside(iterations: list[dict[str, object]]) -> list[dict[str, object]]:
    """The iterations that the top level does not contain."""
    last = max(
        (at for at, each in enumerate(iterations) if each.get("type") == _FALLBACK), default=-1
    )
    if last >= 0:
        return [each for at, each in enumerate(iterations) if at != last]
    return [each for each in iterations if each.get("type") != "message"]


def _server_tools(raw: Mapping[str, object]) -> tuple[tuple[str, int], ...]:
    used = mapping(raw.get("server_tool_use"))
    counts = ((key.removesuffix("_requests"), count(value)) for key, value in used.items())
    return tuple(sorted((key, number) for key, number in counts if number))


def _one(
    raw: Mapping[str, object],
    *,
    server_tools: tuple[tuple[str, int], ...] = (),
    extra: tuple[ModelUsage, ...] = (),
    summed: bool = False,
) -> Usage:
    split = mapping(raw.get("cache_creation"))
    one_hour, five_minutes = (
        count(split.get(f"ephemeral_{each}_input_tokens")) for each in ("1h", "5m")
    )
    written = optional_count(raw.get("cache_creation_input_tokens"))
    written = one_hour + five_minutes if written is None else written
    read = count(raw.get("cache_read_input_tokens"))
    output = count(raw.get("output_tokens"))
    thinking = mapping(raw.get("output_tokens_details")).get("thinking_tokens")
    return Usage(
        input_tokens=count(raw.get("input_tokens")) + written + read,
        output_tokens=output,
        cache_read_tokens=read,
        cache_write_tokens=written,
        cache_write_1h_tokens=min(one_hour, written),
        reasoning_tokens=min(count(thinking), output),
        server_tools=server_tools,
        extra=extra,
        summed=summed,
    )
