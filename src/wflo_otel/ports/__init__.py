"""What the engine needs of the world, as small protocols.

Each says whether it is called from synchronous or asynchronous code. Adapters do not inherit
from them; ``tests/conformance`` holds the contract of each, and every adapter runs it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from wflo_otel.core.actions import Similarity
from wflo_otel.ports.clock import Clock
from wflo_otel.ports.metering import Estimate, Price, PriceBook, TokenEstimator
from wflo_otel.ports.records import CheckpointStore, DeadLetters, Note, ResultLog, RunInfo, Runs
from wflo_otel.ports.state import (
    Charge,
    CircuitView,
    Ended,
    LedgerView,
    PolicyState,
    Settled,
    Warned,
)
from wflo_otel.ports.telemetry import Observation, Refused, Telemetry

__all__ = [
    "Adapters",
    "Charge",
    "CheckpointStore",
    "CircuitView",
    "Clock",
    "DeadLetters",
    "Ended",
    "Estimate",
    "LedgerView",
    "Note",
    "Observation",
    "PolicyState",
    "Price",
    "PriceBook",
    "Refused",
    "ResultLog",
    "RunInfo",
    "Runs",
    "Settled",
    "Telemetry",
    "TokenEstimator",
    "Warned",
]


@dataclass(frozen=True, slots=True)
class Adapters:
    """The ports an engine is wired to."""

    state: PolicyState
    runs: Runs
    checkpoints: CheckpointStore
    prices: PriceBook
    tokens: TokenEstimator
    telemetry: Telemetry
    clock: Clock = field(repr=False)
    similarity: Similarity = field(repr=False)
