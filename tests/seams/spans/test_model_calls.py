"""Model calls that only a foreign span shows: refused at its start, charged at its end."""

import asyncio
import gc
import json
import os
import threading

import pytest
from opentelemetry import context as otel_context
from opentelemetry import trace

from hooks import hook
from span_rig import processing, span_id
from wflo_otel.bootstrap import shutdown
from wflo_otel.core.call import Status
from wflo_otel.core.policy import Mode, Notify, OnExceeded
from wflo_otel.errors import BudgetExceededError, UnpricedModelError
from wflo_otel.seams.spans import open_spans

GENAI, LANGCHAIN = "opentelemetry.instrumentation.test", "openinference.instrumentation.langchain"
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
#: What 1,000 tokens of input and 100 of output cost with gpt-4o, in USD.
COST = 0.0035


def start(rig, asked=None, scope=GENAI, name="chat gpt-4o", **more):
    return rig.tracer(scope).start_span(name, attributes=ASKED if asked is None else asked, **more)


def call(rig, asked=None, used=None, **more):
    span = start(rig, asked, **more)
    span.set_attributes(USED if used is None else used)
    span.end()
    return span


def fail(rig, kind, trace_text="", **used):
    span = start(rig)
    span.set_attributes(used)
    span.set_status(trace.StatusCode.ERROR)
    span.add_event("exception", {"exception.type": kind, "exception.stacktrace": trace_text})
    span.end()


def test_a_foreign_span_is_priced_when_it_ends():
    with processing() as rig:
        span = call(rig)
        (record,) = rig.records

    assert rig.named("chat gpt-4o").attributes["wflo.cost.usd"] == COST
    assert record.cost == COST * 10**9
    assert record.span_id == span_id(span)
    assert (record.provider, record.model, record.response_id) == ("openai", "gpt-4o", "r-1")


def test_an_exhausted_budget_refuses_the_next_span_before_its_body():
    with processing(usd="0.003") as rig:
        call(rig)
        with pytest.raises(BudgetExceededError):
            call(rig)

    refused = rig.finished[1]
    assert refused.attributes["wflo.decision"] == "refuse"
    assert refused.attributes["error.type"] == "BudgetExceededError"
    assert [event.name for event in refused.events] == ["wflo.policy.decision"]


def test_a_refusal_leaves_nothing_open_behind():
    with processing(usd="0") as rig:
        with pytest.raises(BudgetExceededError):
            call(rig)
        assert rig.ledger.open_calls == 0
    assert not open_spans._open


OPENINFERENCE = (
    {
        "openinference.span.kind": "LLM",
        "llm.system": "openai",
        "input.value": json.dumps({"model": "gpt-4o", "max_tokens": 100, "messages": []}),
    },
    {
        "llm.model_name": "gpt-4o",
        "llm.token_count.prompt": 1000,
        "llm.token_count.completion": 100,
    },
)
OPENLLMETRY = ({"gen_ai.operation.name": "chat"}, {**ASKED, **USED})
OLDER = (
    {"llm.request.type": "chat", "gen_ai.system": "OpenAI", "gen_ai.request.model": "gpt-4o"},
    {"gen_ai.usage.prompt_tokens": 1000, "gen_ai.usage.completion_tokens": 100},
)
NOTHING_AT_START = ({}, {**ASKED, **USED})


@pytest.mark.parametrize(
    ("asked", "used"),
    [(ASKED, USED), OPENINFERENCE, OPENLLMETRY, OLDER],
    ids=["genai", "openinference", "openllmetry", "older"],
)
def test_each_dialect_is_charged_alike(asked, used):
    with processing() as rig:
        call(rig, asked, used, name="any")
        (record,) = rig.records

    assert (record.usage.input_tokens, record.usage.output_tokens) == (1000, 100)
    assert (record.cost, record.cost_source) == (COST * 10**9, "price")
    assert record.provider == "openai"


