"""Trying a request again on the wire, where the policy says so.

The rules: only an answer that says it may pass is tried again, before anything of it was handed
on, and only a call whose body can be sent again; a connection that is lost is the SDK's to try
again. Each attempt asks for its own permit and is charged by itself. The answer that is handed
on tells the SDK not to try again, so that the attempts do not multiply.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from wflo_otel.core.policy import Mode, Retry
from wflo_otel.core.retry import Again, Failure, FailureKind, is_transient
from wflo_otel.seams.http.logical import LogicalCall, in_logical_call
from wflo_otel.wire.api import RouteKind
from wflo_otel.wire.retry_after import retry_after_s, should_retry

if TYPE_CHECKING:
    import httpx

    from wflo_otel.seams.http.boarding import Boarding

_FROM_ERRORS = 400


class Tries:
    """The attempts of one request. Without a policy for it there is one."""

    def __init__(self, boarding: Boarding, body: bytes | None) -> None:
        self.active = boarding.active
        policy = self.active.engine.policy
        may = body is not None and boarding.route.kind is RouteKind.CALL
        enforced = may and policy.mode is Mode.ENFORCE
        self._retry: Retry | None = policy.retries if enforced else None
        #: Which attempt is made, from 0.
        self.number = 0
        if self._retry is not None:
            self._began = self.active.clock.monotonic()
            self._component = f"provider:{boarding.route.provider_hint or boarding.route.api.name}"
            self.active.retry_budgets.pay_in(self._component, self._retry)

    def together(self) -> AbstractContextManager[None]:
        """Inside this block all attempts are shown on one span."""
        return LogicalCall() if self._retry and not in_logical_call() else nullcontext()

    def after(self, response: httpx.Response) -> float | None:
        """The pause before the next attempt, in seconds; ``None``: hand the answer on."""
        if self._retry is None or response.status_code < _FROM_ERRORS:
            return None
        failure = self._failure(response)
        if not is_transient(failure):
            return None
        decided = self.active.retry_budgets.decide(
            self._component,
            self._retry,
            failure,
            attempt=self.number + 1,
            elapsed_s=self.active.clock.monotonic() - self._began,
        )
        if isinstance(decided, Again):
            self.number += 1
            return decided.after_s
        response.headers["x-should-retry"] = "false"
        return None

    def _failure(self, response: httpx.Response) -> Failure:
        headers = {name.lower(): value for name, value in response.headers.items()}
        status, now = response.status_code, self.active.clock.time()
        return Failure(
            FailureKind.STATUS,
            status,
            retry_after_s=retry_after_s(headers, status=status, now=now),
            advice=should_retry(headers),
        )
