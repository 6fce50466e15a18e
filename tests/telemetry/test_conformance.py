"""Our spans against the rules of the GenAI conventions, and against our own about content."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import Status, StatusCode

from genai_rules import EXCEPTIONS, Conventions, additions, metric_violations, violations
from telemetry_rig import ASK, CALL, CALLER, RECORD, REFUSED, Rig, failed
from wflo_otel.core.call import Answer, Call, CallRecord, Operation, ToolCall
from wflo_otel.core.call import Status as Ending
from wflo_otel.core.usage import Usage
from wflo_otel.ports import Observation
from wflo_otel.telemetry.outcomes import accumulate, clamp, finish
from wflo_otel.telemetry.spans import start_llm_span

SECRET = "sk-secret and a prompt"


def traced(rig: Rig, call: Call, record: CallRecord, answer: Answer) -> None:
    """A model call from its start to its end, as a seam tells it."""
    span = start_llm_span(call, tracer=rig.tracer, address="api.openai.com", port=443)
    with trace.use_span(span, end_on_exit=True):
        clamp(span, 100)
        rig.telemetry.settled(record, Observation(asked_model="gpt-4o"))
        accumulate(span, record, reasons=answer.finish_reasons)
        finish(span, record, catalogue="2026.11")


ANSWER = Answer(
    response_id="resp-1",
    model="gpt-4o-2024-08-06",
    finish_reasons=("tool_calls",),
    tool_calls=(ToolCall("t-1", "search", SECRET),),
    complete=True,
)


@pytest.mark.parametrize(
    "operation", [Operation.CHAT, Operation.TEXT_COMPLETION, Operation.EMBEDDINGS]
)
def test_a_model_call_that_succeeds_conforms(operation: Operation) -> None:
    rig = Rig()
    call = replace(CALL, ask=replace(ASK, operation=operation))

    traced(rig, call, replace(RECORD, operation=operation), ANSWER)

    assert violations(rig.span) == []


@pytest.mark.parametrize("status", [each for each in Ending if each is not Ending.OK])
def test_a_model_call_that_ends_otherwise_conforms(status: Ending) -> None:
    rig = Rig()

    traced(rig, CALL, failed(status=status), ANSWER)

    assert violations(rig.span) == []


def test_a_refused_call_conforms() -> None:
    rig = Rig()

    with trace.use_span(start_llm_span(CALL, tracer=rig.tracer), end_on_exit=True):
        rig.telemetry.refused(REFUSED)

    assert violations(rig.span) == []


def test_tools_agents_and_workflows_conform() -> None:
    rig, record = Rig(), replace(RECORD, operation=Operation.EXECUTE_TOOL, usage=Usage(), cost=0)
    tell = rig.telemetry

    for span in (
        tell.tool_span("search", CALLER),
        tell.agent_span("writer", CALLER),
        tell.workflow_span("report", CALLER),
        tell.workflow_span("", CALLER),
    ):
        finish(span, record)
        span.end()

    assert [violations(span) for span in rig.finished.get_finished_spans()] == [[], [], [], []]


def broken(
    name: str = "chat gpt-4o", status: StatusCode = StatusCode.UNSET, **more: Any
) -> ReadableSpan:
    rig = Rig()
    attributes = {
        "gen_ai.operation.name": "chat",
        "server.address": "api.openai.com",
        **{k.replace("__", "."): v for k, v in more.items()},
    }
    span = rig.tracer.start_span(name, attributes=attributes)
    span.set_status(Status(status))
    span.end()
    return rig.span


MODEL = {"gen_ai__request__model": "gpt-4o"}
COST_ELSEWHERE = "a cost is on a span that is no model call's"


@pytest.mark.parametrize(
    ("span", "complaint"),
    [
        (broken(gen_ai__operation__name="dance"), "unknown operation 'dance'"),
        (broken(**MODEL), "gen_ai.provider.name is missing"),
        (broken(), "its kind is SpanKind.INTERNAL"),
        (broken(name="POST"), "its name is 'POST'"),
        (broken(status=StatusCode.OK), "its status is OK"),
        (broken(status=StatusCode.ERROR), "error.type and the status do not agree"),
        (broken(error__type="E"), "error.type and the status do not agree"),
        (broken(gen_ai__usage__total="1"), "gen_ai.usage.total is not declared"),
        (broken(gen_ai__request__max_tokens="1"), "gen_ai.request.max_tokens is no int"),
        (broken(wflo__decision="refuse"), "it is refused and no error"),
        (broken(wflo__cost__source="price", **MODEL), "gen_ai.usage.input_tokens is missing"),
        (broken(gen_ai__operation__name="invoke_agent", wflo__cost__usd=1.0), COST_ELSEWHERE),
    ],
)
def test_the_rules_find_what_is_wrong(span: ReadableSpan, complaint: str) -> None:
    assert complaint in violations(span)


def test_what_is_added_to_a_span_of_others_is_held_to_its_declaration() -> None:
    wrong = broken(wflo__cost__usd="1", wflo__no__such="1", other="1", wflo__decision="refuse")

    assert sorted(additions(wrong)) == [
        "it is refused and no error",
        "wflo.cost.usd is no double",
        "wflo.no.such is not declared",
    ]


def test_each_exception_is_one_that_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig()
    rig.telemetry.workflow_span("report", CALLER).end()
    (excepted,) = EXCEPTIONS[Conventions.LATEST]

    monkeypatch.setitem(EXCEPTIONS, Conventions.LATEST, {})

    (complaint,) = violations(rig.span, Conventions.LATEST)
    assert complaint.startswith(excepted)


@pytest.mark.parametrize(
    ("name", "unit", "complaint"),
    [
        ("gen_ai.client.cost", "s", "unknown metric 'gen_ai.client.cost'"),
        ("gen_ai.client.operation.duration", "ms", "its unit is 'ms'"),
        ("gen_ai.client.operation.duration", "s", "gen_ai.operation.name is missing"),
        ("wflo.cost", "USD", "its unit is 'USD'"),
        ("wflo.cost", "{USD}", "gen_ai.prompt is not declared"),
    ],
)
def test_the_rules_find_what_is_wrong_with_a_metric(name: str, unit: str, complaint: str) -> None:
    rig = Rig()
    rig.meters.get_meter("test").create_counter(name, unit).add(1, {"gen_ai.prompt": "1"})

    data = rig.reader.get_metrics_data()

    assert data is not None
    (metric,) = data.resource_metrics[0].scope_metrics[0].metrics
    assert complaint in metric_violations(metric, Conventions.RELEASED)


def test_no_content_is_on_any_span_event_log_or_metric() -> None:
    rig = Rig()
    ask = replace(ASK, texts=(SECRET,))
    call = replace(CALL, ask=ask)

    traced(rig, call, RECORD, ANSWER)
    rig.telemetry.refused(replace(REFUSED, call=call))

    everything = [
        *(span.to_json() for span in rig.finished.get_finished_spans()),
        *(repr(each.attributes) for each in rig.logs),
        repr(rig.points()),
    ]
    assert not [each for each in everything if "secret" in each]
