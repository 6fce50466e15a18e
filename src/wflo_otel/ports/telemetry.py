"""What the engine tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from wflo_otel.core.call import Call, CallRecord
from wflo_otel.core.checkpoint import Checkpoint
from wflo_otel.core.decision import (
    Circling,
    CircuitOpen,
    Exceeded,
    Queued,
    Stopped,
    Transition,
)
from wflo_otel.core.value import value
from wflo_otel.errors import StoreError
from wflo_otel.ports.state import Warned


@dataclass(frozen=True, slots=True)
class Refused:
    """A call that was refused, or would have been in shadow mode."""

    call: Call
    #: ``budget``, ``breaker``, ``loop``, ``unpriced``, ``unrecognised`` or ``state``.
    policy: str
    message: str
    shadow: bool
    decision: Exceeded | Stopped | Queued | CircuitOpen | Circling | None = None


@value
class Observation:
    """Numbers beside a settled call, for metrics."""

    #: What the input was estimated at; 0 where nothing was estimated.
    estimated_input: int = 0
    waited_s: float = 0.0
    #: The model of the request, where the record names the one that answered.
    asked_model: str = ""


class Telemetry(Protocol):
    """What the engine tells. Never raises, never blocks; decisions never depend on it."""

    def refused(self, refused: Refused) -> None:
        """A call was refused."""
        ...

    def settled(self, record: CallRecord, observed: Observation) -> None:
        """A call was charged."""
        ...

    def warned(self, call_id: str, warning: Warned) -> None:
        """A budget passed its ``warn_at``."""
        ...

    def unrecognised(self, host: str, *, refused: bool) -> None:
        """A request looked like a call to a model in an API that nobody knows."""
        ...

    def moved(self, transition: Transition) -> None:
        """A circuit breaker opened, half-opened or closed."""
        ...

    def looped(self, call: Call, circling: Circling) -> None:
        """An agent goes in circles, or is about to; ``call`` is what has shown it."""
        ...

    def checkpointed(self, checkpoint: Checkpoint) -> None:
        """A state was saved, or saved again as the beginning of a branch."""
        ...

    def state_failed(self, operation: str, error: StoreError, *, allowed: bool) -> None:
        """The state could not answer."""
        ...

    def state_latency(self, operation: str, seconds: float) -> None:
        """How long the state took."""
        ...
