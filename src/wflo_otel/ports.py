"""What the engine needs of the world, as small protocols.

Each says whether it is called from synchronous or asynchronous code. Adapters do not inherit
from them; ``tests/conformance`` holds the contract of each, and every adapter runs it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from wflo_otel.core.actions import Similarity
from wflo_otel.core.admission import Reserve
from wflo_otel.core.breaker import Component, Seen
from wflo_otel.core.call import Ask, Call, CallRecord
from wflo_otel.core.checkpoint import Checkpoint
from wflo_otel.core.dead_letter import DeadLetter, LetterState
from wflo_otel.core.decision import (
    Admission,
    Circling,
    CircuitOpen,
    Exceeded,
    Phase,
    Queued,
    Stopped,
    Transition,
)
from wflo_otel.core.ledger import Amount, Unit
from wflo_otel.core.policy import Checkpoints, Prices
from wflo_otel.core.results import KeptResult
from wflo_otel.core.scope import Scope
from wflo_otel.core.usage import Usage
from wflo_otel.core.value import value
from wflo_otel.errors import StoreError

# --- policy state ----------------------------------------------------------------------------


class Ended(NamedTuple):
    """How a call ended, for the breakers it had met."""

    components: tuple[Component, ...]
    seen: Seen


class Charge(NamedTuple):
    """What a call really used, to be settled once."""

    amount: Amount
    record: CallRecord
    #: The response's id, where the same response may be fetched again (it is then free).
    response_key: str | None = None
    #: This *is* such a fetch: charge only if ``response_key`` has not been charged yet.
    only_once: bool = False
    #: ``None`` where the call met no breaker.
    ended: Ended | None = None


@dataclass(frozen=True, slots=True)
class Warned:
    """A budget has just passed its ``warn_at``."""

    key: str
    unit: str
    limit: int
    settled: int


class Settled(NamedTuple):
    """What settling did."""

    #: False: this call, or this response, had been charged before; nothing changed.
    charged: bool
    warnings: tuple[Warned, ...] = ()
    transitions: tuple[Transition, ...] = ()


@dataclass(frozen=True, slots=True)
class LedgerView:
    """A ledger as people look at it."""

    key: str
    limits: dict[Unit, int]
    settled: Amount
    pending: Amount
    #: Part of ``settled``: charges for calls whose process died.
    flagged: Amount
    stopped: str | None
    open_calls: int
    #: How many times this scope refused a call.
    refused: int = 0


@dataclass(frozen=True, slots=True)
class CircuitView:
    """A circuit as people look at it. ``until`` is in seconds since the epoch."""

    key: str
    phase: Phase
    #: Why it opened last.
    reason: str
    until: float
    #: How often it opened, without a quiet time in between.
    trips: int
    #: How many calls probe it now.
    probes: int
    #: How many calls it kept out.
    refused: int


class PolicyState(Protocol):
    """Reservations and circuits, shared by everyone who uses the same state. Synchronous.

    The state tells the time. Every method is atomic over all scopes it names, safe from any
    thread, and raises :class:`StoreError` where it cannot answer.
    """

    #: For how long a reservation holds without ``renew``, in seconds; infinite in memory.
    lease_s: float

    def admit(
        self,
        scopes: Sequence[Scope],
        call: Call,
        request: Reserve,
        components: Sequence[Component] = (),
    ) -> Admission:
        """Reserve in all scopes and enter all circuits, or in none.

        The state fills in ``request.expires_at``.
        """
        ...

    def grow(self, call_id: str, more: Amount) -> Amount:
        """Add to an open call's reservation what fits, without waiting."""
        ...

    def settle(self, scopes: Sequence[Scope], charge: Charge) -> Settled:
        """Charge a call in all scopes, release its reservation, keep its record. Idempotent."""
        ...

    def void(self, call_id: str, ended: Ended | None = None) -> tuple[Transition, ...]:
        """Release a reservation without a charge: the call never reached the provider.

        ``ended`` tells the circuits how it ended all the same; without it they learn nothing.
        """
        ...

    def leave(self, call_id: str) -> None:
        """Give up a place in the queues."""
        ...

    def forget(self, key: str) -> None:
        """Drop a scope's ledger, unless a call is open in it or it was charged for one."""
        ...

    def renew(self, call_ids: Iterable[str]) -> None:
        """Say that these calls are still open."""
        ...

    def stop(self, key: str, reason: str) -> None:
        """Stop a scope: every further call in it, and below it, is refused."""
        ...

    def reset(self, key: str) -> None:
        """Lift a stop. What was spent stays spent."""
        ...

    def top_up(self, key: str, more: Amount) -> LedgerView:
        """Raise the limits of a scope by so much, for good, and lift a stop that they had made.

        A limit that is held there later, such as by whoever joins the run, is raised as well.
        """
        ...

    def circuits(self, prefix: str = "") -> list[CircuitView]:
        """Show the circuits whose key starts so."""
        ...

    def force_open(self, key: str) -> Transition:
        """Open a circuit until it is reset, whatever its calls do."""
        ...

    def close_circuit(self, key: str) -> Transition:
        """Close a circuit, and forget what it counted."""
        ...

    def forced(self) -> frozenset[str]:
        """The keys of the circuits that are forced open; most often none."""
        ...

    def ledgers(self, prefix: str = "") -> list[LedgerView]:
        """Show the ledgers whose key starts so, dead processes' reservations charged."""
        ...

    def watch(self, released: Callable[[], None]) -> Callable[[], None]:
        """Call ``released`` whenever this process settles or voids; return the way to end it.

        Where other processes share the state, waiters also ask again by themselves.
        """
        ...

    def after_fork(self) -> None:
        """Drop what a child process must not share with its parent."""
        ...

    def close(self) -> None:
        """Release files and connections."""
        ...


