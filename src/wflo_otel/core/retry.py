"""Whether something that failed is tried again, and when: values in, values out.

The rules: nothing is tried again sooner than the provider asks for; a policy's refusal is no
failure and never comes here; of all calls together no more than a share is tried again, so that
an outage is not answered with a storm.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from math import inf
from typing import TypeAlias

from wflo_otel.core.policy import Backoff, Retry
from wflo_otel.errors import ConfigError

#: No provider is waited for longer than this by one pause, in seconds.
LONGEST_PAUSE_S = 3600.0
#: So many retries are free before the share of the calls counts.
FREE_RETRIES = 10

#: Request timeout, conflict, too many requests; and whatever the server itself got wrong.
_TRANSIENT = frozenset({408, 409, 429})
_SERVER_ERROR = 500
#: Codes of a 429 that no waiting helps against. Source: OpenAI's error codes.
_LASTING = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
#: Beyond it a doubled delay only overflows.
_MOST_DOUBLINGS = 60


class FailureKind(StrEnum):
    """What a failure is, as far as it decides about another attempt."""

    TIMEOUT = "timeout"
    CONNECTION = "connection"
    STATUS = "status"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Failure:
    """The facts about a failed attempt.

    Attributes:
        status: the HTTP status, where there was an answer.
        code: the provider's own code for it.
        retry_after_s: how long the provider asks to wait, in seconds.
        advice: what the provider says about trying again, where it says so outright.
    """

    kind: FailureKind = FailureKind.OTHER
    status: int | None = None
    code: str | None = None
    retry_after_s: float | None = None
    advice: bool | None = None


class Reason(StrEnum):
    """Why nothing is tried again."""

    #: Trying again would not help.
    FINAL = "final"
    #: All attempts are made.
    ATTEMPTS = "attempts"
    #: The pause would end after the deadline, or the provider asks for hours.
    DEADLINE = "deadline"
    #: Too many calls of this component were tried again already.
    BUDGET = "budget"


@dataclass(frozen=True, slots=True)
class Again:
    """Try again after a pause, in seconds."""

    after_s: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Let the error out."""

    reason: Reason


Verdict: TypeAlias = Again | GiveUp


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """An attempt that failed, for telemetry: no message, no content.

    ``outcome`` is ``again``, or the reason why not; ``delay_s`` the pause that follows.
    """

    component: str
    number: int
    error_type: str
    outcome: str
    delay_s: float | None = None

    @classmethod
    def of(cls, component: str, number: int, error_type: str, decided: Verdict) -> FailedAttempt:
        """What is told of an attempt after which this was decided."""
        if isinstance(decided, Again):
            return cls(component, number, error_type, "again", decided.after_s)
        return cls(component, number, error_type, decided.reason.value)


def is_transient(failure: Failure) -> bool:
    """Whether the same call may succeed a moment later."""
    if failure.advice is not None:
        return failure.advice
    if failure.code in _LASTING:
        return False
    if failure.status is not None:
        return failure.status in _TRANSIENT or failure.status >= _SERVER_ERROR
    return failure.kind in {FailureKind.TIMEOUT, FailureKind.CONNECTION}


def delay_s(retry: Retry, attempt: int, chance: float) -> float:
    """The delay after an attempt, in seconds.

    Args:
        attempt: which attempt has failed, from 1.
        chance: a random number from 0 up to 1. Full jitter: it is the share of the delay.
    """
    factor = 1.0
    if retry.backoff is Backoff.EXPONENTIAL:
        factor = 2.0 ** min(attempt - 1, _MOST_DOUBLINGS)
    elif retry.backoff is Backoff.LINEAR:
        factor = float(attempt)
    delay_ms = min(retry.initial_delay_ms * factor, retry.max_delay_ms)
    return delay_ms / 1000 * (chance if retry.jitter else 1.0)


def verdict(
    retry: Retry, failure: Failure, *, attempt: int, elapsed_s: float, chance: float
) -> Verdict:
    """Decide about another attempt after one that failed in a way that may pass.

    Args:
        attempt: which attempt has failed, from 1.
        elapsed_s: since the first attempt began.
        chance: a random number from 0 up to 1.
    """
    if attempt >= retry.max_attempts:
        return GiveUp(Reason.ATTEMPTS)
    pause_s = max(delay_s(retry, attempt, chance), failure.retry_after_s or 0.0)
    deadline_s = retry.deadline_s
    if pause_s > LONGEST_PAUSE_S or (deadline_s is not None and elapsed_s + pause_s > deadline_s):
        return GiveUp(Reason.DEADLINE)
    return Again(pause_s)


@dataclass(frozen=True, slots=True)
class RetryBudget:
    """What one component may still try again: each call pays a share in, each retry takes one.

    ``earned`` never runs ahead of ``spent`` by more than the burst, so that a long calm pays
    for no storm. A first burst is free; it counts against what is earned later.
    """

    earned: float = 0.0
    spent: int = 0

    def paid_in(self, share: float, burst: int) -> RetryBudget:
        """A call was made."""
        return replace(self, earned=min(self.earned + share, float(self.spent + burst)))

    def taken_out(self, burst: int) -> RetryBudget | None:
        """Something is tried again; ``None`` where nothing is left for it."""
        # A share such as 0.1 is no binary number: what was earned may be short by a trace.
        if self.spent + 1 > max(float(burst), self.earned + 1e-6):
            return None
        return replace(self, spent=self.spent + 1)


def burst_of(retry: Retry) -> int:
    """How many retries a component may make at once: never fewer than one call is allowed."""
    return max(FREE_RETRIES, retry.max_attempts - 1)


def checked(retry: Retry, place: str) -> Retry:
    """Return the options, where each is one that can be meant.

    Raises:
        ConfigError: one cannot; the message names the place, the option and what to write.
    """
    _check_attempts(place, retry.max_attempts)
    _check_number(place, "initial_delay_ms", retry.initial_delay_ms)
    _check_number(place, "max_delay_ms", retry.max_delay_ms)
    if retry.deadline_s is not None:
        _check_number(place, "deadline_s", retry.deadline_s)
    if retry.retry_budget is not None:
        _check_number(place, "retry_budget", retry.retry_budget, " to 1; None switches it off", 1)
    if retry.max_delay_ms < retry.initial_delay_ms:
        raise ConfigError(
            f"{place}: max_delay_ms ({retry.max_delay_ms:g}) is below initial_delay_ms "
            f"({retry.initial_delay_ms:g})"
        )
    return replace(retry, backoff=_backoff(place, retry.backoff))


def _check_attempts(place: str, given: object) -> None:
    if isinstance(given, bool) or not isinstance(given, int) or given < 1:
        raise ConfigError(f"{place}: max_attempts must be a whole number from 1, not {given!r}")


def _check_number(
    place: str, option: str, given: object, limit: str = "", most: float = inf
) -> None:
    is_number = isinstance(given, int | float) and not isinstance(given, bool)
    if not is_number or not 0 <= given <= most or given == inf:  # type: ignore[operator]
        raise ConfigError(f"{place}: {option} must be a number from 0{limit}, not {given!r}")


def _backoff(place: str, written: str) -> Backoff:
    try:
        return Backoff(written)
    except ValueError:
        known = ", ".join(Backoff)
        raise ConfigError(f"{place}: backoff must be one of {known}, not {written!r}") from None
