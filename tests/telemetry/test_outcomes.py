"""What is written onto a span once a call is over."""

from __future__ import annotations

from dataclasses import replace

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import INVALID_SPAN, StatusCode

from telemetry_rig import RECORD, USAGE, Rig, failed, types
from wflo_otel.core.call import CallRecord, Operation, Status
from wflo_otel.core.usage import NOTHING, ModelUsage, Usage
from wflo_otel.telemetry.outcomes import (
    accumulate,
    clamp,
    enrich,
    fail,
    finish,
    mark_resend,
)
from wflo_otel.telemetry.tally import Tally


def outcome(*records: CallRecord, catalogue: str = "") -> ReadableSpan:
    """A span on which these calls were written."""
    rig, tally = Rig(), Tally()
    span = rig.tracer.start_span("call")
    for record in records:
        finish(span, record, tally, catalogue=catalogue)
    span.end()
    return rig.span


def test_usage_and_cost_have_their_names_and_values() -> None:
    assert dict(outcome(RECORD, catalogue="2026.11").attributes or {}) == {
        "gen_ai.response.id": "resp-1",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.output_tokens": 200,
        "gen_ai.usage.cache_read.input_tokens": 900,
        "gen_ai.usage.cache_write.input_tokens": 50,
        "gen_ai.usage.reasoning.output_tokens": 64,
        "gen_ai.usage.cost": 1.25,
        "wflo.cost.usd": 1.25,
        "wflo.cost.source": "price",
        "wflo.decision": "admit",
        "wflo.price.catalogue": "2026.11",
    }


def test_usage_is_whole_numbers_and_cost_is_a_float_even_when_it_is_round() -> None:
    span = outcome(replace(RECORD, cost=2_000_000_000))

    found = types(span.attributes)
    assert found["gen_ai.usage.input_tokens"] == "int"
    assert found["gen_ai.usage.cost"] == found["wflo.cost.usd"] == "double"


def test_a_call_that_nobody_answered_names_no_response() -> None:
    span = outcome(failed(model="", response_id=None, error_type="ConnectError"))

    assert not [key for key in span.attributes or {} if key.startswith("gen_ai.response")]


def test_a_call_that_was_free_says_so() -> None:
    span = outcome(replace(RECORD, cost=0))

    assert (span.attributes or {})["wflo.cost.usd"] == 0.0


def test_a_call_that_nobody_priced_has_no_cost() -> None:
    span = outcome(replace(RECORD, cost=0, cost_source=""))

    assert not [key for key in span.attributes or {} if "cost" in key]


@pytest.mark.parametrize("source", ["estimate", "reserved"])
def test_an_estimated_usage_is_marked(source: str) -> None:
    span = outcome(replace(RECORD, cost_source=source))

    assert (span.attributes or {})["wflo.usage.estimated"] is True


def test_a_counted_usage_is_not_marked() -> None:
    assert "wflo.usage.estimated" not in (outcome(RECORD).attributes or {})


def test_embeddings_have_no_output() -> None:
    span = outcome(
        replace(RECORD, operation=Operation.EMBEDDINGS, usage=Usage(7), response_id=None)
    )

    keys = [key for key in span.attributes or {} if "tokens" in key]
    assert keys == ["gen_ai.usage.input_tokens"]


def test_what_was_billed_beside_is_in_the_tokens() -> None:
    beside = ModelUsage("haiku", Usage(input_tokens=10, output_tokens=5))
    span = outcome(replace(RECORD, usage=replace(USAGE, extra=(beside,))))

    assert (span.attributes or {})["gen_ai.usage.input_tokens"] == 1010
    assert (span.attributes or {})["gen_ai.usage.output_tokens"] == 205


@pytest.mark.parametrize(
    ("record", "decision"),
    [
        (RECORD, "admit"),
        (replace(RECORD, clamped=True), "clamp"),
        (replace(RECORD, clamped=True, status=Status.CUT), "cut"),
    ],
)
def test_the_decision_is_what_happened(record: CallRecord, decision: str) -> None:
    assert (outcome(record).attributes or {})["wflo.decision"] == decision


@pytest.mark.parametrize("operation", [Operation.EXECUTE_TOOL, Operation.INVOKE_AGENT])
def test_tools_and_agents_carry_no_cost_and_no_tokens(operation: Operation) -> None:
    span = outcome(replace(RECORD, operation=operation))

    assert dict(span.attributes or {}) == {}


@pytest.mark.parametrize("status", [Status.OK, Status.ABANDONED])
def test_a_success_and_a_stream_left_early_leave_the_status_unset(status: Status) -> None:
    span = outcome(replace(RECORD, status=status, http_status=200))

    assert span.status.status_code is StatusCode.UNSET
    assert "error.type" not in (span.attributes or {})


@pytest.mark.parametrize(
    ("record", "kind"),
    [
        (failed(error_type="RateLimitError", http_status=429), "RateLimitError"),
        (failed(http_status=503), "503"),
        (failed(status=Status.CANCELLED), "cancelled"),
        (failed(status=Status.UNKNOWN), "unknown"),
    ],
)
def test_a_failure_has_a_type_and_no_message(record: CallRecord, kind: str) -> None:
    span = outcome(record)

    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, None)
    assert (span.attributes or {})["error.type"] == kind


