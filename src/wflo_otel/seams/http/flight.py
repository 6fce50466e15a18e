"""One guarded request, from the question whether it may leave to the charge for its answer.

The drivers in :mod:`wflo_otel.seams.http.patch` do the I/O; everything else is here, once for
synchronous and asynchronous clients. The rule: a permit is closed exactly once, whatever way
the request ends.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from contextvars import ContextVar
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from opentelemetry import trace

from wflo_otel.core.call import Answer, Ask, CallRecord, Heard, Outcome, Status
from wflo_otel.core.money import to_usd
from wflo_otel.core.policy import Mode
from wflo_otel.core.scope import Caller
from wflo_otel.engine import Permit, Refusal
from wflo_otel.engine.tasks import on_event_loop
from wflo_otel.errors import PolicyViolationError
from wflo_otel.seams.http import background, batch
from wflo_otel.seams.http.keeping import Keep
from wflo_otel.seams.http.logical import Passing, carry, passable, span_of_attempt
from wflo_otel.seams.http.outgoing import UNCOMPRESSED, Outgoing
from wflo_otel.seams.http.span import CallSpan, span_for
from wflo_otel.seams.open_call import outer_permit
from wflo_otel.seams.refusal import dress
from wflo_otel.telemetry.outcomes import mark_resend
from wflo_otel.wire.api import RouteKind
from wflo_otel.wire.dialects import provider_of_model

if TYPE_CHECKING:
    from wflo_otel.seams.http.boarding import Boarding

P = TypeVar("P", bound=Outgoing)

#: No cap is that large: a request whose body may not change is refused rather than clamped.
_UNCAPPABLE = 2**31

#: After these an SDK may try again, so the attempt is told by itself.
_TRIED_AGAIN = frozenset({Status.ERROR, Status.UNKNOWN})


class Flight(Generic[P]):
    """A request on its way. Made for one request, used by one thread or task at a time."""

    def __init__(self, boarding: Boarding, ask: Ask, parcel: P, attempt: int = 0) -> None:
        self.active = boarding.active
        self.route = boarding.route
        self.ask = ask
        self.hides_usage = False
        #: The first exchange on the wire has taken this flight's permit.
        self.is_taken = False
        self.is_sending = False
        #: What the attempt failed with: the provider's own code for it, where it has one.
        self.error_type: str | None = None
        #: Keeps the answer; ``None`` where nobody may meet it again.
        self.keeps: Keep | None = None
        self.parcel = parcel
        self._signed = boarding.fields.is_signed
        self._permit: Permit | None = None
        #: What is sent.
        self.sent = parcel
        self.call = self.active.call(
            ask,
            boarding.caller,
            attempt=boarding.fields.attempt + attempt,
            least_cap=self._least_cap(),
            heard=self._heard(boarding.caller),
        )
        self.outer = outer_permit() if self.route.kind is RouteKind.CALL else None
        self.span = self._span()

    def _least_cap(self) -> int:
        if self.ask.streaming or self.parcel.body is None:
            return 1
        if self._signed:
            return _UNCAPPABLE
        return self.route.api.least_cap(self.route, self.parcel.body)

    def _heard(self, caller: Caller) -> Heard | None:
        """What tools answered; the body is read again only where somebody watches for loops."""
        body = self.parcel.body
        if body is None or not self.active.engine.loops.watches(caller):
            return None
        return self.route.api.heard(self.route, body)

    def _span(self) -> CallSpan:
        around = in_flight()
        if around is not None and around.span.hold():
            return around.span
        host, port = self.parcel.address
        return span_of_attempt(partial(span_for, self.active, self.call, host, port))

    @property
    def permit(self) -> Permit:
        """The right to run; there is one once it was admitted."""
        assert self._permit is not None  # noqa: S101  # the drivers admit first
        return self._permit

    # -- before it leaves ---------------------------------------------------------------------

    def admit(self) -> P:
        """Ask whether it may leave, waiting in this thread; return the request to send.

        Raises:
            PolicyViolationError: it may not.
        """
        try:
            with self.span.current():
                return self._admitted(self._fetched() or self._ask_engine())
        except BaseException as error:
            self.stays(error)
            raise

    async def admit_async(self) -> P:
        """Ask whether it may leave, awaiting the answer.

        Raises:
            PolicyViolationError: it may not.
        """
        engine = self.active.engine
        try:
            with self.span.current():
                return self._admitted(
                    self._fetched() or await engine.admit_async(self.call, adopting=self.outer)
                )
        except BaseException as error:
            self.stays(error)
            raise

    def _ask_engine(self) -> Permit | Refusal:
        engine = self.active.engine
        return engine.admit(self.call, adopting=self.outer, may_wait=not on_event_loop())

    def _fetched(self) -> Permit | None:
        if self.route.kind is not RouteKind.FETCH:
            return None
        return self.active.engine.fetch(self.call)

    def stays(self, error: BaseException) -> None:
        """It does not leave: give back what was reserved for it."""
        for permit in (self.outer, self._permit):
            if permit is not None:
                self.active.engine.void(permit)
        self.span.failed(type(error).__name__)
        self.span.release()
        carry(error)

    def _admitted(self, answer: Permit | Refusal) -> P:
        if isinstance(answer, Refusal):
            raise dress(answer.error())
        self._permit = answer
        self.span.identify(answer)
        self.sent = self._outgoing()
        return self.sent

    def _outgoing(self) -> P:
        """The request as it leaves: with a smaller cap, a hint, or asking for usage, if needed."""
        parcel, body = self.parcel, self.parcel.body
        if body is None or self.route.kind is not RouteKind.CALL:
            return parcel
        hinted = self._hinted(body)
        if hinted is not None:
            parcel, body = parcel.with_body(hinted), hinted
        if (cap := self.permit.cap_to_write) is not None:
            return parcel.with_body(self._capped(body, cap))
        if self.ask.streaming and not self._signed and not self._shadows():
            asking = self.route.api.with_usage(self.route, body)
            if asking is not None:
                self.hides_usage = True
                return parcel.with_body(asking, UNCOMPRESSED)
        return parcel

    def _hinted(self, body: bytes) -> bytes | None:
        if not self.permit.hint or self._signed:
            return None
        return self.route.api.with_hint(self.route, body, self.permit.hint)

    def _capped(self, body: bytes, cap: int) -> bytes:
        capped = self.route.api.with_cap(self.route, body, cap)
        if capped is None:  # it does not fit, and cannot be made to
            raise dress(self.active.engine.cut(self.permit).error())
        self.span.clamped(cap)
        return capped

    def _shadows(self) -> bool:
        return self.active.engine.policy.mode is Mode.SHADOW

    # -- on its way ---------------------------------------------------------------------------

    def sending(self) -> AbstractContextManager[None]:
        """Send inside this block; what is raised there closes the permit."""
        return _Sending(self)

    def take(self, request: object) -> bool:
        """Whether this is the first exchange on the wire for this call; False for every other."""
        if self.is_taken or not self.sent.carries(request):
            return False
        self.is_taken = True
        current = trace.get_current_span()
        if current is not self.span.span:
            mark_resend(current, self.call.attempt)
        return True

    def failed(self, error: BaseException) -> None:
        """Sending raised: give back what was reserved if nothing left, else charge it."""
        kind = type(error).__name__
        if isinstance(error, (PolicyViolationError, Passing)):
            self.span.failed(kind)
            self.void()
        elif isinstance(error, self.sent.never_sent):
            self.span.failed(kind)
            self.void(Outcome(Status.ERROR, error_type=kind))
        elif isinstance(error, Exception):
            self.settle(Outcome(Status.UNKNOWN, error_type=kind))
        else:
            self.settle(Outcome(Status.CANCELLED, error_type=kind))

    # -- after it -----------------------------------------------------------------------------

    def settle(self, outcome: Outcome) -> CallRecord | None:
        """Charge what the exchange used."""
        self.error_type = outcome.error_type
        if batch.took(self, outcome) or background.took(self, outcome):
            return None
        with self.span.current():
            record = self.active.engine.settle(self.permit, outcome)
        self.shown(record, outcome.answer)
        return record

    def stutters(self) -> bool:
        """Whether a stream that repeats one phrase on and on is to be cut."""
        with self.span.current():
            return self.active.engine.stutters(self.permit)

    def cut(self, outcome: Outcome) -> BaseException:
        """Charge a stream that was cut, and say why it may not go on."""
        with self.span.current():
            refusal = self.active.engine.cut(self.permit)
        record = self.settle(outcome)
        charged_usd = to_usd(record.cost if record else 0)
        return passable(dress(refusal.error(sent=True, charged_usd=charged_usd)))

    def void(self, outcome: Outcome | None = None) -> None:
        """Give back what was reserved: the provider did no work."""
        if not self.permit.closed:
            self.active.engine.void(self.permit, outcome)
            self.span.release()

    def shown(self, record: CallRecord | None, answer: Answer) -> None:
        """Show a charge on the span, and let go of it."""
        if record is None:
            return
        self.span.charged(record, answer, self.permit.price.catalogue)
        charges = self.span.charges
        if charges > 1 or record.attempt or record.status in _TRIED_AGAIN:
            attempt = max(record.attempt + 1, charges)
            self.active.telemetry.attempted(record, attempt, self.span.span)
        self.span.release()

    def response_key(self, answer: Answer) -> str | None:
        """What names a response that may be fetched again."""
        response_id = self.route.response_id or answer.response_id
        if response_id is None:
            return None
        provider = self.route.provider_hint or provider_of_model(answer.model)
        return f"{provider or self.ask.provider}:{response_id}"

    def charge_once(self, answer: Answer) -> str | None:
        """The key of a response that is being fetched; ``None`` on a call."""
        return self.response_key(answer) if self.route.kind is RouteKind.FETCH else None


class _Sending(AbstractContextManager[None]):
    """A block in which a flight is sent. A class, for a generator takes four times as long."""

    __slots__ = ("_current", "_flight", "_token")

    def __init__(self, flight: Flight[Any]) -> None:
        self._flight = flight
        self._current = flight.span.current()

    def __enter__(self) -> None:
        flight = self._flight
        flight.span.hold()
        self._token = _flight.set(flight)
        flight.is_sending = True
        self._current.__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        flight = self._flight
        try:
            self._current.__exit__(kind, error, traceback)
            if error is not None:
                flight.failed(error)
        finally:
            flight.is_sending = False
            _flight.reset(self._token)
            flight.span.release()


_flight: ContextVar[Flight[Any] | None] = ContextVar("wflo-flight", default=None)


def in_flight() -> Flight[Any] | None:
    """The flight that this code is the sending of."""
    flight = _flight.get()
    return flight if flight is not None and flight.is_sending else None
