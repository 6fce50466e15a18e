"""Whether a span already tells of a model call, in any dialect that instrumentations speak.

The rule: a model call has one span. Where this says yes, wflo completes that span and starts
none of its own.
"""

from __future__ import annotations

from opentelemetry.trace import Span, SpanKind

from wflo_otel.telemetry.semconv import attributes as a

#: Values of ``gen_ai.operation.name`` that stand for one model call.
_OPERATIONS = frozenset({"chat", "text_completion", "embeddings", "generate_content"})
#: Values of ``openinference.span.kind`` that do.
_KINDS = frozenset({"LLM", "EMBEDDING"})
#: OpenLLMetry's key, with values such as ``chat`` and ``completion``.
_TRACELOOP = "llm.request.type"
_INSTRUMENTATIONS = "opentelemetry.instrumentation."


def is_genai_span(span: Span) -> bool:
    """Whether this recording span tells of a model call, by its attributes or by its name."""
    if not span.is_recording():
        return False
    attributes = getattr(span, "attributes", None) or {}
    if attributes.get(a.OPERATION) in _OPERATIONS or attributes.get(a.SPAN_KIND) in _KINDS:
        return True
    return _TRACELOOP in attributes or (not attributes and _is_named_so(span))


def _is_named_so(span: Span) -> bool:
    """Some instrumentations write every attribute at the end: only ``chat gpt-4o`` is there."""
    scope = getattr(getattr(span, "instrumentation_scope", None), "name", "")
    operation, _, model = getattr(span, "name", "").partition(" ")
    return (
        operation in _OPERATIONS
        and bool(model)
        and getattr(span, "kind", None) is SpanKind.CLIENT
        and scope.startswith(_INSTRUMENTATIONS)
    )
