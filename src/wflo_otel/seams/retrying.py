"""One call, attempt after attempt: what is made of a failure, and what is told of it.

The rules: what a policy has refused is never tried again; the last error comes out as it was
raised, and where the attempts are used up the call is kept as a dead letter. Each attempt runs
in a span of its own. The loops around it are :mod:`wflo_otel.seams.retry_loops`'s.
"""

from __future__ import annotations

import functools
import logging
from dataclasses import dataclass
from typing import Any

from opentelemetry.trace import Span

from wflo_otel.context import Place
from wflo_otel.core.policy import Retry
from wflo_otel.core.retry import (
    Again,
    FailedAttempt,
    GiveUp,
    Reason,
    Verdict,
    is_transient,
)
from wflo_otel.seams.active import Active
from wflo_otel.seams.attempt_spans import start_attempt
from wflo_otel.seams.burying import bury
from wflo_otel.seams.failures import failure_of, is_refusal
from wflo_otel.seams.functions import Flow, Invocation, Run, in_flow
from wflo_otel.seams.kinds import Kind
from wflo_otel.seams.outcomes import Outcome, error_type_of
from wflo_otel.seams.work import frame_of_caller, ignore
from wflo_otel.telemetry.outcomes import fail
from wflo_otel.telemetry.safely import safely

_log = logging.getLogger("wflo_otel")


@dataclass(frozen=True, slots=True)
class Retrying:
    """How a function is tried again.

    Attributes:
        name: what telemetry calls it.
        component: whose retry budget it is on; functions of one name share it.
        on: the errors that are tried again; ``None``: those that may pass.
    """

    retry: Retry
    name: str
    component: str
    on: tuple[type[Exception], ...] | None = None
    #: Whether a call that used up its attempts is kept.
    dead_letter: bool = True


class Attempts:
    """One invocation, attempt after attempt."""

    def __init__(
        self, active: Active, options: Retrying, invocation: Invocation, kind: Kind
    ) -> None:
        self._active, self._options = active, options
        self._invocation, self._kind = invocation, kind
        self._began = active.clock.monotonic()
        self._number = 1
        active.retry_budgets.pay_in(options.component, options.retry)

    def once(self) -> Any:
        """Make the next attempt."""
        invocation = self._invocation
        return in_flow(invocation.fn, self._flow, self._kind)(*invocation.args, **invocation.kwargs)

    def _flow(self, _: Invocation) -> Flow:
        """What happens around one attempt."""
        frame, active = frame_of_caller(), self._active
        span = start_attempt(active, self._options.name, self._number, frame.caller)
        return Run(active.engine, Place(frame, span), ignore, functools.partial(_end, span))

    def succeeded(self) -> None:
        """An attempt has succeeded, or has yielded its first value."""
        if self._number > 1:
            self._active.telemetry.recovered(self._options.name)

    def after(self, error: Exception) -> float | None:
        """The pause before the next attempt, in seconds; ``None``: the error must come out."""
        if is_refusal(error):
            return None
        decided = self._decide(error)
        self._tell(error, decided)
        if isinstance(decided, GiveUp):
            self._give_up(error, decided.reason)
            return None
        self._number += 1
        return decided.after_s

    def pause(self, seconds: float) -> None:
        """Block until the next attempt."""
        self._active.clock.pause(seconds)

    async def pause_async(self, seconds: float) -> None:
        """Wait for the next attempt."""
        await self._active.clock.pause_async(seconds)

    def _decide(self, error: Exception) -> Verdict:
        options, clock = self._options, self._active.clock
        failure = failure_of(error, clock.time())
        may_pass = is_transient(failure) if options.on is None else isinstance(error, options.on)
        if not may_pass:
            return GiveUp(Reason.FINAL)
        return self._active.retry_budgets.decide(
            options.component,
            options.retry,
            failure,
            attempt=self._number,
            elapsed_s=clock.monotonic() - self._began,
        )

    def _tell(self, error: Exception, decided: Verdict) -> None:
        name, kind = self._options.name, type(error).__qualname__
        failed = FailedAttempt.of(name, self._number, kind, decided)
        self._active.telemetry.retried(failed, frame_of_caller().caller)
        if isinstance(decided, Again) and decided.after_s > self._options.retry.max_delay_ms / 1000:
            _log.warning("wflo: %s waits %.0f s, as it was asked to", name, decided.after_s)

    def _give_up(self, error: Exception, reason: Reason) -> None:
        if self._number > 1:
            note = f"wflo: {self._options.name}: gave up after {self._number} attempts ({reason})"
            if note not in getattr(error, "__notes__", ()):
                error.add_note(note)
        if reason is not Reason.FINAL and self._options.dead_letter:
            bury(self._active, self._options.name, self._invocation, error, self._number)


def _end(span: Span, outcome: Outcome) -> None:
    if (kind := error_type_of(outcome)) is not None:
        fail(span, kind)
    with safely("end of a span"):
        span.end()