def test_a_span_that_is_only_named_at_its_start_is_charged_too():
    with processing() as rig:
        call(rig, *NOTHING_AT_START, kind=trace.SpanKind.CLIENT)
        assert rig.records[0].cost == COST * 10**9


def test_what_is_cached_costs_what_it_costs_from_the_cache():
    with processing() as rig:
        call(rig, used={**USED, "gen_ai.usage.cache_read.input_tokens": 1000})
        (record,) = rig.records

    assert record.usage.cache_read_tokens == 1000
    assert record.cost == (1000 * 1.25 + 100 * 10) * 1000


def test_a_model_without_a_price_is_refused_where_a_budget_holds():
    asked = {**ASKED, "gen_ai.request.model": "mystery-1", "gen_ai.provider.name": "nobody"}
    with processing() as rig, pytest.raises(UnpricedModelError):
        call(rig, asked)


def test_a_span_without_a_model_is_not_unpriced_and_reserves_nothing():
    with processing() as rig:
        span = start(rig, {"gen_ai.operation.name": "chat"})
        assert rig.ledger.pending.usd == 0
        span.end()


def test_a_cap_that_is_known_is_what_is_reserved():
    with processing() as rig:
        span = start(rig, {**ASKED, "gen_ai.request.max_tokens": 100})
        assert 1_000_000 <= rig.ledger.pending.usd < 2_000_000
        span.end()


def test_a_cap_that_does_not_fit_is_refused_for_nobody_can_write_a_smaller_one():
    with processing(usd="0.0005") as rig, pytest.raises(BudgetExceededError):
        start(rig, {**ASKED, "gen_ai.request.max_tokens": 100})


def test_where_no_cap_is_told_the_last_of_the_budget_may_be_spent():
    with processing(usd="0.01") as rig:
        call(rig)
        call(rig)
        call(rig)
        assert rig.ledger.settled.usd == 3 * COST * 10**9
        with pytest.raises(BudgetExceededError):
            call(rig)


def test_a_call_of_which_nothing_is_told_is_charged_in_full():
    with processing() as rig:
        call(rig, {**ASKED, "gen_ai.request.max_tokens": 100}, {})
        (record,) = rig.records

    assert (record.status, record.cost_source) == (Status.UNKNOWN, "reserved")
    assert record.cost >= 1_000_000


def test_a_model_that_is_named_at_the_end_only_is_charged_in_full_too():
    with processing() as rig:
        call(rig, {"gen_ai.operation.name": "chat"}, ASKED)
        assert rig.records[0].cost > 10**8


def test_a_text_that_is_shown_is_estimated():
    shown = json.dumps({"choices": [{"message": {"content": "word " * 100}}]})
    with processing() as rig:
        call(rig, used={"output.value": shown})
        (record,) = rig.records

    assert record.cost_source == "estimate"
    assert 80 < record.usage.output_tokens < 300


@pytest.mark.parametrize(
    ("kind", "text", "status", "is_charged"),
    [
        ("openai.BadRequestError", "", Status.ERROR, False),
        ("openai.APITimeoutError", "", Status.UNKNOWN, True),
        ("openai.APIConnectionError", "httpx.ReadError: reset", Status.UNKNOWN, True),
        ("openai.APIConnectionError", "httpx.ConnectError: no route", Status.ERROR, False),
        ("asyncio.CancelledError", "", Status.CANCELLED, True),
        ("GeneratorExit", "", Status.ABANDONED, True),
    ],
)
def test_an_error_is_charged_where_the_provider_may_have_worked(kind, text, status, is_charged):
    with processing() as rig:
        fail(rig, kind, text)
        (record,) = rig.records
        assert rig.ledger.open_calls == 0

    assert (record.status, record.error_type) == (status, kind)
    assert bool(record.cost) is is_charged


def test_an_error_after_usage_was_told_is_charged_by_it():
    with processing() as rig:
        fail(rig, "ValueError", **USED)
        assert rig.records[0].cost == COST * 10**9


