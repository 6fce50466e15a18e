"""What the policy sees never depends on what is exported."""

import pytest
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, TraceIdRatioBased
from opentelemetry.trace import SpanKind

from span_rig import processing
from wflo_otel.errors import BudgetExceededError
from wflo_otel.seams.spans.sampler import PolicySampler

CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
}


def call(rig):
    span = rig.tracer().start_span("chat gpt-4o", attributes=CHAT)
    span.set_attributes({"gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 100})
    span.end()


def test_calls_that_are_not_exported_are_charged_and_refused_all_the_same():
    with processing(sampler=ALWAYS_OFF, usd="0.003") as rig:
        call(rig)
        assert rig.ledger.settled.usd == 3_500_000
        with pytest.raises(BudgetExceededError):
            call(rig)

    assert rig.finished == ()


def test_what_is_named_like_a_call_is_recorded_too():
    with processing(sampler=ALWAYS_OFF) as rig:
        span = rig.tracer().start_span("chat gpt-4o", kind=SpanKind.CLIENT)
        assert span.is_recording()
        span.end()


def test_other_spans_are_dropped_as_they_were():
    with processing(sampler=ALWAYS_OFF) as rig:
        assert not rig.tracer().start_span("GET /").is_recording()


def test_what_the_inner_sampler_exports_is_exported():
    with processing(sampler=ALWAYS_ON) as rig:
        call(rig)

    assert len(rig.finished) == 1


def test_it_is_named_after_the_sampler_inside():
    made = PolicySampler(TraceIdRatioBased(0.01))

    assert made.get_description() == "PolicySampler(TraceIdRatioBased{0.01})"
