"""Work that ends in another context than it began in restores nothing there, and is settled."""

from __future__ import annotations

import contextvars
import gc
import logging

import pytest

from decorated import watch
from wflo_otel.context import current_caller
from wflo_otel.decorators import track_agent_cost, track_llm_call, track_tool_call

DECORATORS = [track_llm_call(model="gpt-4o"), track_tool_call, track_agent_cost]


class Suspended:
    """Awaited, it stands still."""

    def __await__(self):
        yield


@pytest.mark.parametrize("decorator", DECORATORS)
def test_a_coroutine_that_is_closed_elsewhere_is_settled_quietly(decorator, caplog):
    seen = watch(usd="1")

    @decorator
    async def waits():
        await Suspended()

    coroutine = waits()
    contextvars.copy_context().run(coroutine.send, None)
    coroutine.close()

    assert seen.record.status == ("abandoned")
    assert seen.ledger_keys == [] or seen.ledger().open_calls == 0
    assert current_caller().agent is None
    assert caplog.records == []


@pytest.mark.parametrize("decorator", DECORATORS)
def test_a_generator_that_is_dropped_in_a_circle_is_settled(decorator, caplog):
    seen = watch(usd="1")

    @decorator
    def talk():
        yield 1

    stream = talk()
    next(stream)
    circle = [stream]
    circle.append(circle)
    del stream, circle
    with caplog.at_level(logging.WARNING):
        gc.collect()

    assert seen.record.status == "abandoned"
    assert caplog.records == []
