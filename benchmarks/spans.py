"""The reference of most rows: one bare OpenTelemetry span, exported to nowhere."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Tracer

_ATTRIBUTES: tuple[tuple[str, str | int | float], ...] = (
    ("gen_ai.operation.name", "chat"),
    ("gen_ai.provider.name", "openai"),
    ("gen_ai.request.model", "gpt-4o"),
    ("gen_ai.request.max_tokens", 200),
    ("gen_ai.response.model", "gpt-4o-2024-08-06"),
    ("gen_ai.response.id", "chatcmpl-0123456789"),
    ("gen_ai.usage.input_tokens", 120),
    ("gen_ai.usage.output_tokens", 40),
    ("gen_ai.agent.name", "writer"),
    ("server.address", "api.openai.com"),
    ("server.port", 443),
    ("gen_ai.usage.cost", 0.0007),
)


class Nowhere(SpanExporter):
    """Drops spans, and knows how many there were."""

    exported = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Count and drop."""
        Nowhere.exported += len(spans)
        return SpanExportResult.SUCCESS


def to_nowhere() -> BatchSpanProcessor:
    """Batch spans as a program does, for an exporter that does nothing."""
    return BatchSpanProcessor(Nowhere(), max_queue_size=2**17)


def provider() -> TracerProvider:
    """Make a provider as a program has one, whose exporter does nothing."""
    made = TracerProvider()
    made.add_span_processor(to_nowhere())
    return made


class BareSpan:
    """Start a span, set 12 attributes, end it."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def __call__(self) -> None:
        """Do it once."""
        span = self._tracer.start_span("chat gpt-4o")
        for key, value in _ATTRIBUTES:
            span.set_attribute(key, value)
        span.end()


def bare_span() -> BareSpan:
    """Make the reference with a provider of its own."""
    return BareSpan(provider().get_tracer("benchmark"))


def exported() -> int:
    """How many spans have ended so far, those that waited included."""
    flush = getattr(trace.get_tracer_provider(), "force_flush", None)
    if flush is not None:
        flush()
    return Nowhere.exported
