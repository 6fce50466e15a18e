"""Calls that reserve nothing: a tool's, an agent's, a decorated function's.

The rule: they never wait, and where the state cannot answer they may run, for they spend nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from wflo_otel.core.admission import Need, Reserve
from wflo_otel.core.breaker import Component, components_of, keys_of
from wflo_otel.core.call import Call
from wflo_otel.core.decision import Queued
from wflo_otel.core.policy import Mode, Policy
from wflo_otel.core.scope import scopes_of
from wflo_otel.engine.asking import Asking
from wflo_otel.engine.ladder import Ladder
from wflo_otel.engine.permit import Permit, Refusal, answered, free, stopped_refusal
from wflo_otel.ports import Clock

_NOTHING = Need(0, 0, 0, 0)


class Entrance:
    """Decides about them; what it refuses is yet to be told."""

    def __init__(
        self, policy: Callable[[], Policy], clock: Clock, asking: Asking, loops: Ladder
    ) -> None:
        self._policy = policy
        self._clock = clock
        self._asking = asking
        self._loops = loops

    def ask(self, call: Call, *around: Component) -> Permit | Refusal:
        """Decide: by what stopped its scopes, and by the breakers that it meets."""
        refusal = self.stopped(call)
        if refusal is not None:
            return refusal
        policy = self._policy()
        question = free(call, self._clock.time())
        question.components = (*components_of(call.ask, call.caller, policy.breakers), *around)
        keys = keys_of(call.ask, call.caller)
        if not question.components and not (keys and self._asking.is_forced_open(keys)):
            return question
        question.reserved = True
        request = Reserve(call.call_id, _NOTHING, "", float("inf"), policy.mode is Mode.ENFORCE)
        answer = self._asking.admit(question, request)
        assert not isinstance(answer, Queued)  # noqa: S101  # nothing is asked of any ledger
        return answered(question, answer, 0.0)

    def stopped(self, call: Call) -> Refusal | None:
        """Say whether the run of a call, or what is around it, was stopped."""
        policy = self._policy()
        if policy.mode is Mode.SHADOW:
            return None
        stop = self._asking.stop_of(scopes_of(call.caller, policy, self._clock.time()))
        return self._loops.stopped(call) if stop is None else stopped_refusal(call, stop)