# --- runs and checkpoints --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RunInfo:
    """One execution. Times are in seconds since the epoch."""

    run_id: str
    name: str
    started_at: float
    ended_at: float | None = None
    parent: str | None = None


@value
class Note:
    """How often something happened in a run that no record or ledger shows."""

    #: ``unrecognised``, ``refused`` or ``unsaved``.
    kind: str
    #: The address of such requests, why they were refused, or the checkpoint that failed.
    subject: str
    count: int = 1


class Runs(Protocol):
    """The history of runs and their calls. Synchronous."""

    def open_run(self, run: RunInfo) -> None:
        """Begin a run. A run that exists already is joined: nothing changes."""
        ...

    def close_run(self, run_id: str, ended_at: float) -> None:
        """End a run."""
        ...

    def record(self, record: CallRecord) -> None:
        """Keep a call that costs nothing by itself (a tool, an agent). Idempotent."""
        ...

    def runs(self, limit: int = 100) -> list[RunInfo]:
        """List runs, newest first."""
        ...

    def records(self, run_id: str) -> list[CallRecord]:
        """List a run's calls and those of its child runs, in the order they ended."""
        ...

    def note(self, run_ids: Iterable[str], kind: str, subject: str) -> None:
        """Count in each of these runs that something has happened once more."""
        ...

    def notes(self, run_id: str) -> list[Note]:
        """List what was counted in a run, most often first, then by kind and subject."""
        ...


class CheckpointStore(Protocol):
    """Saved states, equal ones stored once. Synchronous."""

    def save(
        self, checkpoint: Checkpoint, state: bytes, kept: Checkpoints | None = None
    ) -> Checkpoint:
        """Keep a state, and drop the checkpoints that are not to be kept beside it.

        Returns the checkpoint as it is stored.

        A checkpoint that is here already stays as it is. Without ``kept`` nothing is dropped.
        A state goes with the last checkpoint that has it.
        """
        ...

    def checkpoints(self, run_id: str) -> list[Checkpoint]:
        """List a run's checkpoints, oldest first."""
        ...

    def load(self, checkpoint_id: str) -> tuple[Checkpoint, bytes]:
        """Return a checkpoint and its state.

        Raises:
            CheckpointNotFoundError: there is none with that id.
        """
        ...


class ResultLog(Protocol):
    """What was paid for in each run, to be met again. Synchronous; from any thread and process."""

    def keep(self, result: KeptResult, kept: Checkpoints) -> None:
        """Keep a result, and drop the oldest that are not to be kept beside it.

        Those stay that follow the newest ``kept.keep`` checkpoints which have any, that are not
        older than ``kept.max_age_days``, and that are not too large together.
        """
        ...

    def results(self, run_id: str) -> list[KeptResult]:
        """List a run's results, oldest first."""
        ...


