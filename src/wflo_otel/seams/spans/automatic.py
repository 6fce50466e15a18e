"""Having foreign spans decided about without a line of the user's code.

The rule: what is exported stays what the program's own sampler says.
"""

from __future__ import annotations

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from wflo_otel.seams.active import active
from wflo_otel.seams.spans.processor import DecidingSpanProcessor
from wflo_otel.seams.spans.sampler import PolicySampler


def decide_by_spans(provider: trace.TracerProvider | None = None) -> bool:
    """Put the processor and the sampler on an SDK's provider; say whether that was done.

    To be called before the first tracer is made, for a tracer keeps its sampler.

    Args:
        provider: the global one by default.
    """
    provider = provider or trace.get_tracer_provider()
    if active() is None or not isinstance(provider, TracerProvider):
        return False
    provider.sampler = PolicySampler(provider.sampler)
    provider.add_span_processor(DecidingSpanProcessor())
    return True
