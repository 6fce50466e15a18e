"""What is done about an agent that goes in circles: tell, hint, stop.

The rule: a stop latches the agent's scope in the state, so that other processes meet it, and
whoever swallows the error meets it again. A function's own watch stops that invocation only.
"""

from __future__ import annotations

from collections.abc import Callable

from wflo_otel.core.call import Answer, Call
from wflo_otel.core.decision import Circling
from wflo_otel.core.finding import Rung, hint_of, reason_of
from wflo_otel.core.loop import Deed
from wflo_otel.core.policy import Hint, Loops, Mode, Policy
from wflo_otel.core.scope import Caller
from wflo_otel.engine.loops import LoopWatches
from wflo_otel.engine.permit import Refusal, loop_refusal
from wflo_otel.errors import StoreError
from wflo_otel.ports import Adapters


class Ladder:
    """Warn, hint, stop."""

    def __init__(self, policy: Callable[[], Policy], adapters: Adapters) -> None:
        self._policy = policy
        self._ports = adapters
        self._watches = LoopWatches(policy, adapters.similarity)

    def hints(self, run_id: str) -> tuple[str, ...]:
        """What the agents of a run were warned of, oldest first."""
        return self._watches.hints(run_id)

    def after_fork(self) -> None:
        """Forget, in a child process, what its parent has seen: a lock may be held for ever."""
        self._watches = LoopWatches(self._policy, self._ports.similarity)

    def watches(self, caller: Caller) -> bool:
        """Whether anybody watches what a caller does."""
        return self._policy().loops is not None or bool(caller.loops)

    def asking(self, call: Call) -> Refusal | str:
        """A model is about to be asked.

        Returns:
            Why it may not be, else what it is to be told in the request: mostly nothing.
        """
        if not self.watches(call.caller):
            return ""
        if (refusal := self.stopped(call)) is not None:
            return refusal
        circling = self._watches.turning(call)
        if circling is None:
            return ""
        self._tell(call, circling)
        if circling.finding.rung is Rung.STOP:
            return loop_refusal(call, circling)
        options = self._policy().loops
        injects = options is not None and options.hint is Hint.INJECT
        is_hint = circling.finding.rung is Rung.HINT
        return hint_of(circling.finding) if injects and is_hint and self._enforces else ""

    def answered(self, call: Call, answer: Answer) -> None:
        """A model has answered."""
        if self.watches(call.caller):
            self._watches.turned(call, answer)

    def did(self, call: Call, deed: Deed, source: str) -> None:
        """A tool has answered, as its own seam saw it; the next call meets what was found."""
        if found := self._watches.did(call.caller, deed, source):
            self._tell(call, found)

    def stuttered(self, call: Call) -> Refusal | None:
        """The answer to a call repeats one phrase on and on: why its stream is to be cut."""
        if (found := self._watches.stuttered(call.caller)) is None:
            return None
        self._tell(call, found)
        return loop_refusal(call, found)

    def stopped(self, call: Call) -> Refusal | None:
        """Say whether a function around a call was stopped in this invocation."""
        circling = self._watches.stopped(call.caller) if call.caller.loops else None
        return None if circling is None else loop_refusal(call, circling)

    def stepping(self, call: Call, name: str, options: Loops) -> Refusal | None:
        """A function that is a step of a run is about to be called once more; refuse it?"""
        circling = self._watches.stepping(call.caller, name, options)
        if circling is None:
            return None
        self._ports.telemetry.looped(call, circling)
        return loop_refusal(call, circling)

    def stepped(self, caller: Caller, name: str, key: str) -> None:
        """An invocation has ended: forget its watch."""
        self._watches.stepped(caller, name, key)

    @property
    def _enforces(self) -> bool:
        return self._policy().mode is Mode.ENFORCE

    def _tell(self, call: Call, circling: Circling) -> None:
        self._ports.telemetry.looped(call, circling)
        is_stop = circling.finding.rung is Rung.STOP
        if is_stop and self._enforces and circling.key not in dict(call.caller.loops):
            self._latch(circling)

    def _latch(self, circling: Circling) -> None:
        try:
            self._ports.state.stop(circling.key, reason_of(circling.finding))
        except StoreError as error:
            self._ports.telemetry.state_failed("stop", error, allowed=True)
