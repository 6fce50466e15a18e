"""CrewAI: each task is a step, each agent an agent by its role, each tool a tool.

The hook points are the methods in which a crew, a flow, a task, an agent and a tool do their
work, each in the thread or task that does it. The rules: what a prompt is made of, such as a
task's description, names nothing; a role stands as it was written, before inputs were put into
it; an agent that goes on inside its own work (a retry, a guardrail) is the same invocation.
"""

from __future__ import annotations

import inspect
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial, wraps
from types import ModuleType
from typing import Any, TypeAlias

from wflo_otel.context import Frame, Place, current_frame, inner_frame, runs
from wflo_otel.core.call import Operation
from wflo_otel.core.policy import After
from wflo_otel.seams.active import Active, active
from wflo_otel.seams.functions import Flow, Invocation, Run, in_flow
from wflo_otel.seams.kinds import Kind
from wflo_otel.seams.outcomes import Outcome, Returned
from wflo_otel.seams.saving import save_beside
from wflo_otel.seams.work import Work, agent_work, ignore, tool_flow

#: What happens around a call of a method; ``None``: nothing.
_Around: TypeAlias = Callable[[Active, Frame, Invocation], Flow | None]

_log = logging.getLogger("wflo_otel")


@dataclass(frozen=True, slots=True)
class _Hook:
    """Methods of a class, the parameters they are known with, and what happens around them."""

    module: str
    owner: str
    methods: tuple[str, ...]
    parameters: tuple[str, ...]
    around: _Around


def install(crewai: ModuleType) -> None:
    """Guard the package ``crewai``; called when it was imported. Idempotent.

    What is not as it is known is left as it is, and named in the log: its model calls are
    guarded all the same, on the wire, but not told apart.
    """
    strange = [
        f"{hook.owner}.{name}" for hook in _HOOKS for name in hook.methods if not _lay(hook, name)
    ]
    if strange:
        _log.warning(
            "wflo: crewai %s is not as wflo knows it (%s): calls inside are charged and refused, "
            "but not told apart there by workflow, task, agent or tool",
            getattr(crewai, "__version__", "unknown"),
            ", ".join(strange),
        )


def _lay(hook: _Hook, name: str) -> bool:
    owner = getattr(sys.modules.get(f"crewai.{hook.module}"), hook.owner, None)
    original = vars(owner).get(name) if isinstance(owner, type) else None
    if original in _guarded:
        return True
    if not callable(original) or not _knows(hook, original):
        return False
    guarded = _in_coroutine if inspect.iscoroutinefunction(original) else _in_function
    laid = guarded(original, hook.around)
    _guarded.add(laid)
    setattr(owner, name, laid)
    return True


_guarded: set[Callable[..., Any]] = set()


def _knows(hook: _Hook, method: Callable[..., Any]) -> bool:
    found = tuple(inspect.signature(method).parameters)
    return found[: len(hook.parameters)] == hook.parameters


def _in_function(method: Callable[..., Any], around: _Around) -> Callable[..., Any]:
    @wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        flow = _flow(around, Invocation(method, args, kwargs))
        if flow is None:
            return method(*args, **kwargs)
        return in_flow(method, lambda _: flow, Kind.PLAIN)(*args, **kwargs)

    return call


def _in_coroutine(method: Callable[..., Any], around: _Around) -> Callable[..., Any]:
    @wraps(method)
    async def call(*args: Any, **kwargs: Any) -> Any:
        flow = _flow(around, Invocation(method, args, kwargs))
        if flow is None:
            return await method(*args, **kwargs)
        return await in_flow(method, lambda _: flow, Kind.COROUTINE)(*args, **kwargs)

    return call


def _flow(around: _Around, invocation: Invocation) -> Flow | None:
    now, frame = active(), current_frame()
    return None if now is None or frame is None else around(now, frame, invocation)


# -- what happens around each ------------------------------------------------------------------


def _around_workflow(now: Active, frame: Frame, invocation: Invocation) -> Flow | None:
    """A crew or a flow is the workflow of its calls, where the user's code has opened none."""
    workflow = invocation.args[0]
    is_own = frame.run is runs.process or frame.run.is_request
    if not is_own or frame.caller.workflow != frame.run.base.workflow:
        return None  # one is open: the user's own, or a crew or a flow around this one
    if getattr(workflow, "is_crewai_internal", False):
        return None  # an agent's loop, which runs as a flow
    if getattr(workflow, "stream", False):
        return None  # it comes here once more, in the thread that does the work
    name = _name_of(workflow) or type(workflow).__name__
    inner = Frame(replace(frame.caller, workflow=name), frame.run, frame)
    span = now.telemetry.workflow_span(name, inner.caller)
    work = Work.begin(now, inner, span, Operation.INVOKE_WORKFLOW)
    return Run(now.engine, work.place, ignore, work.end)