def test_a_status_without_a_type_is_an_error():
    with processing() as rig:
        span = start(rig)
        span.set_status(trace.StatusCode.ERROR)
        span.end()
        assert rig.records[0].error_type == "error"


def test_two_spans_of_one_call_are_charged_once_and_the_inner_shows_it():
    with processing() as rig:
        with rig.tracer().start_as_current_span("outer", attributes=ASKED) as outer:
            call(rig, name="inner")
            outer.set_attributes(USED)
        assert rig.ledger.settled.usd == COST * 10**9

    assert [span.name for span in rig.priced] == ["inner"]


def test_an_outer_span_that_is_not_current_is_found_by_its_context():
    with processing() as rig:
        outer = start(rig, {}, LANGCHAIN, "ChatOpenAI")
        call(rig, name="inner", scope="opentelemetry.instrumentation.openai")
        outer.set_attributes({**ASKED, **USED})
        outer.end()
        assert rig.ledger.settled.usd == COST * 10**9

    assert [span.name for span in rig.priced] == ["inner"]


def test_an_outer_span_is_found_from_another_thread_by_the_span_that_is_current():
    with processing() as rig:
        with rig.tracer().start_as_current_span("outer", attributes=ASKED) as outer:
            here = otel_context.get_current()

            def work():
                otel_context.attach(here)
                call(rig, name="inner")

            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
            outer.set_attributes(USED)
        assert rig.ledger.settled.calls == 1


def test_a_second_call_inside_one_span_reserves_for_itself():
    with processing() as rig:
        with rig.tracer().start_as_current_span("outer", attributes=ASKED):
            call(rig)
            call(rig, used={**USED, "gen_ai.response.id": "r-2"})
        assert rig.ledger.settled.usd == 2 * COST * 10**9


def test_a_span_that_swallows_refusals_is_only_counted_and_never_says_refused():
    with processing(usd="0.003") as rig:
        for _ in range(2):
            call(rig, {**ASKED, "openinference.span.kind": "LLM"}, scope=LANGCHAIN)
        assert rig.ledger.settled.usd == 2 * COST * 10**9

    first, second = rig.finished
    assert "wflo.refusal.policy" not in first.attributes
    assert second.attributes["wflo.shadow"] is True
    assert second.attributes["wflo.decision"] == "admit"
    assert second.status.status_code is not trace.StatusCode.ERROR


def test_a_stop_of_which_only_a_span_tells_is_notified_of_once_as_a_stop():
    with hook() as came, processing(usd="0.003", notify=Notify(webhook=came.url)) as rig:
        for _ in range(4):
            call(rig, {**ASKED, "openinference.span.kind": "LLM"}, scope=LANGCHAIN)
    (notice,) = came.notices
    assert (notice["event"], notice["shadow"]) == ("stop", False)


def test_what_could_not_be_refused_stops_the_run_for_whoever_can():
    with processing(usd="0.003") as rig:
        for _ in range(2):
            call(rig, scope=LANGCHAIN)
        with pytest.raises(BudgetExceededError, match="is stopped"):
            start(rig, {"gen_ai.operation.name": "execute_tool"}, name="execute_tool search")


def test_a_refusal_that_somebody_swallows_is_raised_again_further_in():
    with processing(usd="0.003", on_exceeded=OnExceeded.REFUSE) as rig:
        call(rig)
        with pytest.raises(BudgetExceededError):
            start(rig, name="outer")
        # The inner span shows a small cap, so the budget alone would let it run.
        with pytest.raises(BudgetExceededError):
            start(rig, {**ASKED, "gen_ai.request.max_tokens": 1}, name="inner")
        assert rig.named("inner").attributes["wflo.decision"] == "refuse"


def test_another_call_after_a_refusal_is_decided_anew():
    with processing(usd="0.01", on_exceeded=OnExceeded.REFUSE) as rig:
        big = {**ASKED, "gen_ai.request.max_tokens": 10_000}
        with pytest.raises(BudgetExceededError):
            start(rig, big)
        call(rig, {**ASKED, "gen_ai.request.model": "gpt-4o-mini"})


