"""The telemetry port: what the engine tells, and where it ends up."""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib import metadata
from typing import Any

import opentelemetry
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import INVALID_SPAN_CONTEXT, NonRecordingSpan, StatusCode

from telemetry_rig import ASK, CALL, CALLER, EXCEEDED, RECORD, REFUSED, SHADOWED, Rig, types
from wflo_otel.core.call import Operation
from wflo_otel.core.checkpoint import Checkpoint
from wflo_otel.core.decision import CircuitOpen, Phase, Queued, Stopped, Transition
from wflo_otel.core.ledger import ZERO, Amount
from wflo_otel.errors import StoreError
from wflo_otel.ports import LedgerView, Observation, Warned
from wflo_otel.telemetry import scope
from wflo_otel.telemetry.otel import OTelTelemetry
from wflo_otel.telemetry.spans import start_llm_span

REFUSAL = {
    "wflo.refusal.policy": "budget",
    "wflo.refusal.scope": "run:run-1/agent:writer",
    "wflo.refusal.unit": "usd",
    "wflo.refusal.limit": 5.0,
    "wflo.refusal.settled": 4.98,
    "wflo.refusal.pending": 0.01,
    "wflo.refusal.needed": 0.1025,
}
CHECKPOINT = Checkpoint(
    "cp-1", "run-1", "draft", None, "write", "writer", 100.0, 2048, "00ff", "json"
)


def refused_on(rig: Rig, refused: Any) -> dict[str, Any]:
    """The attributes of a span that a refusal was told on."""
    span = rig.tracer.start_span("call")
    rig.telemetry.share(CALL, span)
    rig.telemetry.refused(refused)
    span.end()
    return dict(rig.span.attributes or {})


def test_a_refusal_is_on_the_span_with_its_numbers_in_dollars() -> None:
    rig = Rig()

    attributes = refused_on(rig, REFUSED)

    assert attributes == {
        **REFUSAL,
        "wflo.decision": "refuse",
        "error.type": "BudgetExceededError",
    }
    assert rig.span.status.status_code is StatusCode.ERROR
    assert rig.span.status.description == "agent writer: $4.98 of $5.00 is spent"


def test_the_numbers_of_a_refusal_are_floats_in_every_unit() -> None:
    tokens = replace(EXCEEDED, unit="tokens", limit=100, settled=90, pending=0, needed=20)

    found = types(refused_on(Rig(), replace(REFUSED, decision=tokens)))

    numbers = ("limit", "settled", "pending", "needed")
    assert {found[f"wflo.refusal.{each}"] for each in numbers} == {"double"}


def test_a_refusal_in_shadow_mode_does_not_fail_the_span() -> None:
    rig = Rig()

    attributes = refused_on(rig, SHADOWED)

    assert attributes == {**REFUSAL, "wflo.shadow": True}
    assert rig.span.status.status_code is StatusCode.UNSET


def test_a_stopped_scope_is_named() -> None:
    attributes = refused_on(Rig(), replace(REFUSED, decision=Stopped("run:run-1", "stopped")))

    assert attributes["wflo.refusal.scope"] == "run:run-1"
    assert "wflo.refusal.limit" not in attributes


def test_a_wait_in_vain_tells_what_stood_in_the_way() -> None:
    queued = Queued(("run:run-1",), EXCEEDED)

    attributes = refused_on(Rig(), replace(REFUSED, decision=queued))

    assert REFUSAL.items() <= attributes.items()


@pytest.mark.parametrize(
    ("retry_after", "shown"),
    [(12.5, {"wflo.refusal.retry_after": 12.5}), (None, {})],
)
def test_an_open_breaker_is_named_with_its_reason_and_when_it_may_be_asked_again(
    retry_after: float | None, shown: dict[str, float]
) -> None:
    is_open = CircuitOpen("provider:openai", "error_rate", retry_after)

    attributes = refused_on(Rig(), replace(REFUSED, policy="breaker", decision=is_open))

    assert attributes == {
        "wflo.refusal.policy": "breaker",
        "wflo.refusal.scope": "provider:openai",
        "wflo.breaker.reason": "error_rate",
        "wflo.decision": "refuse",
        "error.type": "CircuitOpenError",
        **shown,
    }


def test_a_transition_is_an_event_on_the_current_span_a_log_record_and_a_count() -> None:
    rig = Rig()
    moved = Transition("provider:openai", Phase.CLOSED, Phase.OPEN, "error_rate", 130.0)

    with rig.tracer.start_as_current_span("work"):
        rig.telemetry.moved(moved)
    rig.telemetry.tend()

    counted = {
        "wflo.breaker.component": "provider:openai",
        "wflo.breaker.phase": "open",
        "wflo.breaker.reason": "error_rate",
    }
    expected = {**counted, "wflo.breaker.before": "closed"}
    (event,), (log,) = rig.span.events, rig.logs
    assert (event.name, dict(event.attributes or {})) == ("wflo.breaker.transition", expected)
    assert (log.event_name, dict(log.attributes)) == ("wflo.breaker.transition", expected)
    assert rig.points()["wflo.breaker.transitions", frozenset(counted.items())] == 1


