"""The spans of tools, agents and workflows: who works inside, and that a stopped run does not.

The rule: work costs nothing by itself. At its end its line is kept and a checkpoint event says
that it is done; what a span shows of its content is not looked at.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.trace import Span, format_span_id, format_trace_id

from wflo_otel.context import Frame, agent_frame, inner_frame, runs
from wflo_otel.core.call import Ask, CallRecord, Operation, Outcome, Status
from wflo_otel.engine import Permit, Refusal
from wflo_otel.seams.active import Active
from wflo_otel.seams.deeds import tell
from wflo_otel.seams.entering import enter, stopped
from wflo_otel.seams.refusal import dress
from wflo_otel.seams.spans.instrumentations import lets_out
from wflo_otel.seams.spans.watching import watch_end
from wflo_otel.telemetry.deeds import deed_of
from wflo_otel.telemetry.dialects import Says, says
from wflo_otel.telemetry.endings import ending_of


def frame_within(frame: Frame, said: Says) -> Frame:
    """Who works inside a span that says this; the same frame where it names nobody new."""
    name, caller = said.name, frame.caller
    if name is None:
        return frame
    match said.operation:
        case Operation.EXECUTE_TOOL:
            return frame if caller.tool == name else inner_frame(frame, tool=name)
        case Operation.INVOKE_WORKFLOW:
            return _workflow_frame(frame, name)
        case _:
            return frame if caller.agent == name else agent_frame(frame, name)


def _workflow_frame(frame: Frame, name: str) -> Frame:
    """A workflow that the user's code has opened keeps its name."""
    is_own = frame.run is runs.process or frame.run.is_request
    if not is_own or frame.caller.workflow == name:
        return frame
    return Frame(replace(frame.caller, workflow=name), frame.run, frame)


def begin(now: Active, span: SdkSpan, said: Says, around: Frame, inside: Frame) -> None:
    """Let a piece of work begin, unless its run was stopped.

    Raises:
        PolicyViolationError: it was; the span has ended and says so.
    """
    is_told = inside is around  # a seam of ours tells of the same work
    answer: Permit | Refusal | None = None
    if lets_out(said.scope, span.name):
        call = now.call(Ask(said.operation, provider="", model=None), inside.caller)
        answer = stopped(now, call, span) if is_told else enter(now, call, span)
    if isinstance(answer, Refusal):
        span.end()
        raise dress(answer.error())
    if not is_told:
        watch_end(span, partial(_ended, now, said, inside, now.clock.time(), answer))


def begin_unknown(now: Active, span: SdkSpan, around: Frame) -> None:
    """A span that tells of nothing yet may turn out to be a tool's, as OpenInference's do."""
    if now.engine.loops.watches(around.caller):
        watch_end(span, partial(_turned_out, now, around))


def _turned_out(now: Active, around: Frame, span: Span) -> None:
    said = says(span)
    if said is None or said.operation is not Operation.EXECUTE_TOOL:
        return
    inside = frame_within(around, said)
    if inside is not around:
        _tell_deed(now, said, inside, ending_of(span), span)


def _ended(
    now: Active, said: Says, inside: Frame, began: float, permit: Permit | None, span: Span
) -> None:
    outcome, context = ending_of(span), span.get_span_context()
    status = Status.OK if outcome.error_type is None else outcome.status
    if permit is not None:
        now.engine.leave(permit, replace(outcome, status=status))
    _tell_deed(now, said, inside, outcome, span)
    now.engine.record(
        CallRecord(
            call_id=now.clock.new_id(),
            caller=inside.caller,
            operation=said.operation,
            status=status,
            started_at=began,
            ended_at=now.clock.time(),
            error_type=outcome.error_type,
            trace_id=format_trace_id(context.trace_id),
            span_id=format_span_id(context.span_id),
        )
    )
    now.telemetry.passed(said.name or said.operation.value, inside.caller, span)


def _tell_deed(now: Active, said: Says, inside: Frame, outcome: Outcome, span: Span) -> None:
    """Tell what a tool answered, where somebody watches for loops and the span shows it."""
    if said.operation is not Operation.EXECUTE_TOOL or not now.engine.loops.watches(inside.caller):
        return
    call = now.call(Ask(said.operation, provider="", model=None), inside.caller)
    tell(now, call, deed_of(span, said.name or "", outcome.error_type), span)
