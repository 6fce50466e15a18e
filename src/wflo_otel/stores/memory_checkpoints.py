"""Checkpoints in memory. Whoever uses them holds a lock.

The rule that holds here: a state is kept as long as one checkpoint has it, and no longer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import takewhile

from wflo_otel.core.checkpoint import Checkpoint, oldest_kept
from wflo_otel.core.policy import Checkpoints
from wflo_otel.errors import CheckpointNotFoundError


class MemoryCheckpoints:
    """Checkpoints by id and by run, states by digest."""

    def __init__(self) -> None:
        self._by_id: dict[str, Checkpoint] = {}
        #: Of each run, in the order they were saved.
        self._of_run: dict[str, dict[str, Checkpoint]] = {}
        self._states: dict[str, bytes] = {}
        #: How many checkpoints have a state.
        self._uses: Counter[str] = Counter()

    def save(self, checkpoint: Checkpoint, state: bytes, kept: Checkpoints | None) -> None:
        """Keep a state; a checkpoint that is here already stays as it is."""
        if checkpoint.checkpoint_id not in self._by_id:
            self._by_id[checkpoint.checkpoint_id] = checkpoint
            self._of_run.setdefault(checkpoint.run_id, {})[checkpoint.checkpoint_id] = checkpoint
            self._states.setdefault(checkpoint.digest, state)
            self._uses[checkpoint.digest] += 1
        if kept is not None:
            self._drop_old(oldest_kept(kept, checkpoint.created_at))
            self._drop(self.checkpoints(checkpoint.run_id)[: -kept.keep])

    def checkpoints(self, run_id: str) -> list[Checkpoint]:
        """List a run's checkpoints, oldest first."""
        found = self._of_run.get(run_id, {}).values()
        return sorted(found, key=lambda checkpoint: checkpoint.created_at)

    def load(self, checkpoint_id: str) -> tuple[Checkpoint, bytes]:
        """Return a checkpoint and its state.

        Raises:
            CheckpointNotFoundError: there is none with that id.
        """
        checkpoint = self._by_id.get(checkpoint_id)
        if checkpoint is None:
            raise CheckpointNotFoundError(checkpoint_id)
        return checkpoint, self._states[checkpoint.digest]

    def forget_runs(self, run_ids: Iterable[str]) -> None:
        """Drop all checkpoints of these runs."""
        for run_id in run_ids:
            self._drop(self.checkpoints(run_id))

    def _drop_old(self, oldest: float) -> None:
        # Saved one after the other: where the first is young enough, so are the others.
        self._drop(list(takewhile(lambda each: each.created_at < oldest, self._by_id.values())))

    def _drop(self, gone: Iterable[Checkpoint]) -> None:
        for each in gone:
            del self._by_id[each.checkpoint_id]
            of_run = self._of_run[each.run_id]
            del of_run[each.checkpoint_id]
            if not of_run:
                del self._of_run[each.run_id]
            self._uses[each.digest] -= 1
            if not self._uses[each.digest]:
                del self._uses[each.digest], self._states[each.digest]