@pytest.mark.parametrize(
    ("policy", "error"),
    [
        ("unpriced", "UnpricedModelError"),
        ("unrecognised", "UnrecognisedCallError"),
        ("state", "StateUnavailableError"),
        ("new", "PolicyViolationError"),
    ],
)
def test_a_refusal_without_a_decision_has_the_type_of_its_error(policy: str, error: str) -> None:
    attributes = refused_on(Rig(), replace(REFUSED, policy=policy, decision=None))

    assert attributes == {
        "wflo.refusal.policy": policy,
        "wflo.decision": "refuse",
        "error.type": error,
    }


def test_a_refusal_is_an_event_on_the_span_and_a_log_record_in_its_trace() -> None:
    rig = Rig()

    refused_on(rig, REFUSED)

    expected = {
        **REFUSAL,
        "wflo.decision": "refuse",
        "wflo.shadow": False,
        "wflo.call.id": "call-1",
        "wflo.run.id": "run-1",
        "gen_ai.agent.name": "writer",
        "wflo.tenant": "acme",
    }
    (event,), (log,) = rig.span.events, rig.logs
    assert (event.name, dict(event.attributes or {})) == ("wflo.policy.decision", expected)
    assert (log.event_name, dict(log.attributes)) == ("wflo.policy.decision", expected)
    assert log.severity_text == "WARN"
    assert log.body is None
    assert (log.trace_id, log.span_id) == (rig.span.context.trace_id, rig.span.context.span_id)
    assert log.timestamp == event.timestamp


def test_a_refusal_of_an_unbound_call_is_told_on_the_current_model_span() -> None:
    rig = Rig()

    with trace.use_span(start_llm_span(CALL, tracer=rig.tracer), end_on_exit=True):
        rig.telemetry.refused(SHADOWED)

    assert (rig.span.attributes or {})["wflo.shadow"] is True
    assert [event.name for event in rig.span.events] == ["wflo.policy.decision"]


def test_a_refusal_does_not_mark_a_current_span_of_something_else() -> None:
    rig = Rig()

    with rig.tracer.start_as_current_span("GET /report"):
        rig.telemetry.refused(REFUSED)

    assert not rig.span.attributes
    assert [event.name for event in rig.span.events] == ["wflo.policy.decision"]


def test_a_call_that_was_let_go_is_no_longer_bound() -> None:
    rig = Rig()
    span = rig.tracer.start_span("call")

    rig.telemetry.share(CALL, span).end()
    rig.telemetry.refused(REFUSED)
    span.end()

    assert not rig.span.attributes


def test_a_warning_is_an_event_with_its_numbers() -> None:
    rig = Rig()

    with rig.tracer.start_as_current_span("call"):
        rig.telemetry.warned("call-1", Warned("run:run-1", "usd", 5_000_000_000, 4_000_000_000))

    expected = {
        "wflo.budget.scope": "run:run-1",
        "wflo.budget.unit": "usd",
        "wflo.budget.limit": 5.0,
        "wflo.budget.settled": 4.0,
        "wflo.call.id": "call-1",
    }
    (event,), (log,) = rig.span.events, rig.logs
    assert (event.name, dict(event.attributes or {})) == ("wflo.budget.warning", expected)
    assert (log.event_name, dict(log.attributes), log.severity_text) == (
        "wflo.budget.warning",
        expected,
        "WARN",
    )


def test_a_warning_goes_to_the_span_that_the_call_is_bound_to() -> None:
    rig = Rig()
    span = rig.tracer.start_span("call")
    rig.telemetry.share(CALL, span)

    rig.telemetry.warned("call-1", Warned("run:run-1", "calls", 10, 8))
    span.end()

    assert [event.name for event in rig.span.events] == ["wflo.budget.warning"]


@pytest.mark.parametrize("limits", [{"usd": 5_000_000_000}, {}])
def test_a_budget_that_was_raised_is_an_event_on_the_current_span(limits) -> None:
    rig = Rig()
    spent = Amount(usd=4_000_000_000)

    with rig.tracer.start_as_current_span("work"):
        rig.telemetry.raised(LedgerView("run:run-1", limits, spent, ZERO, ZERO, None, 0))

    expected = {
        "wflo.budget.scope": "run:run-1",
        "wflo.budget.unit": "usd",
        "wflo.budget.settled": 4.0,
        **({"wflo.budget.limit": 5.0} if limits else {}),
    }
    (event,), (log,) = rig.span.events, rig.logs
    assert (event.name, dict(event.attributes or {})) == ("wflo.budget.raised", expected)
    assert (log.event_name, dict(log.attributes)) == ("wflo.budget.raised", expected)


