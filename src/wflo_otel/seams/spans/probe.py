"""Whether spans reach the processor: a span that tells of nothing and is never exported.

The rule: it is recorded but not sampled, so that processors get it and exporters do not. Where
another sampler stands in the place of ours, it is not even ended.
"""

from __future__ import annotations

from opentelemetry.context import Context
from opentelemetry.trace import NoOpTracer, TracerProvider

from wflo_otel.telemetry.scope import SCOPE_NAME

#: Kept for the probe: a span of that name is never exported.
NAME = "wflo.probe"

_arrived: set[int] = set()


def arrived(span_id: int) -> None:
    """The processor was told of the start of this span, which is a probe."""
    _arrived.add(span_id)


def arrives(provider: TracerProvider) -> bool:
    """Whether the processor is told of what this provider's tracers start."""
    tracer = provider.get_tracer(SCOPE_NAME)
    if isinstance(tracer, NoOpTracer):  # OTEL_SDK_DISABLED: there are no spans, by the user's wish
        return True
    try:
        span = tracer.start_span(NAME, context=Context())
    except Exception:  # noqa: BLE001  # another processor raises: then ours may not be asked either
        return False
    context = span.get_span_context()
    if not context.trace_flags.sampled:
        span.end()
    is_told = context.span_id in _arrived
    _arrived.discard(context.span_id)
    return is_told
