"""What the seams work with: the engine in force, and where spans go.

Patches are laid once per process and look here at each call, so that a new configuration, a
test, or none at all takes effect at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from opentelemetry.trace import Tracer

from wflo_otel.core.call import Ask, Call, Heard
from wflo_otel.core.scope import Caller
from wflo_otel.engine import Engine
from wflo_otel.engine.tasks import owner
from wflo_otel.ports import CheckpointStore, Clock, DeadLetters, Runs
from wflo_otel.seams.results import Results
from wflo_otel.seams.retry_budgets import RetryBudgets
from wflo_otel.telemetry.otel import OTelTelemetry


@dataclass(frozen=True, slots=True)
class Active:
    """One configuration."""

    engine: Engine
    tracer: Tracer
    runs: Runs
    checkpoints: CheckpointStore
    clock: Clock
    telemetry: OTelTelemetry
    dead_letters: DeadLetters
    results: Results
    #: HTTP clients are guarded: what they send is decided and charged there, and nowhere else.
    guards: bool = True
    #: What each component of this process may still try again.
    retry_budgets: RetryBudgets = field(default_factory=RetryBudgets)

    def call(
        self,
        ask: Ask,
        caller: Caller,
        *,
        attempt: int = 0,
        least_cap: int = 1,
        heard: Heard | None = None,
    ) -> Call:
        """Make a call that is new."""
        return Call(self.clock.new_id(), ask, caller, attempt, least_cap, owner(), heard)


_active: Active | None = None


def active() -> Active | None:
    """The configuration in force, ``None`` before ``configure`` and after ``shutdown``."""
    return _active


def activate(configuration: Active | None) -> None:
    """Put a configuration in force."""
    global _active  # noqa: PLW0603  # one per process, by design
    _active = configuration
