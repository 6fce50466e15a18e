"""What happens around a function under a circuit breaker.

The rule: while the breaker is open the function does not run; its fallback does, or the refusal
is raised. No lock is held while it runs, and what wflo itself refuses inside is no failure.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

from opentelemetry import trace

from wflo_otel.context import Place, guarded_frame
from wflo_otel.core.breaker import Component
from wflo_otel.core.policy import Breaker
from wflo_otel.engine import Refusal
from wflo_otel.seams.active import Active
from wflo_otel.seams.entering import FUNCTION, enter, leave
from wflo_otel.seams.functions import Flow, Invocation, Run
from wflo_otel.seams.refusal import dress
from wflo_otel.seams.work import frame_of_caller, ignore


@dataclass(frozen=True, slots=True)
class Guarded:
    """A function under a circuit breaker: the circuit's key, its options, what runs instead."""

    key: str
    options: Breaker
    fallback: Callable[..., Any] | None = None


def breaker_flow(active: Callable[[], Active], guarded: Guarded, _: Invocation) -> Flow:
    """What happens around a function under a circuit breaker."""
    now, frame = active(), frame_of_caller()
    call = now.call(FUNCTION, frame.caller)
    answer = enter(now, call, trace.get_current_span(), Component(guarded.key, guarded.options))
    if isinstance(answer, Refusal):
        if guarded.fallback is None or answer.policy != "breaker":
            raise dress(answer.error())
        return Run(now.engine, nullcontext(), ignore, ignore, guarded.fallback)
    place = Place(guarded_frame(frame, guarded.key, guarded.options))
    return Run(now.engine, place, ignore, partial(leave, now, answer))
