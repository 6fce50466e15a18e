"""A process that works for long, with everything that can go wrong going wrong now and then."""

import asyncio
import gc
import random
import tracemalloc

import httpx
import pytest

from effort import times
from wflo_otel.errors import PolicyViolationError
from wflo_otel.testing import Reply
from wiring import guarded

pytestmark = pytest.mark.slow

CALLERS = 16
CALLS = times(20, 1_000)


def replies(seed):
    """What the provider does, call by call."""
    chance = random.Random(seed)

    def reply(request):
        if chance.random() < 0.1:
            return Reply(status=chance.choice([429, 500]))
        if chance.random() < 0.05:
            return Reply(drop=chance.choice(["before_headers", "mid_body"]))
        return Reply(input_tokens=chance.randint(1, 40), output_tokens=chance.randint(1, 40))

    return reply


async def caller(client, url, chance):
    """Ask again and again; now and then give up, leave a stream, or drop it."""
    for _ in range(CALLS):
        stream = chance.random() < 0.5
        body = {
            "model": "gpt-4o-mini",
            "max_tokens": 60,
            "messages": [{"role": "user", "content": "soak " * chance.randint(8, 40)}],
            "stream": stream,
        }
        try:
            async with asyncio.timeout(0.002 if chance.random() < 0.05 else 30):
                await one(client, url, body, leaves=stream and chance.random() < 0.2)
        except (httpx.HTTPError, TimeoutError, PolicyViolationError):
            continue


async def one(client, url, body, *, leaves):
    async with client.stream("POST", url, json=body) as response:
        async for _ in response.aiter_raw():
            if leaves:
                return


async def work(rig, seed):
    url = f"{rig.provider.openai_url}/chat/completions"
    async with httpx.AsyncClient(timeout=30) as client:
        await asyncio.gather(
            *(caller(client, url, random.Random(f"{seed}-{n}")) for n in range(CALLERS))
        )


@pytest.mark.parametrize("usd", ["1000", "0.002"], ids=["enough", "scarce"])
def test_a_long_life_ends_with_nothing_open_and_never_over_the_budget(usd):
    with guarded(usd=usd) as rig:
        rig.provider.max_requests = CALLERS * CALLS * 2
        rig.provider.reply_to(replies(usd))
        asyncio.run(work(rig, usd))
        gc.collect()

        billed = rig.billed_usd
        assert rig.ledger.pending.usd == 0
        assert rig.ledger.open_calls == 0
        assert billed <= rig.spent_usd, "the ledger may be above the bill, never below it"
        assert billed <= float(usd)


def test_memory_does_not_grow_with_the_number_of_calls():
    with guarded(usd="1000") as rig:
        rig.provider.max_requests = CALLERS * CALLS * 10
        url = f"{rig.provider.openai_url}/chat/completions"
        body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}]}

        def ask(count):
            with httpx.Client() as client:
                for _ in range(count):
                    client.post(url, json=body).raise_for_status()
            gc.collect()

        ask(times(30, 500))
        tracemalloc.start()
        ask(times(30, 2_000))
        before = tracemalloc.get_traced_memory()[0]
        ask(times(30, 2_000))
        grown = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()

        # A record of each call is kept (bounded at 100,000), and so is the provider's own list.
        assert grown / times(30, 2_000) < 16_000
