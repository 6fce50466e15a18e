"""Only checked by types: what is decorated keeps its own."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator, Iterator
from decimal import Decimal
from typing import Any, assert_type

from wflo_otel.after_agent import checkpoint_after_agent
from wflo_otel.core.checkpoint import Checkpoint
from wflo_otel.decorators import (
    checkpoint,
    record_usage,
    scope,
    track_agent_cost,
    track_llm_call,
    track_tool_call,
)
from wflo_otel.retries import with_retry
from wflo_otel.seams.breakdown import AgentCost
from wflo_otel.workflow import WfloWorkflow
from wflo_otel.wrapping import Wrapped, wrap


@track_llm_call
def plain(one: int, *, two: str = "") -> bytes:
    return b""


@track_llm_call(model="gpt-4", usage=len, prompt=str)
async def coroutine(one: int) -> bytes:
    return b""


@track_tool_call(tool_name="search")
def generator(one: int) -> Generator[int, str, bytes]:
    yield one
    return b""


@track_agent_cost(agent_name="researcher", budget_usd=2.00)
async def async_generator(one: int) -> AsyncGenerator[int, str]:
    yield one


@checkpoint
def iterator(one: int) -> Iterator[int]:
    yield one


@with_retry
def retried(one: int) -> bytes:
    return b""


@track_llm_call(model="gpt-4")
@with_retry(max_attempts=5, on=(TimeoutError, ConnectionError), backoff="linear")
@track_agent_cost
@track_tool_call
@checkpoint
async def stacked(state: dict[str, int]) -> dict[str, int]:
    return state


@checkpoint(checkpoint_name="draft")
def named(state: int) -> int:
    return state


class Model:
    @track_llm_call(model="gpt-4")
    async def ask(self, prompt: str) -> AsyncIterator[str]:
        raise NotImplementedError


assert_type(plain(1, two=""), bytes)
assert_type(generator(1), Generator[int, str, bytes])
assert_type(async_generator(1), AsyncGenerator[int, str])
assert_type(iterator(1), Iterator[int])
assert_type(named(1), int)

takes: Callable[[int], Generator[int, str, bytes]] = generator
awaited: Callable[[int], Coroutine[Any, Any, bytes]] = coroutine
plain("")  # type: ignore[arg-type]  # the parameters are checked too


async def workflow() -> None:
    assert_type(await coroutine(1), bytes)
    assert_type(await stacked({}), dict[str, int])
    assert_type(await Model().ask(""), AsyncIterator[str])
    async with WfloWorkflow("report", budget_usd=10, per_agent_budgets={"a": "2.00"}) as report:
        assert_type(report, WfloWorkflow)
        assert_type(await report.checkpoint("draft", {}), Checkpoint)
        assert_type(report.checkpoint("draft", {}).checkpoint, Checkpoint)
        async with report.agent("writer", budget_usd=Decimal(1)):
            record_usage(input_tokens=1)
        back = await report.rollback("id")
        assert_type(back.checkpoint, Checkpoint)
        assert_type(report.diff("a", "b"), list[dict[str, object]])
        assert_type(report.fork("id"), WfloWorkflow)
    assert_type(await checkpoint_after_agent(stacked, agent_name="a")({}), dict[str, int])
    with WfloWorkflow() as report, report.agent("writer"), scope(tenant="acme"):
        assert_type(report.cost_usd, Decimal)
    assert_type(report.get_cost_breakdown_by_agent(), dict[str, AgentCost])
    assert_type(await checkpoint("draft", {}), Checkpoint)
    assert_type(wrap(1), Wrapped[int])
    assert_type(wrap(plain).inner(1), bytes)
