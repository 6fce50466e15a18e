"""Tokens as metrics: a histogram in the released conventions, counters in the latest ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from opentelemetry.context import Context
from opentelemetry.metrics import Counter, Histogram

from wflo_otel.core.usage import Usage
from wflo_otel.telemetry.semconv import attributes as a


class TokenMetrics(Protocol):
    """Records the tokens of one call."""

    def record(self, usage: Usage, call: Mapping[str, str], context: Context | None) -> None:
        """Record a call's usage; ``call`` says which provider and model."""
        ...


class TokenHistogram:
    """One histogram, split by ``gen_ai.token.type``."""

    def __init__(self, histogram: Histogram) -> None:
        self._histogram = histogram

    def record(self, usage: Usage, call: Mapping[str, str], context: Context | None) -> None:
        """Record a call's usage."""
        for kind, tokens in (("input", usage.input_tokens), ("output", usage.output_tokens)):
            if tokens:
                self._histogram.record(tokens, {**call, a.TOKEN_TYPE: kind}, context)


class TokenCounters:
    """One counter for each kind of tokens, split by ``gen_ai.token.modality``."""

    def __init__(self, counters: Mapping[str, Counter]) -> None:
        self._counters = counters

    def record(self, usage: Usage, call: Mapping[str, str], context: Context | None) -> None:
        """Record a call's usage."""
        for what, modality, tokens in _split(usage):
            if tokens:
                attributes = {**call, a.TOKEN_MODALITY: modality}
                self._counters[what].add(tokens, attributes, context)


def _split(usage: Usage) -> tuple[tuple[str, str, int], ...]:
    """What no provider tells apart (text, files, tools) is of unknown modality."""
    heard, seen = usage.input_audio_tokens, usage.input_image_tokens
    spoken, drawn = usage.output_audio_tokens, usage.output_image_tokens
    return (
        ("input_tokens", "audio", heard),
        ("input_tokens", "image", seen),
        ("input_tokens", "unknown", usage.input_tokens - heard - seen),
        ("output_tokens", "audio", spoken),
        ("output_tokens", "image", drawn),
        ("output_tokens", "unknown", usage.output_tokens - spoken - drawn),
        ("cache_read_tokens", "unknown", usage.cache_read_tokens),
        ("cache_write_tokens", "unknown", usage.cache_write_tokens),
        ("reasoning_tokens", "unknown", usage.reasoning_tokens),
    )
