"""On trio a call waits for others to settle as it does on asyncio."""

import time

import pytest

from http_libraries import BODY, each_library
from wflo_otel.engine.tasks import on_event_loop, owner
from wflo_otel.errors import BudgetExceededError
from wflo_otel.testing import Reply
from wiring import guarded

trio = pytest.importorskip("trio", reason="trio is not installed in this environment")


async def post(client, rig, **more):
    return await client.post(f"{rig.provider.openai_url}/chat/completions", json=BODY | more)


@each_library
def test_a_call_waits_for_another_and_is_then_admitted(library):
    async def main(rig):
        async with library.AsyncClient() as client, trio.open_nursery() as nursery:
            for _ in range(2):
                nursery.start_soon(lambda: post(client, rig, max_tokens=6_000))

    with guarded(Reply(delay_s=0.1), Reply(), usd="0.1") as rig:
        trio.run(main, rig)
        assert len(rig.records) == 2
        rig.assert_settled()


@each_library
def test_a_wait_that_is_cancelled_gives_up_its_place(library):
    async def main(rig):
        async with library.AsyncClient() as client, trio.open_nursery() as nursery:
            nursery.start_soon(lambda: post(client, rig, max_tokens=6_000))
            while not rig.provider.requests:
                await trio.sleep(0.005)
            with trio.move_on_after(0.05) as scope:
                await post(client, rig, max_tokens=6_000)
            assert scope.cancelled_caught

    with guarded(Reply(delay_s=0.2), usd="0.1") as rig:
        trio.run(main, rig)
        assert len(rig.provider.requests) == 1
        rig.assert_settled()


@each_library
def test_a_wait_ends_when_patience_does(library):
    async def main(rig):
        async with library.AsyncClient() as client, trio.open_nursery() as nursery:
            nursery.start_soon(lambda: post(client, rig, max_tokens=6_000))
            while not rig.provider.requests:
                await trio.sleep(0.005)
            with pytest.raises(BudgetExceededError):
                await post(client, rig, max_tokens=6_000)

    with guarded(Reply(delay_s=0.4), usd="0.1", wait_s=0.05, clamp=False) as rig:
        trio.run(main, rig)


@each_library
def test_a_synchronous_call_does_not_block_the_loop_to_wait(library):
    async def main(rig):
        async with library.AsyncClient() as client, trio.open_nursery() as nursery:
            nursery.start_soon(lambda: post(client, rig, max_tokens=6_000))
            while not rig.provider.requests:
                await trio.sleep(0.005)
            began = time.monotonic()
            with library.Client() as sync, pytest.raises(BudgetExceededError):
                sync.post(
                    f"{rig.provider.openai_url}/chat/completions", json=BODY | {"max_tokens": 6_000}
                )
            assert time.monotonic() - began < 0.2

    with guarded(Reply(delay_s=0.3), usd="0.1", clamp=False) as rig:
        trio.run(main, rig)


def test_tasks_are_told_apart():
    async def main():
        async def tell():
            names.add(owner())
            assert on_event_loop()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(tell)
            nursery.start_soon(tell)

    names = set()
    trio.run(main)
    assert len(names) == 2
    assert not on_event_loop()