def _around_task(now: Active, frame: Frame, invocation: Invocation) -> Flow:
    """A task is a step; all of it is its agent's work, guardrails and conversions too."""
    task = invocation.args[0]
    agent = _argument(invocation, 1, "agent") or getattr(task, "agent", None)
    inner = inner_frame(frame, step=_step_of(task, agent))
    if _is_at_work(frame, agent):
        return Run(now.engine, Place(inner), ignore, ignore)
    work = agent_work(now, inner, _role_of(agent), None)
    return Run(now.engine, work.place, ignore, partial(_end_task, now, work))


def _end_task(now: Active, work: Work, outcome: Outcome) -> None:
    """Save what the agent has come to, where the policy asks for it, and end its work."""
    if isinstance(outcome, Returned) and After.AGENT in now.engine.policy.checkpoints.after:
        with work.place:  # the event is on the agent's span
            save_beside(now, work.frame, work.frame.caller.step or "task", outcome.value)
    work.end(outcome)


def _around_agent(now: Active, frame: Frame, invocation: Invocation) -> Flow | None:
    """An agent that is asked by itself, or by another agent."""
    agent = invocation.args[0]
    if _is_at_work(frame, agent):
        return None
    work = agent_work(now, frame, _role_of(agent), None)
    return Run(now.engine, work.place, ignore, work.end)


def _around_tool(now: Active, _: Frame, invocation: Invocation) -> Flow:
    """A tool. What it raises, a refusal too, CrewAI tells the model; a stop meets that call."""
    tool, *asked = invocation.args
    told = {key: each for key, each in invocation.kwargs.items() if key != "config"}
    return tool_flow(lambda: now, _tool_name(tool), Invocation(invocation.fn, tuple(asked), told))


# -- names -------------------------------------------------------------------------------------


def _name_of(thing: object) -> str:
    return _plain(getattr(thing, "name", None))


def _role_of(agent: object) -> str:
    role = getattr(agent, "_original_role", None) or getattr(agent, "role", None)
    return _plain(role) or "agent"


def _step_of(task: object, agent: object) -> str:
    """The task's name; without one, its place in its crew."""
    tasks = getattr(getattr(agent, "crew", None), "tasks", ())
    places = (place for place, each in enumerate(tasks, 1) if each is task)
    return _name_of(task) or f"task {next(places, '')}".strip()


def _tool_name(tool: object) -> str:
    """The name that the model calls it by, so that the wire and this seam mean the same tool."""
    module = sys.modules.get("crewai.utilities.string_utils")
    sanitize = getattr(module, "sanitize_tool_name", _plain)
    return str(sanitize(_name_of(tool))) or "tool"


def _plain(name: object) -> str:
    return " ".join(name.split()) if isinstance(name, str) else ""


def _argument(invocation: Invocation, place: int, name: str) -> object:
    args = invocation.args
    return args[place] if len(args) > place else invocation.kwargs.get(name)


def _is_at_work(frame: Frame, agent: object) -> bool:
    return agent is None or frame.caller.agent == _role_of(agent)


# -- where -------------------------------------------------------------------------------------

_KICKOFF = ("self", "inputs")
_ASK = ("self", "messages")
_EXECUTE = ("self", "task", "context", "tools")
_WORK = ("self", "agent", "context", "tools")
_INVOKE = ("self", "input")

_HOOKS = (
    _Hook("crew", "Crew", ("kickoff", "akickoff"), _KICKOFF, _around_workflow),
    _Hook("flow.runtime", "Flow", ("kickoff_async",), _KICKOFF, _around_workflow),
    _Hook("flow.runtime", "Flow", ("resume_async",), ("self",), _around_workflow),
    _Hook("task", "Task", ("_execute_core", "_aexecute_core"), _WORK, _around_task),
    _Hook("agent.core", "Agent", ("execute_task", "aexecute_task"), _EXECUTE, _around_agent),
    _Hook("agent.core", "Agent", ("kickoff", "kickoff_async"), _ASK, _around_agent),
    _Hook("tools.base_tool", "BaseTool", ("run", "arun"), ("self",), _around_tool),
    _Hook("tools.base_tool", "Tool", ("run", "arun"), ("self",), _around_tool),
    _Hook(
        "tools.structured_tool",
        "CrewStructuredTool",
        ("invoke", "ainvoke"),
        _INVOKE,
        _around_tool,
    ),
)