def test_a_checkpoint_is_an_event_on_the_current_span() -> None:
    rig = Rig()

    with rig.tracer.start_as_current_span("node"):
        rig.telemetry.checkpointed(CHECKPOINT)

    expected = {
        "wflo.checkpoint.id": "cp-1",
        "wflo.checkpoint.name": "draft",
        "wflo.checkpoint.size": 2048,
        "wflo.run.id": "run-1",
        "wflo.step": "write",
        "gen_ai.agent.name": "writer",
    }
    (event,), (log,) = rig.span.events, rig.logs
    assert (event.name, dict(event.attributes or {})) == ("wflo.checkpoint", expected)
    assert (log.event_name, dict(log.attributes), log.severity_text) == (
        "wflo.checkpoint",
        expected,
        "INFO",
    )


def test_a_checkpoint_outside_of_any_step_names_none() -> None:
    rig = Rig()

    rig.telemetry.checkpointed(replace(CHECKPOINT, step=None, agent=None))

    (log,) = rig.logs
    assert not {"wflo.step", "gen_ai.agent.name"} & set(log.attributes)


def test_without_the_logs_api_an_event_is_on_the_span_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(opentelemetry, "_logs")
    monkeypatch.setitem(sys.modules, "opentelemetry._logs", None)
    rig = Rig()

    refused_on(rig, REFUSED)

    assert [event.name for event in rig.span.events] == ["wflo.policy.decision"]
    assert not rig.logs


def test_a_span_that_cannot_be_looked_at_is_not_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    rig = Rig()

    with trace.use_span(Opaque()):
        rig.telemetry.refused(REFUSED)

    assert [log.event_name for log in rig.logs] == ["wflo.policy.decision"]


class Opaque(NonRecordingSpan):
    """A span that fails when it is asked."""

    def __init__(self) -> None:
        super().__init__(INVALID_SPAN_CONTEXT)

    def is_recording(self) -> bool:
        raise RuntimeError("broken")


def test_work_has_spans_named_after_what_is_invoked() -> None:
    rig = Rig()
    tell = rig.telemetry

    for span in (
        tell.tool_span("search", CALLER, tool_call_id="t-1"),
        tell.agent_span("writer", CALLER),
        tell.workflow_span("report", CALLER),
    ):
        span.end()

    assert set(rig.spans) == {
        "execute_tool search",
        "invoke_agent writer",
        "invoke_workflow report",
    }


def test_everything_is_emitted_under_one_scope_and_schema() -> None:
    rig = Rig()
    refused_on(rig, REFUSED)

    emitted = rig.span.instrumentation_scope
    assert emitted is not None
    assert (emitted.name, emitted.version) == ("wflo_otel", metadata.version("wflo-otel"))
    assert emitted.schema_url == "https://opentelemetry.io/schemas/1.41.0"


def told(rig: Rig) -> None:
    """Everything that an engine may tell."""
    tell = rig.telemetry
    tell.settled(RECORD, Observation(900, 0.5, "gpt-4o"))
    tell.settled(replace(RECORD, cost_source="fallback"), Observation())
    tell.settled(replace(RECORD, operation=Operation.EXECUTE_TOOL), Observation())
    tell.refused(REFUSED)
    tell.refused(replace(REFUSED, policy="unpriced", decision=None))
    tell.state_latency("admit", 0.001)
    tell.state_failed("settle", StoreError("gone"), allowed=True)


def test_metrics_do_not_change_with_the_sampler() -> None:
    whole, dropped = Rig(), Rig(sampler=ALWAYS_OFF)

    told(whole)
    told(dropped)

    assert whole.points() == dropped.points()
    assert whole.points()


def test_a_switched_off_sdk_takes_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    rig = Rig()

    told(rig)
    rig.telemetry.checkpointed(CHECKPOINT)
    rig.telemetry.agent_span("writer", CALLER).end()

    assert not rig.finished.get_finished_spans()
    assert not rig.metrics()


def test_without_any_provider_spans_have_ids_and_nothing_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Another test may have set the process's provider; the API has no way to unset it.
    monkeypatch.setattr("opentelemetry.trace._TRACER_PROVIDER", None)
    tell = OTelTelemetry()

    tell.settled(RECORD, Observation())
    tell.refused(REFUSED)
    tell.warned("call-1", Warned("run:run-1", "usd", 1, 1))

    assert tell.agent_span("writer", CALLER).get_span_context().is_valid


def test_hostile_text_is_told_like_any_other() -> None:
    rig = Rig()
    hostile = "\ud800\x00🤖" + "x" * 5000
    caller = replace(CALLER, agents=(hostile,), workflow=hostile, tenant=hostile, tool=hostile)
    call = replace(CALL, caller=caller, ask=replace(ASK, model=hostile, provider=hostile))
    record = replace(RECORD, caller=caller, model=hostile, provider=hostile, error_type=hostile)

    rig.telemetry.refused(replace(REFUSED, call=call))
    rig.telemetry.settled(record, Observation(asked_model=hostile))
    rig.telemetry.settled(replace(record, operation=Operation.EXECUTE_TOOL), Observation())

    texts = [value for _, series in rig.points() for _, value in series if isinstance(value, str)]
    assert all(each.encode("utf-8") for each in texts)
    assert max(map(len, texts)) <= 256


def test_bare_sources_have_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_installed(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", not_installed)

    assert scope.version.__wrapped__() == ""
