"""A decorated function over a guarded client: the guard sees the wire, the decorator the call."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from decorated import kept_spans
from sdk_paths import HELLO, OPENAI_MODEL, openai_async, openai_client
from wflo_otel.core.call import Status
from wflo_otel.decorators import track_agent_cost, track_llm_call, track_tool_call
from wflo_otel.errors import BudgetExceededError
from wflo_otel.testing import Reply
from wflo_otel.workflow import WfloWorkflow
from wiring import guarded

#: What a scripted call costs here: 1,000 input and 10,000 output tokens of gpt-4o.
LARGE = Reply(input_tokens=1000, output_tokens=10_000)
COST = Decimal("0.1025")
#: And what a short one costs: 1,000 input and 100 output tokens.
SMALL, SMALL_COST = Reply(input_tokens=1000, output_tokens=100), Decimal("0.0035")


@track_llm_call(model=OPENAI_MODEL)
def ask(provider, messages, **more):
    with openai_client(provider, max_retries=0) as client:
        return client.chat.completions.create(model=OPENAI_MODEL, messages=messages, **more)


@track_llm_call
async def ask_async(provider, messages, **more):
    async with openai_async(provider, max_retries=0) as client:
        return await client.chat.completions.create(model=OPENAI_MODEL, messages=messages, **more)


def test_one_request_is_one_charge_on_one_span():
    with guarded(LARGE) as rig, kept_spans() as spans:
        ask(rig.provider, HELLO)

        rig.assert_settled()
        assert len(rig.records) == len(rig.provider.requests) == 1
        (chat,) = [span for span in spans() if span.name.startswith("chat")]
    assert chat.attributes["wflo.cost.usd"] == float(COST)
    assert chat.attributes["gen_ai.usage.output_tokens"] == 10_000
    assert "wflo.charges" not in chat.attributes


def test_a_decorator_that_names_no_model_is_charged_by_the_wire():
    with guarded(LARGE) as rig:
        asyncio.run(ask_async(rig.provider, HELLO))

        rig.assert_settled()
        assert len(rig.records) == 1


def test_a_budget_that_fits_one_call_admits_it_at_once():
    # Reserved is at most $0.164 and the input; twice that does not fit.
    with guarded(LARGE, usd="0.20", clamp=False) as rig:
        ask(rig.provider, HELLO)

        rig.assert_settled()


def test_a_refusal_of_the_guard_reaches_the_user_and_no_request_leaves():
    with guarded(LARGE, usd="0.1025") as rig:
        ask(rig.provider, HELLO)
        sent = len(rig.provider.requests)
        for _ in range(3):
            with pytest.raises(BudgetExceededError):
                ask(rig.provider, HELLO)
            with pytest.raises(BudgetExceededError):
                asyncio.run(ask_async(rig.provider, HELLO))

        assert len(rig.provider.requests) == sent


def test_a_stream_that_is_returned_is_charged_when_it_ends_and_so_is_its_span():
    with guarded(SMALL) as rig, kept_spans() as spans:

        @track_llm_call(model=OPENAI_MODEL)
        def stream(client):
            return client.chat.completions.create(model=OPENAI_MODEL, messages=HELLO, stream=True)

        with openai_client(rig.provider) as client:
            answer = stream(client)
            early = [span for span in spans() if span.name.startswith("chat")]
            for _ in answer:
                pass

        rig.assert_settled()
        (chat,) = [span for span in spans() if span.name.startswith("chat")]
    assert early == []
    assert chat.attributes["wflo.cost.usd"] == float(SMALL_COST)


def test_a_stream_that_a_generator_passes_on_is_charged_once():
    with guarded(SMALL) as rig:

        @track_llm_call(model=OPENAI_MODEL)
        def talk(client):
            yield from client.chat.completions.create(
                model=OPENAI_MODEL, messages=HELLO, stream=True
            )

        with openai_client(rig.provider) as client:
            assert len(list(talk(client))) > 1

        rig.assert_settled()
        (record,) = rig.records
        assert record.status is Status.OK


def test_each_further_request_of_a_function_is_a_charge_of_its_own():
    with guarded(LARGE, LARGE) as rig:

        @track_llm_call(model=OPENAI_MODEL)
        def twice(client):
            for _ in range(2):
                client.chat.completions.create(model=OPENAI_MODEL, messages=HELLO)

        with openai_client(rig.provider) as client:
            twice(client)

        rig.assert_settled()
        assert len(rig.records) == 2


def test_fifty_decorated_tasks_stay_within_a_budget():
    prompt = [{"role": "user", "content": " ".join(["word"] * 1000)}]
    with guarded(*[Reply(output_tokens=10_000)] * 50, usd="1.00") as rig:

        async def all_of_them():
            return await asyncio.gather(
                *(ask_async(rig.provider, prompt) for _ in range(50)), return_exceptions=True
            )

        ended = asyncio.run(all_of_them())

        assert rig.billed_usd <= 1
        assert sum(not isinstance(each, Exception) for each in ended) >= 9
        rig.assert_settled()


def test_the_breakdown_of_a_workflow_is_the_providers_bill():
    with guarded(LARGE, LARGE, LARGE) as rig:

        @track_agent_cost(agent_name="researcher", budget_usd=2.00)
        def research():
            search()

        @track_tool_call(tool_name="search")
        def search():
            ask(rig.provider, HELLO)

        with WfloWorkflow(budget_usd=10.00) as workflow:
            research()
            research()
            ask(rig.provider, HELLO)

        found = workflow.get_cost_breakdown_by_agent()
        assert found["researcher"]["cost_usd"] == 2 * COST
        assert found["researcher"]["tools"] == {"search": 2}
        assert workflow.cost_usd == rig.billed_usd == 3 * COST
