"""How an invocation ended, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from wflo_otel.core.call import Status
from wflo_otel.engine.tasks import is_cancellation


@dataclass(frozen=True, slots=True)
class Returned:
    """A function came to its end; of a generator this is the value of its ``return``."""

    value: object


@dataclass(frozen=True, slots=True)
class Raised:
    """A function raised, was cancelled, or was closed."""

    error: BaseException


Outcome: TypeAlias = Returned | Raised


def status_of(outcome: Outcome) -> Status:
    """Say how an invocation ended."""
    match outcome:
        case Returned():
            return Status.OK
        case Raised(GeneratorExit()):
            return Status.ABANDONED
        case Raised(KeyboardInterrupt() | SystemExit()):
            return Status.CANCELLED
        case Raised(error) if is_cancellation(error):
            return Status.CANCELLED
        case _:
            return Status.ERROR


def error_type_of(outcome: Outcome) -> str | None:
    """Name the class of the exception, never its message."""
    if isinstance(outcome, Returned) or isinstance(outcome.error, GeneratorExit):
        return None
    return type(outcome.error).__qualname__
