"""Many callers on one budget: never over it, nobody refused falsely, nothing left open."""

import asyncio
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from opentelemetry import context as otel_context
from opentelemetry.propagate import extract

from sdk_paths import openai_async, openai_client
from wflo_otel.context import ActiveRun, current_frame, entered, run_frame, runs
from wflo_otel.errors import BudgetExceededError, StateUnavailableError
from wflo_otel.testing import Reply
from wiring import guarded

#: 1,000 tokens in and 10,000 out: $0.1025 of gpt-4o.
PROMPT = [{"role": "user", "content": "word " * 1000}]
LONG = Reply(output_tokens=10_000, input_tokens=1000, delay_s=0.002)
COST = Decimal("0.1025")
caps = pytest.mark.parametrize("cap", [{"max_tokens": 10_000}, {}], ids=["capped", "uncapped"])


def assert_spent_well(rig, answers):
    """As much as fits was answered in full, and not a nano-dollar more was billed."""
    assert rig.billed_usd <= Decimal("1.00")
    assert sum(tokens == 10_000 for tokens in answers) >= 9
    rig.assert_settled()


@caps
def test_fifty_tasks_share_a_dollar(cap):
    async def call(client):
        try:
            answer = await client.chat.completions.create(model="gpt-4o", messages=PROMPT, **cap)
        except BudgetExceededError:
            return 0
        return answer.usage.completion_tokens

    async def main(rig):
        async with openai_async(rig.provider) as client:
            return await asyncio.gather(*(call(client) for _ in range(50)))

    with guarded(usd="1.00") as rig:
        rig.provider.default = LONG
        assert_spent_well(rig, asyncio.run(main(rig)))


@caps
def test_fifty_calls_on_twenty_threads_share_a_dollar(cap):
    def call(client):
        try:
            answer = client.chat.completions.create(model="gpt-4o", messages=PROMPT, **cap)
        except BudgetExceededError:
            return 0
        return answer.usage.completion_tokens

    with guarded(usd="1.00") as rig, openai_client(rig.provider) as client:
        rig.provider.default = LONG
        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(call, [client] * 50))
        assert_spent_well(rig, answers)


async def test_a_blocking_call_on_a_running_loop_is_refused_rather_than_waiting_for_itself():
    with guarded(Reply(delay_s=0.3), usd="0.2") as rig:
        async with openai_async(rig.provider) as client:
            options = {"model": "gpt-4o", "messages": PROMPT, "max_tokens": 15_000}
            holder = asyncio.create_task(client.chat.completions.create(**options))
            while not rig.provider.requests:
                await asyncio.sleep(0.005)
            began = time.perf_counter()
            with openai_client(rig.provider) as blocking, pytest.raises(BudgetExceededError):
                blocking.chat.completions.create(**options)
            assert time.perf_counter() - began < 0.25
            await holder


def test_a_cancelled_wait_gives_up_its_place_and_sends_nothing():
    async def main(rig):
        async with openai_async(rig.provider) as client:
            options = {"model": "gpt-4o", "messages": PROMPT, "max_tokens": 15_000}
            holder = asyncio.create_task(client.chat.completions.create(**options))
            while not rig.provider.requests:
                await asyncio.sleep(0.005)
            waiting = asyncio.create_task(client.chat.completions.create(**options))
            await asyncio.sleep(0.05)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            await holder

    with guarded(Reply(delay_s=0.3), usd="0.2") as rig:
        asyncio.run(main(rig))
        assert len(rig.provider.requests) == 1
        rig.assert_settled()


def chat(rig):
    with openai_client(rig.provider) as client:
        client.chat.completions.create(model="gpt-4o", messages=PROMPT, max_tokens=20)


def test_a_thread_is_charged_to_the_run_that_started_it():
    with guarded() as rig:
        other = ActiveRun("other-run", "other")
        runs.add(other)
        runs.add(ActiveRun("third-run", "third"))
        with entered(run_frame(other, None, current_frame())):
            thread = threading.Thread(target=chat, args=(rig,))
            thread.start()
            thread.join()
        (record,) = rig.configuration.store.records("other-run")
        assert record.caller.run_id == "other-run"


def test_a_call_under_a_foreign_otel_context_is_charged_to_its_run():
    with guarded() as rig:
        other = ActiveRun("other-run", "other")
        with entered(run_frame(other, None, current_frame())):
            token = otel_context.attach(extract({}))
            try:
                chat(rig)
            finally:
                otel_context.detach(token)
        assert len(rig.configuration.store.records("other-run")) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_does_not_spend_its_parents_memory_ledger_again():
    with guarded() as rig:
        child = os.fork()
        if child == 0:
            try:
                chat(rig)
            except StateUnavailableError:
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert rig.provider.requests == []
