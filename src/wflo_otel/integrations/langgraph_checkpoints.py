"""LangGraph: what a node has written is saved in the run, and each superstep of a graph's saver.

The rule: this happens where a graph has a :class:`WfloSaver`, or the policy asks for it; each
execution of a graph is a writer of its own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver

from wflo_otel.context import Frame
from wflo_otel.core.policy import After
from wflo_otel.integrations.langgraph_saver import WfloSaver, is_state
from wflo_otel.seams.active import Active, active
from wflo_otel.seams.saving import save_beside

#: Under which a graph that is running lends its saver to its subgraphs, and to its nodes.
_LENT = "__pregel_checkpointer"
_RESOLVE = "_resolve_checkpointer"

_log = logging.getLogger("wflo_otel")


def install(main: Any) -> None:
    """Watch ``langgraph.pregel.main``; called when it was imported. Idempotent."""
    resolve = getattr(main.Pregel, _RESOLVE, None)
    if resolve is None:
        _log.warning("wflo: this version of LangGraph is not known: its supersteps are not saved")
    elif not hasattr(resolve, "__wrapped__"):
        setattr(main.Pregel, _RESOLVE, _of_this_execution(resolve))


def _of_this_execution(resolve: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    @wraps(resolve)
    def resolve_checkpointer(self: Any, config: Any) -> Any:
        saver = resolve(self, config)
        if isinstance(saver, WfloSaver):
            is_lent = _LENT in config.get("configurable", {})
            return saver if is_lent else WfloSaver(saver.inner)
        is_asked_for = isinstance(saver, BaseCheckpointSaver) and _asks(active())
        return WfloSaver(saver) if is_asked_for else saver

    return resolve_checkpointer


def save_node(task: Any, frame: Frame | None) -> None:
    """Save what a node that is done has written, where that is asked for."""
    now = active()
    if now is None or frame is None:
        return
    saver = task.config.get("configurable", {}).get(_LENT)
    if isinstance(saver, WfloSaver) or _asks(now):
        writes = [(channel, value) for channel, value in task.writes if is_state(channel)]
        save_beside(now, frame, task.name, {"writes": writes})


def _asks(now: Active | None) -> bool:
    return now is not None and After.NODE in now.engine.policy.checkpoints.after
