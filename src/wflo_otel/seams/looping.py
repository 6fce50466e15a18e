"""What happens around a function whose turns are watched for loops.

The rules: each invocation has a watch of its own, which is forgotten when it ends. An invocation
in which no agent looped is a step of its run, and a run takes only so many of those.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from opentelemetry import trace

from wflo_otel.context import Place, watched_frame
from wflo_otel.core.policy import Loops
from wflo_otel.core.scope import Caller
from wflo_otel.seams.active import Active
from wflo_otel.seams.entering import FUNCTION
from wflo_otel.seams.functions import Flow, Invocation, Run
from wflo_otel.seams.outcomes import Outcome
from wflo_otel.seams.refusal import dress
from wflo_otel.seams.work import frame_of_caller, ignore


@dataclass(frozen=True, slots=True)
class Watched:
    """A function whose turns are watched: its key, and when it is stopped."""

    key: str
    options: Loops


def loop_flow(active: Callable[[], Active], watched: Watched, _: Invocation) -> Flow:
    """What happens around a function whose turns are watched for loops."""
    now, frame = active(), frame_of_caller()
    call = now.call(FUNCTION, frame.caller)
    with now.telemetry.share(call, trace.get_current_span()):
        refusal = now.engine.stepping(call, watched.key, watched.options)
    if refusal is not None:
        raise dress(refusal.error())
    key = f"{watched.key}#{call.call_id}"
    place = Place(watched_frame(frame, key, watched.options))
    return Run(now.engine, place, ignore, partial(_ended, now, frame.caller, watched.key, key))


def _ended(now: Active, caller: Caller, name: str, key: str, _: Outcome) -> None:
    now.engine.loops.stepped(caller, name, key)
