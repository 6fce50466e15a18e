"""Having foreign spans decided about without a line of the user's code.

The rule: what is exported stays what the program's own sampler says.
"""

from __future__ import annotations

import weakref

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from wflo_otel.seams.active import Active, active
from wflo_otel.seams.spans import probe
from wflo_otel.seams.spans.processor import DecidingSpanProcessor
from wflo_otel.seams.spans.sampler import PolicySampler

_deciding: weakref.WeakSet[TracerProvider] = weakref.WeakSet()
#: For whom spans of the global provider are decided about.
_by_global: Active | None = None


def decide_by_spans(provider: trace.TracerProvider | None = None) -> bool:
    """Put the processor and the sampler on an SDK's provider, once; say whether they are there.

    To be called before the first tracer is made, for a tracer keeps its sampler.

    Args:
        provider: the global one by default.
    """
    global _by_global  # noqa: PLW0603  # there is one global provider
    now, of_all = active(), trace.get_tracer_provider()
    provider = provider or of_all
    if now is None or not isinstance(provider, TracerProvider):
        return False
    if provider not in _deciding:
        _deciding.add(provider)
        provider.sampler = PolicySampler(provider.sampler)
        provider.add_span_processor(DecidingSpanProcessor())
    if provider is of_all:
        _by_global = now
    return True


def is_told() -> bool:
    """Whether the processor is told of the global provider's spans, if it was put there."""
    if _by_global is None or _by_global is not active():
        return True
    return probe.arrives(trace.get_tracer_provider())
