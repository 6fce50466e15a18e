"""Google's usage objects in the inclusive form.

``promptTokenCount`` contains what came from the cache; what tools brought in is counted beside
it, and so are thoughts beside the candidates. Keys are absent where they are zero. Vertex
sometimes sends modalities as the numbers of its enumeration.
"""

from __future__ import annotations

from collections.abc import Mapping

from wflo_otel.core.usage import Usage
from wflo_otel.wire.body import count, objects, text

_AUDIO = frozenset({"AUDIO", "audio", 4})
_IMAGE = frozenset({"IMAGE", "image", 2})


def content_usage(raw: Mapping[str, object], searches: int = 0) -> Usage:
    """Read a ``usageMetadata``. ``searches`` are those that are billed apart."""
    asked = raw.get("promptTokensDetails")
    given = raw.get("candidatesTokensDetails")
    total_in = count(raw.get("promptTokenCount")) + count(raw.get("toolUsePromptTokenCount"))
    thoughts = count(raw.get("thoughtsTokenCount"))
    total_out = count(raw.get("candidatesTokenCount")) + thoughts
    read = min(count(raw.get("cachedContentTokenCount")), total_in)
    audio = min(_of(asked, _AUDIO), total_in)
    return Usage(
        input_tokens=total_in,
        output_tokens=total_out,
        cache_read_tokens=read,
        reasoning_tokens=thoughts,
        input_audio_tokens=audio,
        cache_read_audio_tokens=min(_of(raw.get("cacheTokensDetails"), _AUDIO), read, audio),
        input_image_tokens=min(_of(asked, _IMAGE), total_in),
        output_audio_tokens=min(_of(given, _AUDIO), total_out),
        output_image_tokens=min(_of(given, _IMAGE), total_out),
        server_tools=(("google_search", searches),) if searches else (),
        summed=bool(searches) or bool(count(raw.get("toolUsePromptTokenCount"))),
    )


def interaction_usage(raw: Mapping[str, object]) -> Usage:
    """Read the usage of an interaction."""
    asked = objects(raw.get("input_tokens_by_modality"))
    found = objects(raw.get("grounding_tool_count"))
    tools = tuple(sorted((_name(each), count(each.get("count"))) for each in found))
    total_in = count(raw.get("total_input_tokens")) + count(raw.get("total_tool_use_tokens"))
    thoughts = count(raw.get("total_thought_tokens"))
    return Usage(
        input_tokens=total_in,
        output_tokens=count(raw.get("total_output_tokens")) + thoughts,
        cache_read_tokens=min(count(raw.get("total_cached_tokens")), total_in),
        reasoning_tokens=thoughts,
        input_audio_tokens=min(_of(asked, _AUDIO, "tokens"), total_in),
        input_image_tokens=min(_of(asked, _IMAGE, "tokens"), total_in),
        server_tools=tools,
        summed=bool(tools),
    )


def _name(tool: Mapping[str, object]) -> str:
    return (text(tool.get("type")) or "other")[:64]


def _of(details: object, kind: frozenset[object], key: str = "tokenCount") -> int:
    return sum(count(each.get(key)) for each in objects(details) if _is(each, kind))


def _is(each: Mapping[str, object], kind: frozenset[object]) -> bool:
    modality = each.get("modality")
    return isinstance(modality, str | int) and modality in kind