class DeadLetters(Protocol):
    """Calls that failed for good. Synchronous; atomic, from any thread and process.

    The store tells the time, and shows each letter as it stands now. Letters whose last change
    is longer ago than :data:`~wflo_otel.core.dead_letter.KEPT_S` may be gone.
    """

    def bury(self, letter: DeadLetter) -> None:
        """Keep a letter; one that is here already stays as it is."""
        ...

    def letters(self, states: Collection[LetterState] = (), limit: int = 100) -> list[DeadLetter]:
        """List the letters in these states, by default all, newest first, without payloads."""
        ...

    def letter(self, letter_id: str) -> DeadLetter:
        """Return a letter with its payload.

        Raises:
            DeadLetterError: there is none with that id.
        """
        ...

    def change(
        self, letter_id: str, become: Callable[[DeadLetter, float], DeadLetter]
    ) -> DeadLetter:
        """Replace a letter by what ``become`` makes of it and of the time, in one transaction.

        Raises:
            DeadLetterError: there is none with that id, or ``become`` says so.
        """
        ...

    def purge(self, states: Collection[LetterState], before: float) -> int:
        """Drop the letters in these states that last changed before; say how many."""
        ...


# --- metering --------------------------------------------------------------------------------


class Price(Protocol):
    """What one model costs at one time, compiled. Pure and fast."""

    #: ``price``, ``fallback`` or ``override``.
    source: str
    #: What it is the price of, as the catalogue names it, and the catalogue's version.
    model: str
    catalogue: str

    def cost_pico(self, usage: Usage) -> int:
        """What this usage costs, in pico-USD. Never raises, never negative."""
        ...

    def input_pico(self, tokens: int, cache_write: str = "") -> int:
        """What an uncached input of this size costs at most.

        ``cache_write``: for how long it may be written to the provider's cache, ``5m`` or
        ``1h``; empty where it is not.
        """
        ...

    def output_pico(self, input_tokens: int) -> int:
        """What one output token costs at most beside such an input. Both are pico-USD."""
        ...


class PriceBook(Protocol):
    """Prices by model and time. Called from any thread; no I/O on this path."""

    def price(
        self,
        provider: str,
        model: str,
        *,
        at: float,
        prices: Prices,
        service_tier: str | None = None,
    ) -> Price | None:
        """Find a price; ``None`` where nobody knows one. ``prices`` overlay the catalogue."""
        ...

    def fallback(self, prices: Prices) -> Price:
        """The pessimistic price for a model that has none."""
        ...


@value
class Estimate:
    """Tokens that a call is expected to use, and at most."""

    expected: int
    upper: int
    #: Both before they were corrected by what earlier calls taught; ``None`` where unknown.
    untaught: tuple[float, float] | None = None


class TokenEstimator(Protocol):
    """Token counts before the provider has told. No network, no download, sub-millisecond."""

    def input_tokens(self, ask: Ask) -> Estimate:
        """Estimate the input."""
        ...

    def output_tokens(self, model: str | None, chars: int, chunks: int) -> int:
        """Estimate an output of which this much text, in so many chunks, was seen."""
        ...

    def max_output(self, provider: str, model: str | None) -> int:
        """The most tokens that the model gives in one choice."""
        ...

    def needed_output(self, ask: Ask, agent: str | None) -> int | None:
        """The least output that calls like this are known to need; ``None`` before it is known."""
        ...

    def expected_output(self, ask: Ask, agent: str | None) -> int | None:
        """The 99th percentile of outputs of calls like this; ``None`` before it is known."""
        ...

    def learn(
        self,
        ask: Ask,
        agent: str | None,
        usage: Usage,
        *,
        whole: bool,
        estimate: Estimate | None = None,
    ) -> None:
        """Correct later estimates by what a call used.

        ``whole``: it ended by itself. ``estimate``: what was estimated of this ``ask`` before,
        so that it need not be sized again.
        """
        ...


# --- telemetry and time ----------------------------------------------------------------------


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


class Clock(Protocol):
    """Time, pauses, and ids that are new."""

    def time(self) -> float:
        """Seconds since the epoch."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...

    def pause(self, seconds: float) -> None:
        """Block this thread for so long; an interrupt ends it."""
        ...

    async def pause_async(self, seconds: float) -> None:
        """Let others work for so long; whoever cancels the task ends it."""
        ...

    def new_id(self) -> str:
        """An id nobody has used."""
        ...


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
