"""How spans start: names, kinds, and what a sampler or a processor may see at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.trace import INVALID_SPAN, NoOpTracer, Span, SpanKind, Tracer

from telemetry_rig import ASK, CALL, CALLER, Rig, types
from wflo_otel.core.call import Operation
from wflo_otel.core.scope import Caller
from wflo_otel.telemetry.spans import (
    start_agent_span,
    start_llm_span,
    start_tool_span,
    start_workflow_span,
)


class Starts(SpanProcessor):
    """Keeps what is there when a span starts."""

    def __init__(self) -> None:
        self.seen: dict[str, dict[str, Any]] = {}

    def on_start(self, span: SdkSpan, parent_context: Context | None = None) -> None:
        self.seen[span.name] = dict(span.attributes or {})


def ended(rig: Rig, span: Span) -> ReadableSpan:
    span.end()
    return rig.spans[span.name]  # type: ignore[attr-defined]


def test_a_model_call_has_all_that_is_known_when_its_span_starts() -> None:
    rig, starts = Rig(), Starts()
    rig.provider.add_span_processor(starts)

    start_llm_span(CALL, tracer=rig.tracer, address="api.openai.com", port=8443)

    assert starts.seen["chat gpt-4o"] == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.request.max_tokens": 512,
        "gen_ai.agent.name": "writer",
        "server.address": "api.openai.com",
        "server.port": 8443,
        "openinference.span.kind": "LLM",
        "session.id": "root",
        "user.id": "ada",
        "wflo.run.id": "run-1",
        "wflo.run.parent": "middle",
        "wflo.call.id": "call-1",
        "wflo.workflow": "report",
        "wflo.step": "draft",
        "wflo.tenant": "acme",
    }


def test_the_attributes_of_a_start_have_their_types() -> None:
    rig = Rig()
    call = replace(CALL, ask=replace(ASK, streaming=True))

    span = ended(rig, start_llm_span(call, tracer=rig.tracer, address="localhost", port=1))

    found = types(span.attributes)
    assert found.pop("gen_ai.request.max_tokens") == "int"
    assert found.pop("server.port") == "int"
    assert found.pop("gen_ai.request.stream") == "boolean"
    assert set(found.values()) == {"string"}


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        (Operation.CHAT, "LLM"),
        (Operation.TEXT_COMPLETION, "LLM"),
        (Operation.EMBEDDINGS, "EMBEDDING"),
    ],
)
def test_a_model_call_is_a_client_span_named_after_operation_and_model(
    operation: Operation, kind: str
) -> None:
    rig = Rig()
    call = replace(CALL, ask=replace(ASK, operation=operation))

    span = ended(rig, start_llm_span(call, tracer=rig.tracer))

    assert (span.name, span.kind) == (f"{operation} gpt-4o", SpanKind.CLIENT)
    assert (span.attributes or {})["openinference.span.kind"] == kind


def test_a_call_without_a_model_is_named_by_its_operation() -> None:
    rig = Rig()

    span = ended(
        rig, start_llm_span(replace(CALL, ask=replace(ASK, model=None)), tracer=rig.tracer)
    )

    assert span.name == "chat"
    assert "gen_ai.request.model" not in (span.attributes or {})


def test_what_is_not_known_or_the_default_is_absent() -> None:
    rig = Rig()
    call = replace(CALL, ask=replace(ASK, output_cap=None), caller=Caller("run-1"))

    span = ended(rig, start_llm_span(call, tracer=rig.tracer, address="api.openai.com", port=443))

    assert set(span.attributes or {}) == {
        "gen_ai.operation.name",
        "gen_ai.provider.name",
        "gen_ai.request.model",
        "server.address",
        "openinference.span.kind",
        "session.id",
        "wflo.run.id",
        "wflo.call.id",
    }


def test_a_provider_has_the_name_that_the_conventions_give_it() -> None:
    rig = Rig()
    call = replace(CALL, ask=replace(ASK, provider="google"))

    span = ended(rig, start_llm_span(call, tracer=rig.tracer))

    assert (span.attributes or {})["gen_ai.provider.name"] == "gcp.gemini"


def test_an_unknown_provider_is_absent_rather_than_empty() -> None:
    rig = Rig()

    span = ended(
        rig, start_llm_span(replace(CALL, ask=replace(ASK, provider="")), tracer=rig.tracer)
    )

    assert "gen_ai.provider.name" not in (span.attributes or {})


def test_a_tool_call_is_an_internal_span() -> None:
    rig = Rig()

    span = ended(rig, start_tool_span("search", CALLER, tracer=rig.tracer, tool_call_id="toolu_1"))

    attributes = dict(span.attributes or {})
    assert (span.name, span.kind) == ("execute_tool search", SpanKind.INTERNAL)
    assert attributes["gen_ai.tool.name"] == "search"
    assert attributes["gen_ai.tool.type"] == "function"
    assert attributes["gen_ai.tool.call.id"] == "toolu_1"
    assert attributes["openinference.span.kind"] == "TOOL"
    assert attributes["gen_ai.agent.name"] == "writer"


def test_a_tool_call_that_no_model_asked_for_has_no_call_id() -> None:
    rig = Rig()

    span = ended(rig, start_tool_span("search", CALLER, tracer=rig.tracer))

    assert "gen_ai.tool.call.id" not in (span.attributes or {})


def test_an_agent_is_an_internal_span_under_its_own_name() -> None:
    rig = Rig()

    span = ended(rig, start_agent_span("critic", CALLER, tracer=rig.tracer))

    attributes = dict(span.attributes or {})
    assert (span.name, span.kind) == ("invoke_agent critic", SpanKind.INTERNAL)
    assert attributes["gen_ai.agent.name"] == "critic"
    assert attributes["openinference.span.kind"] == "AGENT"


@pytest.mark.parametrize(
    ("name", "title"), [("report", "invoke_workflow report"), ("", "invoke_workflow")]
)
def test_a_workflow_is_a_chain_named_if_it_has_a_name(name: str, title: str) -> None:
    rig = Rig()

    span = ended(rig, start_workflow_span(name, Caller("run-1"), tracer=rig.tracer))

    attributes = dict(span.attributes or {})
    assert (span.name, span.kind) == (title, SpanKind.INTERNAL)
    assert attributes.get("gen_ai.workflow.name", "") == name
    assert attributes["openinference.span.kind"] == "CHAIN"


def test_a_span_starts_under_the_context_that_is_given() -> None:
    rig = Rig()
    parent = rig.tracer.start_span("parent")

    span = ended(
        rig,
        start_llm_span(CALL, tracer=rig.tracer, context=trace.set_span_in_context(parent)),
    )

    assert span.parent == parent.get_span_context()


def test_hostile_names_become_text_that_any_exporter_can_encode() -> None:
    rig = Rig()
    hostile = "\ud800\x00🤖" + "x" * 10_000
    call = replace(CALL, ask=replace(ASK, model=hostile), caller=Caller(hostile, step=hostile))

    span = ended(rig, start_llm_span(call, tracer=rig.tracer, address=hostile))

    texts = [span.name, *(v for v in (span.attributes or {}).values() if isinstance(v, str))]
    assert all(len(each.encode("utf-8")) <= 4 * 256 + 16 for each in texts)


def test_a_tracer_that_records_nothing_is_as_good() -> None:
    span = start_llm_span(CALL, tracer=NoOpTracer())

    assert not span.is_recording()


class Broken(NoOpTracer):
    """A tracer that fails."""

    def start_span(self, *args: Any, **kwargs: Any) -> Span:
        raise RuntimeError("broken")


def test_a_tracer_that_fails_costs_the_span_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    tracer: Tracer = Broken()

    assert start_llm_span(CALL, tracer=tracer) is INVALID_SPAN
