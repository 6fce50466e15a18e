"""A tool's, an agent's or a workflow's work: who it is, its span, and its line in the report.

The rule: work costs nothing by itself; the model calls inside it do, and each of them counts
once, for the innermost agent.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from types import TracebackType

from opentelemetry.trace import Span, format_span_id, format_trace_id

from wflo_otel.context import Frame, Place, agent_frame, current_frame, inner_frame
from wflo_otel.core.call import Ask, Call, CallRecord, Operation
from wflo_otel.core.policy import Budget
from wflo_otel.engine import Permit, Refusal
from wflo_otel.errors import ConfigError
from wflo_otel.seams.active import Active
from wflo_otel.seams.deeds import deed_of, tell
from wflo_otel.seams.entering import enter, leave
from wflo_otel.seams.functions import Flow, Invocation, Run
from wflo_otel.seams.outcomes import Outcome, Raised, Returned, error_type_of, status_of
from wflo_otel.seams.refusal import dress
from wflo_otel.seams.tool_results import ToolResult
from wflo_otel.telemetry.outcomes import finish, mark_replayed
from wflo_otel.telemetry.safely import safely


def frame_of_caller() -> Frame:
    """Who is calling.

    Raises:
        ConfigError: no run is open, not even the process's own.
    """
    frame = current_frame()
    if frame is None:
        raise ConfigError("no run is open in this process; call wflo_otel.configure() first")
    return frame


@dataclass(eq=False, slots=True)
class Work:
    """One invocation of a tool, an agent or a workflow."""

    active: Active
    frame: Frame
    span: Span
    operation: Operation
    place: Place
    call_id: str
    started_at: float

    @classmethod
    def begin(cls, active: Active, frame: Frame, span: Span, operation: Operation) -> Work:
        """Begin: the span has just been started."""
        clock = active.clock
        place = Place(frame, span)
        return cls(active, frame, span, operation, place, clock.new_id(), clock.time())

    def end(self, outcome: Outcome) -> None:
        """Write what came of it, and end its span."""
        traced = self.span.get_span_context()
        record = CallRecord(
            call_id=self.call_id,
            caller=self.frame.caller,
            operation=self.operation,
            status=status_of(outcome),
            started_at=self.started_at,
            ended_at=self.active.clock.time(),
            error_type=error_type_of(outcome),
            trace_id=format_trace_id(traced.trace_id) if traced.is_valid else "",
            span_id=format_span_id(traced.span_id) if traced.is_valid else "",
        )
        self.active.engine.record(record)
        finish(self.span, record)
        with safely("end of a span"):
            self.span.end()


class WorkBlock(AbstractContextManager[None], AbstractAsyncContextManager[None]):
    """A block of code, ``with`` or ``async with``, that is a piece of work."""

    def __init__(self, begin: Callable[[], Work]) -> None:
        self._begin = begin
        self._work: list[Work] = []

    def __enter__(self) -> None:
        work = self._begin()
        work.place.__enter__()
        self._work.append(work)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        work = self._work.pop()
        work.place.__exit__()
        work.end(Returned(None) if error is None else Raised(error))

    async def __aenter__(self) -> None:
        self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, traceback)


def agent_work(active: Active, frame: Frame, name: str, budget: Budget | None) -> Work:
    """Begin an agent's work inside a frame."""
    inner = agent_frame(frame, name, budget)
    span = active.telemetry.agent_span(name, inner.caller)
    return Work.begin(active, inner, span, Operation.INVOKE_AGENT)


def tool_work(active: Active, frame: Frame, name: str) -> Work:
    """Begin a tool's work inside a frame; it may yet be refused."""
    inner = inner_frame(frame, tool=name)
    span = active.telemetry.tool_span(name, inner.caller)
    return Work.begin(active, inner, span, Operation.EXECUTE_TOOL)


def agent_flow(
    active: Callable[[], Active], name: str, budget: Budget | None, _: Invocation
) -> Flow:
    """What happens around an agent's function."""
    now = active()
    work = agent_work(now, frame_of_caller(), name, budget)
    return Run(now.engine, work.place, ignore, work.end)


def tool_flow(active: Callable[[], Active], name: str, invocation: Invocation) -> Flow:
    """What happens around a tool's function: a stopped run refuses it."""
    now = active()
    return _tool_run(now, tool_work(now, frame_of_caller(), name), invocation)


def recorded_tool_flow(active: Callable[[], Active], name: str, invocation: Invocation) -> Flow:
    """The same, where a run that is taken up again may meet what the tool has answered."""
    now = active()
    work = tool_work(now, frame_of_caller(), name)
    run = _tool_run(now, work, invocation)
    result = ToolResult(now, work.frame.caller, invocation)
    instead = result.instead()
    if instead is not None:
        mark_replayed(work.span)
    return replace(run, end=partial(_keep_and_end, result, run.end), instead=instead)


def _tool_run(now: Active, work: Work, invocation: Invocation) -> Run:
    ask = Ask(Operation.EXECUTE_TOOL, provider="", model=None)
    call = now.call(ask, work.frame.caller)
    answer = enter(now, call, work.span)
    if isinstance(answer, Refusal):
        work.span.end()
        raise dress(answer.error())
    return Run(now.engine, work.place, ignore, partial(_end, now, work, answer, invocation))


def _keep_and_end(result: ToolResult, end: Callable[[Outcome], None], outcome: Outcome) -> None:
    result.end(outcome)
    end(outcome)


def _end(now: Active, work: Work, permit: Permit, invocation: Invocation, outcome: Outcome) -> None:
    leave(now, permit, outcome)
    _tell_deed(now, work, permit.call, invocation, outcome)
    work.end(outcome)


def _tell_deed(
    now: Active, work: Work, call: Call, invocation: Invocation, outcome: Outcome
) -> None:
    """Tell what the tool answered, where somebody watches for loops."""
    caller = work.frame.caller
    if not now.engine.loops.watches(caller):
        return
    deed = deed_of(caller.tool or "", invocation, outcome)
    if deed is not None:
        tell(now, call, deed, work.span)


def ignore(_: object) -> None:
    """A chunk says nothing about a tool or an agent."""
