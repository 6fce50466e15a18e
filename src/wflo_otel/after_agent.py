"""Saving what an agent has come to, when it is done.

>>> import wflo_otel as wflo
>>> wflo.checkpoint_after_agent(task, agent_name="researcher")
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, cast

from wflo_otel.bootstrap import ensure_configured
from wflo_otel.context import agent_frame
from wflo_otel.errors import ConfigError
from wflo_otel.seams.functions import wrap
from wflo_otel.seams.saving import checkpoint_flow, save_beside
from wflo_otel.seams.work import agent_flow, frame_of_caller

__all__ = ["checkpoint_after_agent"]

T = TypeVar("T")


def checkpoint_after_agent(task: T, *, agent_name: str) -> T:
    """Save what a task has come to, each time its agent is done with it.

    A function comes back as the agent's work, decorated: its calls are the agent's, and what it
    returns is saved. A task with a ``callback`` (CrewAI's) saves its output first, calls what was
    its callback before, and comes back itself. The checkpoint has the agent's name. An output
    that cannot be saved is logged, and the task goes on.

    Args:
        task: the function, or the task.
        agent_name: whose work it is.

    Raises:
        ConfigError: it is neither.
    """
    if callable(task) or isinstance(task, staticmethod | classmethod):
        saved = wrap(
            cast("Callable[..., Any]", task),
            partial(checkpoint_flow, ensure_configured, agent_name),
        )
        return cast("T", wrap(saved, partial(agent_flow, ensure_configured, agent_name, None)))
    if not hasattr(task, "callback"):
        raise ConfigError(
            f"checkpoint_after_agent: a {type(task).__name__} is neither a function nor a task "
            "with a callback"
        )
    held = cast("Any", task)
    held.callback = _saving(agent_name, held.callback)
    return task


def _saving(agent_name: str, callback: Callable[[object], object] | None) -> Callable[..., object]:
    def save_output(output: object) -> object:
        active = ensure_configured()
        save_beside(active, agent_frame(frame_of_caller(), agent_name), agent_name, output)
        return None if callback is None else callback(output)

    return save_output
