"""Foreign spans beside the guard: one decider, one charge, one span that shows it."""

import httpx
import pytest

from sdk_paths import HELLO, OPENAI_MODEL, openai_client
from span_rig import processing
from wflo_otel.errors import BudgetExceededError
from wflo_otel.testing import Reply

OPENAI, LANGCHAIN = (
    "opentelemetry.instrumentation.openai",
    "openinference.instrumentation.langchain",
)
ASKED = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
}
USED = {
    "gen_ai.response.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 5,
    "gen_ai.usage.output_tokens": 20,
}


def chat(rig, **more):
    with openai_client(rig.provider, **more) as client:
        return client.chat.completions.create(model=OPENAI_MODEL, messages=HELLO)


def test_the_guard_charges_and_its_span_shows_it():
    with processing(guard=True) as rig:
        with rig.tracer(OPENAI).start_as_current_span("chat", attributes=ASKED) as span:
            answer = chat(rig)
            span.set_attributes({**USED, "gen_ai.response.id": answer.id})
        rig.assert_settled()

    (priced,) = rig.priced
    assert priced.name == "chat"
    assert len(rig.finished) == 1


def test_a_span_that_is_not_current_shows_the_guards_charge_too():
    with processing(guard=True) as rig:
        span = rig.tracer(LANGCHAIN).start_span("ChatOpenAI")
        chat(rig)
        span.set_attributes({**ASKED, **USED})
        span.end()
        rig.assert_settled()

    assert [each.name for each in rig.priced] == ["ChatOpenAI"]


def test_a_retry_is_told_on_the_span_of_its_first_attempt():
    with processing(Reply(status=500), Reply(), guard=True) as rig:
        span = rig.tracer(LANGCHAIN).start_span("ChatOpenAI")
        chat(rig, max_retries=1)
        span.end()
        assert len(rig.provider.requests) == 2

    assert [each.name for each in rig.priced] == ["ChatOpenAI"]


def test_a_span_that_tells_of_one_call_already_is_not_the_next_ones():
    with processing(guard=True) as rig:
        span = rig.tracer(LANGCHAIN).start_span("ChatOpenAI")
        chat(rig)
        chat(rig)
        span.end()
        rig.assert_settled()
        first, second = rig.records

    assert first.span_id != second.span_id


def test_a_span_of_another_model_is_not_this_calls():
    asked = {**ASKED, "gen_ai.request.model": "gpt-4o-mini"}
    with processing(guard=True) as rig:
        span = rig.tracer(LANGCHAIN).start_span("ChatOpenAI", attributes=asked)
        chat(rig)
        span.end()

    assert "wflo.cost.usd" not in rig.named("ChatOpenAI").attributes


def test_the_guard_refuses_once_and_its_span_says_so():
    with processing(guard=True, usd="0") as rig:
        with (
            pytest.raises(BudgetExceededError),
            rig.tracer(OPENAI).start_as_current_span("chat", attributes=ASKED),
        ):
            chat(rig)
        assert rig.ledger.refused == 1

    assert rig.named("chat").attributes["wflo.decision"] == "refuse"


def test_a_call_whose_way_nobody_knows_is_decided_by_its_span():
    asked = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}
    with processing(guard=True, usd="0") as rig, pytest.raises(BudgetExceededError):
        rig.tracer("my.gateway").start_span("chat", attributes=asked)


def test_the_guard_takes_over_the_permit_of_a_span_whose_way_nobody_knows():
    asked = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}
    with processing(guard=True) as rig:
        with rig.tracer("my.gateway").start_as_current_span("chat", attributes=asked) as span:
            assert rig.ledger.open_calls == 1
            chat(rig)
            span.set_attributes(USED)
        rig.assert_settled()

    assert len(rig.priced) == 1


def test_a_call_that_the_guard_was_to_see_and_has_not_is_charged_at_the_end():
    with processing(guard=True) as rig:
        span = rig.tracer(LANGCHAIN).start_span("ChatSomething")
        span.set_attributes({**USED, "gen_ai.provider.name": "my.gateway"})
        span.set_attribute("gen_ai.response.id", "r-1")
        span.end()
        assert rig.ledger.settled.calls == 1

    assert [each.name for each in rig.priced] == ["ChatSomething"]


def test_a_call_on_a_guarded_client_is_never_charged_by_its_span():
    with processing(guard=True) as rig:
        span = rig.tracer(OPENAI).start_span("chat", attributes=ASKED)
        span.set_attributes(USED)
        span.end()
        assert rig.records == []


def test_without_the_guard_requests_pass_it():
    with processing(guard=True):
        pass
    with processing() as rig:
        httpx.post(
            f"{rig.provider.openai_url}/chat/completions",
            json={"model": "gpt-4o", "messages": HELLO},
        )
        assert len(rig.provider.requests) == 1
        assert rig.records == []