def test_attempts_that_share_a_span_are_summed_up_on_it() -> None:
    one = replace(RECORD, cost=100_000_000, usage=Usage(10, 1))
    two = replace(RECORD, cost=200_000_000, usage=Usage(20, 2), call_id="call-2")
    three = replace(two, usage=NOTHING, cost=0, cost_source="", call_id="call-3")

    attributes = outcome(one, two, three).attributes or {}

    assert attributes["gen_ai.usage.input_tokens"] == 30
    assert attributes["gen_ai.usage.output_tokens"] == 3
    assert attributes["wflo.cost.usd"] == pytest.approx(0.3, abs=1e-12)
    assert attributes["wflo.charges"] == 3


def test_an_estimate_among_several_attempts_marks_their_sum() -> None:
    span = outcome(replace(RECORD, cost_source="estimate"), RECORD)

    assert (span.attributes or {})["wflo.usage.estimated"] is True


def test_accumulating_leaves_the_status_to_whoever_owns_the_span() -> None:
    rig = Rig()
    span = rig.tracer.start_span("call")

    accumulate(span, failed(error_type="RateLimitError"))
    span.end()

    assert rig.span.status.status_code is StatusCode.UNSET


def test_a_foreign_span_gets_what_it_lacks_and_keeps_what_it_has() -> None:
    rig = Rig()
    span = rig.tracer.start_span(
        "chat gpt-4o",
        attributes={"gen_ai.usage.input_tokens": 999, "gen_ai.agent.name": "theirs"},
    )

    enrich(span, RECORD, Tally())
    span.end()

    attributes = rig.span.attributes or {}
    assert attributes["gen_ai.usage.input_tokens"] == 999
    assert attributes["gen_ai.agent.name"] == "theirs"
    assert attributes["gen_ai.usage.output_tokens"] == 200
    assert attributes["wflo.cost.usd"] == 1.25
    assert attributes["wflo.run.id"] == "run-1"


def test_a_second_attempt_on_a_foreign_span_replaces_only_what_is_ours() -> None:
    rig, tally = Rig(), Tally()
    span = rig.tracer.start_span("chat", attributes={"gen_ai.usage.input_tokens": 999})

    enrich(span, RECORD, tally)
    enrich(span, replace(RECORD, call_id="call-2"), tally)
    span.end()

    attributes = rig.span.attributes or {}
    assert attributes["gen_ai.usage.input_tokens"] == 999
    assert attributes["gen_ai.usage.output_tokens"] == 400
    assert attributes["wflo.cost.usd"] == 2.5


def test_a_response_says_why_it_ended() -> None:
    rig = Rig()
    span = rig.tracer.start_span("chat")

    accumulate(span, RECORD, reasons=("stop", "length"))
    span.end()

    found = (rig.span.attributes or {})["gen_ai.response.finish_reasons"]
    assert found == ("stop", "length")


def test_of_several_attempts_the_first_that_says_so_tells_why_it_ended() -> None:
    rig, tally = Rig(), Tally()
    span = rig.tracer.start_span("chat")

    for reasons in ((), ("length",), ("stop",)):
        accumulate(span, RECORD, tally, reasons=reasons)
    span.end()

    assert (rig.span.attributes or {})["gen_ai.response.finish_reasons"] == ("length",)


def test_what_was_charged_on_a_span_that_records_nothing_is_counted_all_the_same() -> None:
    tally = Tally()

    accumulate(INVALID_SPAN, RECORD, tally)

    assert tally.charges == 1


def test_a_smaller_cap_is_on_the_span() -> None:
    rig = Rig()
    span = rig.tracer.start_span("chat")

    clamp(span, 77)
    span.end()

    assert dict(rig.span.attributes or {}) == {"wflo.output_cap": 77, "wflo.decision": "clamp"}


@pytest.mark.parametrize(("attempt", "expected"), [(0, None), (1, 1), (3, 3)])
def test_a_retry_is_counted_on_its_http_span(attempt: int, expected: int | None) -> None:
    rig = Rig()
    span = rig.tracer.start_span("POST")

    mark_resend(span, attempt)
    span.end()

    assert (rig.span.attributes or {}).get("http.request.resend_count") == expected


def test_a_span_that_records_nothing_takes_everything() -> None:
    finish(INVALID_SPAN, failed(error_type="E"))
    enrich(INVALID_SPAN, RECORD, Tally())
    accumulate(INVALID_SPAN, RECORD, reasons=("stop",))
    clamp(INVALID_SPAN, 1)
    mark_resend(INVALID_SPAN, 1)
    fail(INVALID_SPAN, "E")

    assert INVALID_SPAN.get_span_context().is_valid is False


def test_an_ended_span_takes_nothing_and_does_not_fail() -> None:
    rig = Rig()
    span = rig.tracer.start_span("chat")
    span.end()

    finish(span, RECORD)

    assert not rig.span.attributes
