"""Trying a request again on the wire, where the policy says so.

The rules: only what may pass is tried again, an answer that says so or a connection that is
lost, before anything of an answer was handed on, and only a call whose body can be sent again.
Each attempt asks for its own permit and is charged by itself. What is handed on in the end keeps
the SDK from trying again, so that the attempts do not multiply: an answer says so, and an error
meets the SDK's next attempt before that is sent. Where an SDK must sign each attempt it makes
them itself, and asks here whether another follows.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from wflo_otel.core.policy import Mode, Retry
from wflo_otel.core.retry import (
    Again,
    FailedAttempt,
    Failure,
    FailureKind,
    GiveUp,
    Reason,
    Verdict,
    is_transient,
)
from wflo_otel.seams.failures import failure_of, is_refusal, mark_final
from wflo_otel.seams.http.logical import LogicalCall, in_logical_call, logical_call
from wflo_otel.seams.http.outgoing import Outgoing
from wflo_otel.wire.api import RouteKind
from wflo_otel.wire.retry_after import retry_after_s, should_retry

if TYPE_CHECKING:
    from wflo_otel.seams.http.boarding import Boarding
    from wflo_otel.seams.http.flight import Flight

P = TypeVar("P", bound=Outgoing)

_FROM_ERRORS = 400


class Decided(NamedTuple):
    """What follows an attempt that the SDK made: a pause in seconds and another; ``None``: none."""

    pause_s: float | None


class Tries:
    """The attempts of one request. Without a policy for it there is one."""

    def __init__(self, boarding: Boarding, body: bytes | None) -> None:
        self.active = boarding.active
        self._boarding, self._body = boarding, body
        policy = self.active.engine.policy
        may = body is not None and boarding.route.kind is RouteKind.CALL
        enforced = may and policy.mode is Mode.ENFORCE
        self._retry: Retry | None = policy.retries if enforced else None
        #: Which attempt is made, from 0.
        self.number = 0
        #: Where the SDK makes the attempts: what was decided after the last; ``None``: nothing.
        self.decided: Decided | None = None
        self._component = ""
        self._began = self.active.clock.monotonic()
        if self._retry is not None:
            self._meet_again()

    def _meet_again(self) -> None:
        """Raise what the attempts of the same request ended with: the SDK tries it once more."""
        call = logical_call()
        if call is not None and call.ended_with is not None:
            error, body = call.ended_with
            if body == self._body:
                raise error

    @property
    def are_decided(self) -> bool:
        """Whether the policy says what is tried again."""
        return self._retry is not None

    def together(self) -> AbstractContextManager[None]:
        """Inside this block all attempts are shown on one span."""
        return LogicalCall() if self._retry and not in_logical_call() else nullcontext()

    def flight(self, parcel: P) -> Flight[P] | None:
        """The next attempt; ``None``: it is no call, and is let pass."""
        flight = self._boarding.flight(parcel, self.number)
        if flight is not None:
            self.joined(flight)
        return flight

    def joined(self, flight: Flight[Any]) -> None:
        """Know an attempt as one of these."""
        if self._retry is not None and not self._component:
            self._component = f"provider:{flight.ask.provider}"
            self.active.retry_budgets.pay_in(self._component, self._retry)

    def may_follow(
        self, flight: Flight[Any], status: int, headers: MutableMapping[str, str]
    ) -> bool:
        """Whether an answer may be followed by another attempt, as far as its head tells."""
        if self._retry is None:
            return False
        if status < _FROM_ERRORS:
            if self.number:
                self.active.telemetry.recovered(self._component)
            return False
        if is_transient(self._failure(status, headers, None)):
            return True
        self._tell(flight, str(status), GiveUp(Reason.FINAL))
        return False

    def after(
        self, flight: Flight[Any], status: int, headers: MutableMapping[str, str]
    ) -> float | None:
        """The pause after an answer that may be followed by another attempt, in seconds.

        The answer was read, so that the flight knows the provider's own code for the error.
        Where it is handed on, its headers tell the SDK not to try again.

        Returns:
            ``None``: hand the answer on.
        """
        failure = self._failure(status, headers, flight.error_type)
        pause_s = self._pause_s(flight, failure, flight.error_type or str(status))
        if pause_s is None:
            headers["x-should-retry"] = "false"
        return pause_s

    def after_error(self, flight: Flight[Any], error: Exception) -> float | None:
        """The pause after sending raised, in seconds; ``None``: the error must come out."""
        if self._retry is None or is_refusal(error):
            return None
        failure = failure_of(error, self.active.clock.time())
        pause_s = self._pause_s(flight, failure, type(error).__name__)
        if pause_s is None:
            self._end_with(error)
        return pause_s

    def _end_with(self, error: Exception) -> None:
        mark_final(error)
        call = logical_call()
        if call is not None:
            call.ended_with = error, self._body

    def _pause_s(self, flight: Flight[Any], failure: Failure, error_type: str) -> float | None:
        decided = self._decide(failure)
        self._tell(flight, error_type, decided)
        if not isinstance(decided, Again):
            return None
        self.number += 1
        return decided.after_s

    def _decide(self, failure: Failure) -> Verdict:
        if self._retry is None or not is_transient(failure):
            return GiveUp(Reason.FINAL)
        return self.active.retry_budgets.decide(
            self._component,
            self._retry,
            failure,
            attempt=self.number + 1,
            elapsed_s=self.active.clock.monotonic() - self._began,
        )

    def _tell(self, flight: Flight[Any], error_type: str, decided: Verdict) -> None:
        failed = FailedAttempt.of(self._component, self.number + 1, error_type, decided)
        with flight.span.current():
            self.active.telemetry.retried(failed, flight.call.caller)

    def _failure(self, status: int, headers: MutableMapping[str, str], code: str | None) -> Failure:
        told = {name.lower(): value for name, value in headers.items()}
        asked_s = retry_after_s(told, status=status, now=self.active.clock.time())
        return Failure(FailureKind.STATUS, status, code, asked_s, should_retry(told))


def tries_of(boarding: Boarding, body: bytes | None) -> Tries | None:
    """The attempts of the SDK's call in progress; ``None``: the SDK decides by itself."""
    call = logical_call()
    if call is None:
        return None
    if call.tries is None:
        call.tries = Tries(boarding, body)
    return call.tries if call.tries.are_decided else None
