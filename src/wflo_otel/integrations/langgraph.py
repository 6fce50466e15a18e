"""LangGraph: each node is a step, each named agent an agent, on graphs that know nothing of us.

The hook point is the call that runs one task of a graph, outside its retries: it is made once
per node run, in the thread or task that runs the node.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from typing import Any

from wflo_otel.context import Frame, agent_frame, current_frame, entered, inner_frame
from wflo_otel.integrations.langgraph_checkpoints import save_node
from wflo_otel.seams.active import active

#: The task that only copies a graph's input into its state.
_START = "__start__"


def install(runner: Any) -> None:
    """Guard ``langgraph.pregel._runner``; called when it was imported. Idempotent."""
    if hasattr(runner.run_with_retry, "__wrapped__"):
        return
    runner.run_with_retry = _in_step(runner.run_with_retry)
    runner.arun_with_retry = _in_step_async(runner.arun_with_retry)


def _in_step(run: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(run)
    def run_with_retry(task: Any, *args: Any, **kwargs: Any) -> Any:
        with _frame_of(task) as frame:
            result = run(task, *args, **kwargs)
            save_node(task, frame)
            return result

    return run_with_retry


def _in_step_async(run: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @wraps(run)
    async def arun_with_retry(task: Any, *args: Any, **kwargs: Any) -> Any:
        with _frame_of(task) as frame:
            result = await run(task, *args, **kwargs)
            save_node(task, frame)
            return result

    return arun_with_retry


def _frame_of(task: Any) -> AbstractContextManager[Frame | None]:
    frame = current_frame()
    if active() is None or frame is None or task.name == _START:
        return nullcontext()
    agent = task.config.get("metadata", {}).get("lc_agent_name")
    if agent:
        frame = agent_frame(frame, agent)
    return entered(inner_frame(frame, step=task.name))
