"""What is kept of runs: calls, checkpoints, what was paid for, what failed for good."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Protocol

from wflo_otel.core.call import CallRecord
from wflo_otel.core.checkpoint import Checkpoint
from wflo_otel.core.dead_letter import DeadLetter, LetterState
from wflo_otel.core.policy import Checkpoints
from wflo_otel.core.results import KeptResult
from wflo_otel.core.value import value


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
