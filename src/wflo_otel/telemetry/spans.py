"""The spans of calls, and how they start.

The rule: what a sampler or a processor may want to know is there when the span starts.
Whoever starts a span ends it.
"""

from __future__ import annotations

from collections.abc import Mapping

from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, Tracer

from wflo_otel.core.call import Call, Operation
from wflo_otel.core.scope import Caller
from wflo_otel.telemetry.safely import safely
from wflo_otel.telemetry.semconv import attributes as a
from wflo_otel.telemetry.values import Value, caller_attributes, provider_name, text

_KINDS: Mapping[Operation, str] = {
    Operation.CHAT: "LLM",
    Operation.TEXT_COMPLETION: "LLM",
    Operation.EMBEDDINGS: "EMBEDDING",
    Operation.EXECUTE_TOOL: "TOOL",
    Operation.INVOKE_AGENT: "AGENT",
    Operation.INVOKE_WORKFLOW: "CHAIN",
}
_DEFAULT_PORTS = frozenset({80, 443})


def start_llm_span(
    call: Call,
    *,
    tracer: Tracer,
    address: str | None = None,
    port: int | None = None,
    context: Context | None = None,
) -> Span:
    """Start the span of a model call; ``context`` is its parent's, the current one by default."""
    ask = call.ask
    attributes = caller_attributes(call.caller)
    attributes[a.OPERATION] = ask.operation.value
    attributes[a.SPAN_KIND] = _KINDS[ask.operation]
    attributes[a.CALL_ID] = call.call_id
    if ask.provider:
        attributes[a.PROVIDER] = provider_name(ask.provider)
    if ask.model is not None:
        attributes[a.REQUEST_MODEL] = text(ask.model)
    if ask.output_cap is not None:
        attributes[a.REQUEST_MAX_TOKENS] = ask.output_cap
    if ask.streaming:
        attributes[a.REQUEST_STREAM] = True
    if address is not None:
        attributes[a.SERVER_ADDRESS] = text(address)
        if port is not None and port not in _DEFAULT_PORTS:
            attributes[a.SERVER_PORT] = port
    name = f"{ask.operation.value} {text(ask.model)}" if ask.model else ask.operation.value
    return _start(tracer, name, SpanKind.CLIENT, attributes, context)


def start_tool_span(
    name: str,
    caller: Caller,
    *,
    tracer: Tracer,
    tool_call_id: str | None = None,
    context: Context | None = None,
) -> Span:
    """Start the span of a tool call. ``tool_call_id`` is the id the model asked for it under."""
    attributes = _inner(Operation.EXECUTE_TOOL, caller)
    attributes[a.TOOL_NAME] = text(name)
    attributes[a.TOOL_TYPE] = "function"
    if tool_call_id is not None:
        attributes[a.TOOL_CALL_ID] = text(tool_call_id)
    return _start(tracer, f"execute_tool {text(name)}", SpanKind.INTERNAL, attributes, context)


def start_agent_span(
    name: str, caller: Caller, *, tracer: Tracer, context: Context | None = None
) -> Span:
    """Start the span of an agent's invocation."""
    attributes = _inner(Operation.INVOKE_AGENT, caller)
    attributes[a.AGENT_NAME] = text(name)
    return _start(tracer, f"invoke_agent {text(name)}", SpanKind.INTERNAL, attributes, context)


def start_attempt_span(component: str, number: int, caller: Caller, *, tracer: Tracer) -> Span:
    """Start the span of one attempt of what is tried again; ``number`` counts from 1."""
    attributes = caller_attributes(caller)
    attributes[a.SPAN_KIND] = "CHAIN"
    attributes[a.RETRY_COMPONENT] = text(component)
    attributes[a.RETRY_ATTEMPT] = number
    return _start(tracer, f"attempt {text(component)}", SpanKind.INTERNAL, attributes, None)


def start_workflow_span(
    name: str, caller: Caller, *, tracer: Tracer, context: Context | None = None
) -> Span:
    """Start the span of a workflow's run; a workflow without a name is named by its kind."""
    attributes = _inner(Operation.INVOKE_WORKFLOW, caller)
    if name:
        attributes[a.WORKFLOW_NAME] = text(name)
    title = f"invoke_workflow {text(name)}" if name else "invoke_workflow"
    return _start(tracer, title, SpanKind.INTERNAL, attributes, context)


def _inner(operation: Operation, caller: Caller) -> dict[str, Value]:
    attributes = caller_attributes(caller)
    attributes[a.OPERATION] = operation.value
    attributes[a.SPAN_KIND] = _KINDS[operation]
    return attributes


def _start(
    tracer: Tracer,
    name: str,
    kind: SpanKind,
    attributes: Mapping[str, Value],
    context: Context | None,
) -> Span:
    with safely("start of a span"):
        return tracer.start_span(name, context, kind, attributes)
    return INVALID_SPAN
