"""The engine: admit, settle, void, and what must be done in between."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from functools import partial

from wflo_otel.core.admission import Reserve
from wflo_otel.core.breaker import Component, components_of
from wflo_otel.core.call import Answer, Call, CallRecord, Outcome, Status
from wflo_otel.core.decision import Queued
from wflo_otel.core.ledger import Amount
from wflo_otel.core.loop import Deed
from wflo_otel.core.policy import Loops, Mode, Policy
from wflo_otel.core.usage import NOTHING
from wflo_otel.engine.asking import Asking, StateAnswer
from wflo_otel.engine.entrance import Entrance
from wflo_otel.engine.going_back import GoingBack
from wflo_otel.engine.growth import Growth
from wflo_otel.engine.ladder import Ladder
from wflo_otel.engine.metering import failure_of, meter, record_of
from wflo_otel.engine.notes import note
from wflo_otel.engine.permit import (
    Permit,
    Refusal,
    answered,
    budget_refusal,
)
from wflo_otel.engine.refusals import Refusals
from wflo_otel.engine.settlement import Settlements
from wflo_otel.engine.sizing import Sizing, patience
from wflo_otel.engine.unrecognised import Strangers
from wflo_otel.engine.waiting import Wait, Waiters, drive, drive_async
from wflo_otel.errors import StoreError
from wflo_otel.ports import Adapters, LedgerView, Observation

#: How long a waiting call sleeps before it asks again by itself: others may share the state.
_FIRST_LOOK_S, _LONGEST_LOOK_S = 0.02, 0.5

#: Sources of a cost whose usage the provider never told: nothing is learned from it.
_UNTOLD = frozenset({"estimate", "reserved"})


@dataclass(frozen=True, slots=True)
class _Turn:
    """A call that must wait for others, and since when."""

    question: Permit
    request: Reserve
    queued: Queued
    began: float


class Engine:
    """Decides about calls. Thread-safe; holds no lock while a call runs."""

    def __init__(self, policy: Callable[[], Policy], adapters: Adapters) -> None:
        self._policy = policy
        self._ports = adapters
        self._waiters = Waiters()
        self._later: deque[Callable[[], object]] = deque()
        self._sizing = Sizing(policy, adapters)
        self._asking = Asking(policy, adapters)
        self._refusals = Refusals(adapters)
        self.loops = Ladder(policy, adapters)
        self._entrance = Entrance(policy, adapters.clock, self._asking, self.loops)
        self.strangers = Strangers(policy, adapters, self._refusals)
        self._growth = Growth(policy, adapters)
        self._settlements = Settlements(adapters)
        self._going_back = GoingBack(policy, adapters)
        self._unwatch = adapters.state.watch(self._waiters.wake)

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        return self._policy()

    # -- admit --------------------------------------------------------------------------------

    def admit(
        self, call: Call, *, adopting: Permit | None = None, may_wait: bool = True
    ) -> Permit | Refusal:
        """Decide about a call, waiting in this thread where only others stand in the way.

        Args:
            call: the call that wants to run.
            adopting: the open permit of an outer seam for the same call; it is resized.
            may_wait: False on the thread of a running event loop: refuse instead.
        """
        asked = self._ask(call, adopting)
        if isinstance(asked, _Turn):
            asked = drive(self._waiting(asked, may_wait=may_wait))
        return self._concluded(asked, adopting)

    async def admit_async(self, call: Call, *, adopting: Permit | None = None) -> Permit | Refusal:
        """Decide about a call, awaiting where only others stand in the way."""
        asked = self._ask(call, adopting)
        if isinstance(asked, _Turn):
            asked = await drive_async(self._waiting(asked, may_wait=True))
        return self._concluded(asked, adopting)

    def observe(self, call: Call, *, adopting: Permit | None = None) -> Permit:
        """Count a call that nobody can stop; it never waits.

        What would have refused it is told as in shadow mode, and latches all the same.
        """
        asked = self._ask(call, adopting, enforce=False)
        if isinstance(asked, Permit):
            if self._policy().mode is Mode.ENFORCE:
                self._settlements.latch(asked.granted.instead)
                self._going_back.after(asked.granted.instead, call.caller)
            return self._opened(asked)
        if isinstance(asked, Refusal):
            self._refusals.shown(asked)
        return self.fetch(call)

    def _ask(
        self, call: Call, adopting: Permit | None, *, enforce: bool = True
    ) -> Permit | Refusal | _Turn:
        """Ask the state once: most calls need not wait, and pay nothing for those that do."""
        self.tend()
        if adopting is not None:
            call = replace(call, call_id=adopting.call.call_id)
            adopting.adopted = True
        mode = self._policy().mode
        circling = self.loops.asking(call)
        if isinstance(circling, Refusal):
            if enforce and mode is Mode.ENFORCE:
                return circling
            self._refusals.shown(circling)
        question = self._sizing.question(call)
        if isinstance(question, Refusal):
            return question
        question.hint = circling if isinstance(circling, str) else ""
        question.components = components_of(call.ask, call.caller, self._policy().breakers)
        request = Reserve(
            call.call_id,
            self._sizing.need(question),
            call.owner,
            expires_at=float("inf"),
            enforce=enforce and mode is Mode.ENFORCE,
        )
        answer = self._asking.admit(question, request)
        if isinstance(answer, Queued):
            return _Turn(question, request, answer, self._ports.clock.monotonic())
        return answered(question, answer, 0.0)

    def _waiting(self, turn: _Turn, *, may_wait: bool) -> Generator[Wait, None, Permit | Refusal]:
        """Ask the state until it grants, refuses, or the patience of a budget ends."""
        clock, question, look = self._ports.clock, turn.question, _FIRST_LOOK_S
        answer: StateAnswer = turn.queued
        released = self._waiters.join()
        try:
            while True:
                # Also at first: what was released before joining has woken nobody here.
                answer = self._asking.admit(question, turn.request)
                waited = clock.monotonic() - turn.began
                if not isinstance(answer, Queued):
                    return answered(question, answer, waited)
                left = patience(question.scopes, answer) - waited
                if left <= 0 or not may_wait:
                    note(self._ports, question.call, "refused", "waited")
                    return budget_refusal(question.call, answer.otherwise)
                yield Wait(released, min(look, left))
                look = min(look * 2, _LONGEST_LOOK_S)
                if released.done():
                    released, look = self._waiters.join(), _FIRST_LOOK_S
        finally:
            self._waiters.leave(released)
            if isinstance(answer, Queued):
                self._settlements.leave(question.call.call_id)

    def _concluded(self, answer: Permit | Refusal, adopting: Permit | None) -> Permit | Refusal:
        if isinstance(answer, Permit):
            return self._opened(answer)
        if adopting is not None:
            self.void(adopting)
        refused = self._refusals.refused(answer)
        self._going_back.after(answer.decision, answer.call.caller)
        return refused

    def _opened(self, permit: Permit) -> Permit:
        self._settlements.open(permit)
        self._settlements.moved(permit.granted.transitions)
        if permit.granted.instead is not None:
            self._refusals.shown_instead(permit)
        return permit

    def fetch(self, call: Call) -> Permit:
        """Let a response that exists already be fetched: it reserves nothing."""
        self.tend()
        return self._sizing.fetched(call)

    # -- while it runs ------------------------------------------------------------------------

    def may_go_on(self, permit: Permit, answer: Answer) -> bool:
        """Whether a stream may go on after what it gave so far; its reservation grows if it can.

        Sets ``permit.look_again_at``: before that many output tokens there is no need to ask.
        """
        return self._growth.may_go_on(permit, answer)

    def stutters(self, permit: Permit) -> bool:
        """Whether a stream that repeats one phrase on and on is to be cut."""
        refusal = self.loops.stuttered(permit.call)
        if refusal is None:
            return False
        if self._policy().mode is Mode.SHADOW:
            self._refusals.shown(refusal)
            return False
        permit.stutters = refusal
        return True

    def cut(self, permit: Permit) -> Refusal:
        """Say why a stream was cut: that it repeats itself, or which budget has nothing left."""
        if permit.stutters is not None:
            return self._refusals.refused(permit.stutters)
        return self._refusals.refused(budget_refusal(permit.call, self._growth.tightest(permit)))

    # -- calls that cost nothing by themselves -------------------------------------------------

    def enter(self, call: Call, *around: Component) -> Permit | Refusal:
        """Decide about a call that reserves nothing: a tool's, or a decorated function's.

        It is refused as :meth:`stopped` says, or where a breaker that it meets is open: its
        tool's, also one that was only opened by hand, and those of ``around``. It never waits.
        Where the state cannot answer the call may run: it spends nothing. A permit is handed to
        :meth:`leave`.
        """
        answer = self._entrance.ask(call, *around)
        if isinstance(answer, Permit) and not answer.reserved:
            return answer
        return self._concluded(answer, None)

    def stopped(self, call: Call) -> Refusal | None:
        """Say whether the run of a call, or what is around it, was stopped."""
        refusal = self._entrance.stopped(call)
        return None if refusal is None else self._refusals.refused(refusal)

    def stepping(self, call: Call, name: str, options: Loops) -> Refusal | None:
        """Say whether a function that counts its steps in a run has taken them all."""
        refusal = self.loops.stepping(call, name, options)
        if refusal is not None and self._policy().mode is Mode.ENFORCE:
            return self._refusals.refused(refusal)
        if refusal is not None:
            self._refusals.shown(refusal)
        return None

    def did(self, call: Call, deed: Deed, source: str = "") -> None:
        """Tell what a tool has answered: the next call is refused if that goes in circles.

        ``source``: who has seen it; of several who tell of one tool in a turn one is heard.
        """
        self.loops.did(call, deed, source)

    def leave(self, permit: Permit, outcome: Outcome) -> None:
        """Tell the circuits how a call ended that :meth:`enter` let in. Idempotent."""
        self.void(permit, outcome)

    def ledgers(self, prefix: str) -> list[LedgerView]:
        """Show the ledgers whose key starts so; none where the state cannot answer."""
        return self._asking.ledgers(prefix)

    def top_up(self, key: str, more: Amount) -> LedgerView:
        """Raise the limits of a scope, and lift a stop that they had made.

        Raises:
            StoreError: the state cannot answer.
        """
        return self._ports.state.top_up(key, more)

    def keep_failure(self, permit: Permit, outcome: Outcome) -> None:
        """Keep a line of a call that failed and is charged nothing. Never raises."""
        self.record(failure_of(permit, outcome, self._ports.clock.time()))

    def record(self, record: CallRecord) -> None:
        """Keep a call that is charged nothing. Never raises."""
        try:
            self._ports.runs.record(record)
        except StoreError as error:
            self._ports.telemetry.state_failed("record", error, allowed=True)
        self._ports.telemetry.settled(record, Observation())

    # -- settle -------------------------------------------------------------------------------

    def settle(self, permit: Permit, outcome: Outcome) -> CallRecord | None:
        """Charge what a call used. Idempotent; ``None`` where it had been closed before.

        Never raises: what the state cannot take now is kept and settled later.
        """
        if not self._settlements.close(permit):
            return None
        ports, ask = self._ports, permit.call.ask
        self.loops.answered(permit.call, outcome.answer)
        metered = meter(permit, outcome, self._policy(), ports.prices, ports.tokens)
        record = record_of(permit, outcome, metered, ports.clock.time())
        if not self._settlements.settle(permit, record, outcome):
            return replace(record, cost=0, usage=NOTHING)
        if metered.source not in _UNTOLD:
            whole = outcome.status is Status.OK and not permit.granted.clamped
            agent = permit.call.caller.agent
            ports.tokens.learn(ask, agent, metered.usage, whole=whole, estimate=permit.estimate)
        observed = Observation(permit.estimate.expected, permit.waited_s, ask.model or "")
        ports.telemetry.settled(record, observed)
        return record

    def void(self, permit: Permit, outcome: Outcome | None = None) -> None:
        """Give back what a call reserved: it never reached the provider.

        ``outcome`` tells the circuit breakers why, where that says something about a component.
        """
        if self._settlements.close(permit):
            self._settlements.void(permit, outcome)

    def settle_later(self, permit: Permit, outcome: Outcome) -> None:
        """Settle from a finalizer: takes no lock, does no work, may run anywhere."""
        self.do_later(partial(self.settle, permit, outcome))

    def do_later(self, work: Callable[[], object]) -> None:
        """Leave work for the next :meth:`tend`: for finalizers, which may take no lock."""
        self._later.append(work)

    def tend(self) -> None:
        """Do what was left for later. Called before each admission and by the housekeeper."""
        while self._later:
            self._later.popleft()()
        self._settlements.retry()

    def renew(self) -> None:
        """Say to the state that the open calls of this process are still open."""
        self._settlements.renew()

    def after_fork(self) -> None:
        """Forget, in a child process, what its parent has open."""
        self._later.clear()
        self._waiters = Waiters()
        self._settlements = Settlements(self._ports)
        self.loops.after_fork()
        self._ports.state.after_fork()
        self._unwatch = self._ports.state.watch(self._waiters.wake)

    def close(self) -> None:
        """Settle what is left and release the state."""
        self.tend()
        self._unwatch()
