"""A response on its way to the caller: looked at as it passes, settled where it ends.

The rule: settled exactly once, by the first of end, error, cut, close and garbage collection.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from wflo_otel.core.call import Answer, Outcome, Status
from wflo_otel.core.stutter import Stutter
from wflo_otel.seams.http.collection import in_collection
from wflo_otel.seams.http.flight import Flight
from wflo_otel.seams.http.keeping import Notes
from wflo_otel.seams.http.reading import Head, Reading, reading_of
from wflo_otel.wire.retry_after import retry_after_s


def landing(flight: Flight[Any], head: Head) -> Arrival | None:
    """Look after a response; ``None``: nothing was paid for, its call is closed."""
    if 300 <= head.status < 400:  # the next hop is a request of its own
        flight.void()
        return None
    reading = reading_of(
        flight.route.api, head, streaming=flight.ask.streaming, hides=flight.hides_usage
    )
    return Arrival(flight, reading, head)


class Arrival:
    """What is known of one response, and what is to be done when it ends."""

    def __init__(self, flight: Flight[Any], reading: Reading, head: Head) -> None:
        self.flight = flight
        self._reading = reading
        self._status = head.status
        self._headers = head.headers
        self._is_settled = False
        self._must_cut = False
        self._is_decoded = False
        self._stutters = False
        self._stutter: Stutter | None = None
        if flight.active.engine.loops.watches(flight.call.caller):
            self._stutter = Stutter()
            self._reading.listen(self._hear)
        self._notes = None if flight.keeps is None else Notes(flight.keeps)

    @property
    def rewrites(self) -> bool:
        """Whether what is handed on may be shorter than what came, and is decoded."""
        reading = self._reading
        return self.flight.hides_usage and reading.is_stream and not reading.is_unreadable

    def decoded(self) -> None:
        """The bytes that come are decoded already."""
        self._reading.is_decoded()
        self._is_decoded = True

    def passed(self, data: bytes) -> bytes:
        """Take a piece; return what to hand on."""
        reading, permit = self._reading, self.flight.permit
        shown = reading.feed(data)
        if self._notes is not None:
            self._notes.take(shown)
        if reading.is_stream and reading.tokens() >= permit.look_again_at and not self._is_settled:
            answer = reading.answer()
            going_on = answer.complete or self.flight.active.engine.may_go_on(permit, answer)
            self._must_cut = not going_on
        if self._stutters and not self._is_settled:
            self._must_cut = self.flight.stutters() or self._must_cut
            self._stutters = False
        return shown

    def _hear(self, piece: str) -> None:
        if self._stutter is not None and self._stutter.add(piece):
            self._stutter, self._stutters = None, True  # it is told once

    def must_cut(self) -> bool:
        """Whether the stream may not go on."""
        return self._must_cut

    def cut(self) -> BaseException:
        """Settle what was seen, and say why it may not go on."""
        self._is_settled = True
        self._must_cut = False
        return self.flight.cut(self._outcome(Status.CUT, self._reading.answer()))

    def ended(self) -> bytes:
        """Settle a response that is over; return what was held back."""
        held = self._reading.finish()
        if not self._is_settled:
            self._is_settled = True
            if self._notes is not None:
                self._notes.take(held)
            answer = self._reading.answer()
            self._settle(self._outcome(self._status_at_end(answer), answer))
        return held

    def broke(self, error: BaseException) -> None:
        """Settle a response of which reading failed, or was cancelled."""
        if self._is_settled:
            return
        self._is_settled = True
        status = Status.ERROR if self._reading.is_stream else Status.UNKNOWN
        if not isinstance(error, Exception):
            status = Status.CANCELLED
        answer = self._reading.answer()
        self.flight.settle(self._outcome(status, answer, type(error).__name__))

    def closed(self) -> None:
        """Settle a response that the caller closed: whole, or before its end."""
        if self._is_settled:
            return
        if in_collection():
            self.dropped()
            return
        self._is_settled = True
        self._reading.finish()
        answer = self._reading.answer()
        self._settle(self._outcome(self._status_when_left(answer), answer))

    def dropped(self) -> None:
        """Leave a note for a response that nobody closed."""
        if self._is_settled:
            return
        self._is_settled = True
        answer = self._reading.answer()
        outcome = self._outcome(self._status_when_left(answer), answer)
        self.flight.active.engine.do_later(partial(self._settle, outcome))

    def _settle(self, outcome: Outcome) -> None:
        """Keep a whole answer, where it may be met again, before it is charged."""
        if self._notes is not None and outcome.status is Status.OK:
            is_decoded = self._is_decoded or self.rewrites
            self._notes.finish(self._status, self._headers, is_decoded=is_decoded)
        self.flight.settle(outcome)

    def _status_at_end(self, answer: Answer) -> Status:
        if self._status >= 400 or answer.error_type is not None:
            return Status.ERROR
        if self._reading.is_unreadable:
            return Status.UNKNOWN
        if self._reading.is_stream and not answer.complete:
            return Status.ERROR
        return Status.OK

    def _status_when_left(self, answer: Answer) -> Status:
        if self._status >= 400 or answer.complete:
            return self._status_at_end(answer)
        return Status.ABANDONED

    def _outcome(self, status: Status, answer: Answer, error_type: str | None = None) -> Outcome:
        if error_type is None and status is Status.ERROR:
            error_type = answer.error_type or self._default_error()
        return Outcome(
            status,
            answer,
            http_status=self._status,
            error_type=error_type,
            charge_once=self.flight.charge_once(answer),
            retry_after_s=self._retry_after() if self._status >= 400 else None,
        )

    def _retry_after(self) -> float | None:
        now = self.flight.active.clock.time()
        return retry_after_s(self._headers, status=self._status, now=now)

    def _default_error(self) -> str:
        return str(self._status) if self._status >= 400 else "incomplete_stream"