def test_a_span_on_an_event_loop_does_not_wait():
    async def main(rig):
        first = start(rig, {**ASKED, "gen_ai.request.max_tokens": 100})
        await asyncio.sleep(0)

        async def other():
            with pytest.raises(BudgetExceededError):
                start(rig, {**ASKED, "gen_ai.request.max_tokens": 100})

        await asyncio.wait_for(asyncio.create_task(other()), 5)
        first.end()

    with processing(usd="0.0012", on_exceeded=OnExceeded.REFUSE) as rig:
        asyncio.run(main(rig))


def test_in_a_thread_a_span_waits_for_others_to_settle():
    asked = {**ASKED, "gen_ai.request.max_tokens": 100}
    small = {**USED, "gen_ai.usage.input_tokens": 1, "gen_ai.usage.output_tokens": 1}
    done = []
    with processing(usd="0.0012") as rig:
        first = start(rig, asked)
        thread = threading.Thread(target=lambda: done.append(call(rig, asked, small)))
        thread.start()
        first.set_attributes({**small, "gen_ai.response.id": "r-2"})
        first.end()
        thread.join(10)
    assert len(done) == 1


def test_shadow_mode_refuses_nothing():
    with processing(usd="0", mode=Mode.SHADOW) as rig:
        call(rig)
        assert rig.ledger.settled.usd == COST * 10**9
        assert rig.ledger.stopped is None


def test_a_span_that_nobody_ends_is_charged_when_it_is_gone():
    with processing() as rig:
        span = start(rig, {**ASKED, "gen_ai.request.max_tokens": 100})
        del span
        gc.collect()
        (record,) = rig.records

    assert (record.status, record.cost_source) == (Status.ABANDONED, "reserved")
    assert not open_spans._open


def test_a_span_that_ends_twice_is_charged_once():
    with processing() as rig:
        span = call(rig)
        span.end()
        assert rig.ledger.settled.calls == 1


def test_a_span_that_ends_in_a_forked_child_is_its_parents_to_charge():
    with processing() as rig:
        span = start(rig)
        open_spans._open[open_spans.key_of(span)].process = os.getpid() + 1
        span.end()
        assert rig.ledger.settled.calls == 0


def test_a_stream_that_is_still_open_keeps_its_permit():
    with processing() as rig:
        stream = start(rig)
        call(rig)
        stream.set_attributes({**USED, "gen_ai.response.id": "r-2"})
        stream.end()
        assert rig.ledger.settled.usd == 2 * COST * 10**9


def test_a_stream_of_another_provider_keeps_its_permit_too():
    used = {**USED, "gen_ai.response.model": "claude-haiku-4-5", "gen_ai.response.id": "m-1"}
    asked = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": "claude-haiku-4-5",
    }
    with processing() as rig:
        stream = start(rig)
        call(rig, asked, used, scope="com.anthropic.sdk.python")
        stream.set_attributes(USED)
        stream.end()
        assert rig.ledger.settled.calls == 2


def test_a_callbacks_stream_that_is_still_open_keeps_its_permit():
    with processing() as rig:
        stream = start(rig, scope=LANGCHAIN)
        call(rig, scope=LANGCHAIN)
        stream.set_attributes({**USED, "gen_ai.response.id": "r-2"})
        stream.end()
        assert rig.ledger.settled.usd == 2 * COST * 10**9


def test_without_a_configuration_spans_pass():
    with processing() as rig:
        shutdown()
        call(rig)

    assert "wflo.cost.usd" not in rig.finished[0].attributes


def test_the_call_is_attributed_to_the_agent_that_its_span_names():
    with processing() as rig:
        call(rig, {**ASKED, "gen_ai.agent.name": "writer"})
        assert rig.records[0].caller.agent == "writer"
