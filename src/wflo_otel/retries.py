"""``with_retry``: try again what fails in a way that may pass, and keep what fails for good.

>>> import wflo_otel as wflo
>>> @wflo.with_retry(max_attempts=3)
... async def call_api(): ...
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast, overload

from wflo_otel.bootstrap import ensure_configured
from wflo_otel.core.dead_letter import DeadLetter
from wflo_otel.core.policy import Backoff, Retry
from wflo_otel.seams.functions import rewrap
from wflo_otel.seams.retry_loops import tried_again
from wflo_otel.seams.retry_options import Errors, retrying_of

__all__ = ["dead_letters", "with_retry"]

P = ParamSpec("P")
R = TypeVar("R")


@overload
def with_retry(fn: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def with_retry(
    *,
    max_attempts: int = 3,
    backoff: str = "exponential",
    initial_delay_ms: float = 100,
    max_delay_ms: float = 30_000,
    jitter: bool = True,
    on: Errors | None = None,
    deadline_s: float | None = None,
    retry_budget: float | None = 0.1,
    name: str | None = None,
    dead_letter: bool = True,
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def with_retry(  # noqa: PLR0913  # one for each option
    fn: Callable[P, R] | None = None,
    /,
    *,
    max_attempts: int = 3,
    backoff: str = "exponential",
    initial_delay_ms: float = 100,
    max_delay_ms: float = 30_000,
    jitter: bool = True,
    on: Errors | None = None,
    deadline_s: float | None = None,
    retry_budget: float | None = 0.1,
    name: str | None = None,
    dead_letter: bool = True,
) -> Callable[P, R] | Callable[[Callable[P, R]], Callable[P, R]]:
    """Try a function again when it fails in a way that may pass.

    That is: timeouts, lost connections, and HTTP 408, 409, 429 and 5xx, of any client. Refusals
    of a policy, cancellations and interrupts never are; a generator only before its first
    value. The last error comes out unchanged.

    Args:
        max_attempts: all attempts, the first included.
        backoff: ``exponential``, ``linear`` or ``constant``.
        initial_delay_ms, max_delay_ms: the delay after the first attempt, and the longest one.
            A provider that asks for a longer pause (``Retry-After``, rate-limit resets) gets it.
        jitter: draw each delay at random from nothing up to its full length.
        on: the exception classes that are tried again, instead of those above.
        deadline_s: give up rather than pause beyond so many seconds after the first attempt.
        retry_budget: the share of the calls that may be tried again, beyond the first ten
            retries; ``None``: no limit.
        name: whose retry budget it is, and what telemetry calls it; by default the function's.
        dead_letter: keep a call that used up its attempts, so that ``wflo dlq replay`` can
            send it again.

    Raises:
        ConfigError: an option is none that can be meant.
    """
    retry = Retry(
        max_attempts,
        cast("Backoff", backoff),  # checked below, as all are
        initial_delay_ms,
        max_delay_ms,
        jitter,
        deadline_s,
        retry_budget,
    )

    def decorate(each: Callable[P, R]) -> Callable[P, R]:
        options = retrying_of(each, retry, on, name, dead_letter=dead_letter)
        return rewrap(each, lambda inner: tried_again(inner, ensure_configured, options))

    return decorate if fn is None else decorate(fn)


def dead_letters(*, limit: int = 100) -> list[DeadLetter]:
    """List the calls that failed for good in the state in force, newest first.

    Without their arguments; ``wflo dlq show`` has those.

    Args:
        limit: so many at most.

    Raises:
        StoreError: the state cannot answer.
    """
    return ensure_configured().dead_letters.letters(limit=limit)
