"""Telemetry that also notifies: of a stop or a breaker that opens once, of a model without a
price once for each run.

The rule: a stop that the state has made is told each time, for the state makes it once; what
only would have stopped, as in shadow mode, comes with every call and is told the first time.
"""

from __future__ import annotations

from collections.abc import Callable

from wflo_otel.context import current_caller, current_frame
from wflo_otel.core.decision import Circling, Exceeded, Phase, Transition
from wflo_otel.core.policy import Mode, Notify, Policy
from wflo_otel.core.scope import Caller
from wflo_otel.ports import Clock, Refused, Telemetry
from wflo_otel.telemetry.notices.notice import breaker_notice, event_of, notice_of
from wflo_otel.telemetry.notices.outbox import Outbox
from wflo_otel.telemetry.safely import safely

#: So many notices are known again.
_REMEMBERED = 1_000


class Notifying:
    """The telemetry port over another one.

    Args:
        inner: is told everything.
        policy: gives the policy in force.
        clock: tells the time.
        outbox: delivers.
    """

    def __init__(
        self, inner: Telemetry, policy: Callable[[], Policy], clock: Clock, outbox: Outbox
    ) -> None:
        self._inner = inner
        self._policy = policy
        self._clock = clock
        self._outbox = outbox
        self._known: dict[tuple[object, ...], object] = {}
        # Not methods that pass it on: these are on the path of every call.
        self.settled = inner.settled
        self.warned = inner.warned
        self.looped = inner.looped
        self.unrecognised = inner.unrecognised
        self.checkpointed = inner.checkpointed
        self.state_failed = inner.state_failed
        self.state_latency = inner.state_latency

    def refused(self, refused: Refused) -> None:
        """A call was refused: told, and notified of where somebody should act on it."""
        self._inner.refused(refused)
        with safely("notices"):
            policy = self._policy()
            if policy.notify is not None:
                self._notify(refused, policy.notify, shadow=policy.mode is Mode.SHADOW)

    def moved(self, transition: Transition) -> None:
        """A circuit breaker moved: told, and notified of where it has just opened."""
        self._inner.moved(transition)
        if (transition.before, transition.after) != (Phase.CLOSED, Phase.OPEN):
            return
        with safely("notices"):
            policy = self._policy()
            if policy.notify is not None:
                caller = current_caller()
                name = _run_name(caller) if caller else ""
                is_shadow = policy.mode is Mode.SHADOW
                at = self._clock.time()
                self._outbox.put(
                    breaker_notice(transition, caller, name, at, shadow=is_shadow), policy.notify
                )

    def _notify(self, refused: Refused, notify: Notify, *, shadow: bool) -> None:
        event = event_of(refused)
        if event is None or self._is_known(_what(event, refused, shadow=shadow)):
            return
        name = _run_name(refused.call.caller)
        notice = notice_of(event, refused, name, self._clock.time(), shadow=shadow)
        self._outbox.put(notice, notify)

    def _is_known(self, what: tuple[object, ...] | None) -> bool:
        if what is None:
            return False
        mine = object()  # of two threads at once, one finds its own
        is_known = self._known.setdefault(what, mine) is not mine
        if len(self._known) > _REMEMBERED:
            self._known.pop(next(iter(self._known)), None)
        return is_known


def _what(event: str, refused: Refused, *, shadow: bool) -> tuple[object, ...] | None:
    """What makes two notices the same; ``None``: this one is like no other."""
    decision, call = refused.decision, refused.call
    if not isinstance(decision, Exceeded | Circling):
        return event, call.caller.run_id, call.ask.provider, call.ask.model
    if not refused.shadow:
        return None
    if isinstance(decision, Circling):
        return event, decision.key, decision.finding.kind, shadow
    return event, decision.key, decision.unit, decision.limit, shadow


def _run_name(caller: Caller) -> str:
    frame = current_frame()
    if frame is not None and frame.run.run_id == caller.run_id:
        return frame.run.name
    return caller.workflow or ""
