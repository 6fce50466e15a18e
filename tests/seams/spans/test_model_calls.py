"""Model calls that only a foreign span shows: refused at its start, charged at its end."""

import pytest

from span_rig import processing, span_id
from wflo_otel.core.call import Status
from wflo_otel.errors import BudgetExceededError

ASKED = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
}
USED = {
    "gen_ai.response.model": "gpt-4o",
    "gen_ai.response.id": "r-1",
    "gen_ai.usage.input_tokens": 1000,
    "gen_ai.usage.output_tokens": 100,
}
#: What 1,000 tokens of input and 100 of output cost with gpt-4o.
COST = 0.0035


def call(
    rig, asked=None, used=None, scope="opentelemetry.instrumentation.test", name="chat gpt-4o"
):
    with rig.tracer(scope).start_as_current_span(name, attributes=asked or ASKED) as span:
        span.set_attributes(USED if used is None else used)
    return span


def test_a_foreign_span_is_priced_when_it_ends():
    with processing() as rig:
        span = call(rig)
        (record,) = rig.records

    assert rig.named("chat gpt-4o").attributes["wflo.cost.usd"] == COST
    assert record.cost == COST * 10**9
    assert record.span_id == span_id(span)
    assert (record.provider, record.model, record.response_id) == ("openai", "gpt-4o", "r-1")


def test_an_exhausted_budget_refuses_the_next_span_before_its_body():
    ran = []
    with processing(usd="0.003") as rig:
        call(rig)
        with (
            pytest.raises(BudgetExceededError),
            rig.tracer().start_as_current_span("chat gpt-4o", attributes=ASKED),
        ):
            ran.append(1)

    assert ran == []
    refused = rig.finished[1]
    assert refused.attributes["wflo.decision"] == "refuse"
    assert refused.attributes["error.type"] == "BudgetExceededError"
    assert [event.name for event in refused.events] == ["wflo.policy.decision"]
