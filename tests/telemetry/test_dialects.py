"""Which spans already tell of a model call."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import INVALID_SPAN, SpanKind

from telemetry_rig import CALL, CALLER, Rig
from wflo_otel.telemetry.dialects import is_genai_span
from wflo_otel.telemetry.spans import start_llm_span, start_tool_span


@pytest.mark.parametrize(
    "attributes",
    [
        {"gen_ai.operation.name": "chat"},
        {"gen_ai.operation.name": "text_completion"},
        {"gen_ai.operation.name": "embeddings"},
        {"gen_ai.operation.name": "generate_content"},
        {"openinference.span.kind": "LLM", "input.value": "{}"},
        {"openinference.span.kind": "EMBEDDING"},
        {"llm.request.type": "chat"},
    ],
)
def test_each_dialect_of_a_model_call_is_recognised(attributes: dict[str, Any]) -> None:
    assert is_genai_span(Rig().tracer.start_span("any", attributes=attributes))


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"gen_ai.operation.name": "execute_tool"},
        {"gen_ai.operation.name": "invoke_agent"},
        {"openinference.span.kind": "CHAIN"},
        {"http.request.method": "POST"},
    ],
)
def test_a_span_of_something_else_is_not(attributes: dict[str, Any]) -> None:
    assert not is_genai_span(Rig().tracer.start_span("any", attributes=attributes))


def test_our_own_model_span_is_recognised_and_our_tool_span_is_not() -> None:
    tracer = Rig().tracer

    assert is_genai_span(start_llm_span(CALL, tracer=tracer))
    assert not is_genai_span(start_tool_span("search", CALLER, tracer=tracer))


@pytest.mark.parametrize(
    ("scope", "name", "kind", "expected"),
    [
        ("opentelemetry.instrumentation.openai_v2", "chat gpt-4o", SpanKind.CLIENT, True),
        ("opentelemetry.instrumentation.openai_v2", "chat gpt-4o", SpanKind.INTERNAL, False),
        ("opentelemetry.instrumentation.openai_v2", "chat", SpanKind.CLIENT, False),
        ("opentelemetry.instrumentation.httpx", "POST", SpanKind.CLIENT, False),
        ("my.app", "chat gpt-4o", SpanKind.CLIENT, False),
    ],
)
def test_a_span_whose_attributes_come_at_the_end_is_known_by_its_name(
    scope: str, name: str, kind: SpanKind, expected: bool
) -> None:
    span = Rig().provider.get_tracer(scope).start_span(name, kind=kind)

    assert is_genai_span(span) is expected


def test_a_span_that_ended_is_nobodys() -> None:
    span = Rig().tracer.start_span("any", attributes={"gen_ai.operation.name": "chat"})
    span.end()

    assert not is_genai_span(span)


def test_a_span_that_records_nothing_is_nobodys() -> None:
    dropped = Rig(sampler=ALWAYS_OFF).tracer.start_span("chat gpt-4o", kind=SpanKind.CLIENT)

    assert not is_genai_span(dropped)
    assert not is_genai_span(INVALID_SPAN)
