"""The rules of the GenAI conventions for spans, as a checker over finished spans."""

from __future__ import annotations

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from wflo_otel.telemetry.semconv.attributes import ATTRIBUTES

#: By operation: the span kind, the attribute that names the span, and what must be there.
_MODEL = ("gen_ai.provider.name", "gen_ai.request.model")
_ANSWERED = ("gen_ai.response.model", "gen_ai.response.id", "gen_ai.usage.input_tokens")
OPERATIONS = {
    "chat": (SpanKind.CLIENT, "gen_ai.request.model", _MODEL),
    "text_completion": (SpanKind.CLIENT, "gen_ai.request.model", _MODEL),
    "embeddings": (SpanKind.CLIENT, "gen_ai.request.model", _MODEL),
    "execute_tool": (SpanKind.INTERNAL, "gen_ai.tool.name", ("gen_ai.tool.name",)),
    "invoke_agent": (SpanKind.INTERNAL, "gen_ai.agent.name", ("gen_ai.agent.name",)),
    "invoke_workflow": (SpanKind.INTERNAL, "gen_ai.workflow.name", ()),
}


def violations(span: ReadableSpan) -> list[str]:
    """What is wrong with a span; empty where it conforms."""
    attributes = span.attributes or {}
    operation = attributes.get("gen_ai.operation.name")
    if operation not in OPERATIONS:
        return [f"unknown operation {operation!r}"]
    kind, named_by, required = OPERATIONS[str(operation)]
    found = [f"{key} is missing" for key in required if key not in attributes]
    named = attributes.get(named_by)
    if span.name != (f"{operation} {named}" if named else operation):
        found.append(f"its name is {span.name!r}")
    if span.kind is not kind:
        found.append(f"its kind is {span.kind}")
    found += _status(span)
    if kind is SpanKind.CLIENT and span.status.status_code is StatusCode.UNSET:
        found += [f"{key} is missing" for key in _ANSWERED if key not in attributes]
    found += [f"{key} is not declared" for key in attributes if key not in ATTRIBUTES]
    return found


def _status(span: ReadableSpan) -> list[str]:
    code = span.status.status_code
    is_typed = "error.type" in (span.attributes or {})
    found = ["its status is OK"] if code is StatusCode.OK else []
    if is_typed != (code is StatusCode.ERROR):
        found.append("error.type and the status do not agree")
    return found
