"""The checkpoints of one run, as its workflow shows them.

The rule: what is saved, listed, compared and gone back to is the run's own; what another run has
saved can be read, and forked.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from wflo_otel.core import json_patch
from wflo_otel.core.checkpoint import Checkpoint, document_of
from wflo_otel.core.json_patch import Change
from wflo_otel.errors import CheckpointNotFoundError
from wflo_otel.ports import CheckpointStore
from wflo_otel.seams.in_run import InRun
from wflo_otel.seams.saving import Restored, Saved, branch, loaded, save


class RunCheckpoints(InRun):
    """Saves the states of a run, lists and compares them, and goes back to one."""

    def checkpoint(self, name: str, state: object) -> Saved:
        """Save a state. It is saved when this returns; the answer may be awaited or not.

        Raises:
            CheckpointCodecError: part of the state cannot be stored as plain data.
            StoreError: the store cannot take it.
        """
        return Saved(save(self._open(), self._frame(), name, state))

    def checkpoints(self) -> list[Checkpoint]:
        """List the run's checkpoints, oldest first."""
        return self._open().checkpoints.checkpoints(self.run_id)

    def load(self, checkpoint_id: str, *, types: Collection[type] = ()) -> Any:
        """Return the state of a checkpoint of any run.

        Args:
            checkpoint_id: the checkpoint.
            types: classes whose objects are built again, and members of enums found; those of
                other classes come back as mappings with their ``$type``, members as their values.

        Raises:
            CheckpointNotFoundError: there is none with that id.
            CheckpointCodecError: it was saved by another codec, or an object in it does not fit
                its type any more.
        """
        active = self._open()
        checkpoint, encoded = active.checkpoints.load(checkpoint_id)
        state = loaded(checkpoint, encoded, types)
        if checkpoint.run_id == self.run_id:
            active.results.loaded(self.run_id, checkpoint_id, self._frame().run.last_checkpoint)
        return state

    def diff(self, before: str, after: str) -> list[Change]:
        """Say what changed from one checkpoint to another, as a JSON Patch (RFC 6902).

        What JSON does not have stands there as it is stored: see docs/checkpoints.md.

        Args:
            before: a checkpoint's id.
            after: a checkpoint's id.

        Raises:
            CheckpointNotFoundError: there is none with that id.
            CheckpointCodecError: one was saved by another codec.
        """
        load = self._open().checkpoints.load
        return json_patch.diff(document_of(*load(before)), document_of(*load(after)))

    def rollback(self, checkpoint_id: str, *, types: Collection[type] = ()) -> Restored:
        """Go back to a checkpoint of this run: its state is where the run goes on.

        A new checkpoint with that state begins the branch; nothing is deleted. What was spent
        stays spent. The answer may be awaited or not.

        Args:
            checkpoint_id: the checkpoint.
            types: as for :meth:`load`.

        Raises:
            CheckpointNotFoundError: there is none with that id in this run.
            CheckpointCodecError: as for :meth:`load`; nothing was saved.
            StoreError: the store cannot answer.
        """
        active = self._open()
        source, encoded = active.checkpoints.load(checkpoint_id)
        if source.run_id != self.run_id:
            raise CheckpointNotFoundError(checkpoint_id, self.run_id)
        restored = branch(active, self._frame().run, source, encoded, types)
        active.results.take_up(self.run_id, checkpoint_id)
        return restored


def last_checkpoint(store: CheckpointStore, run_id: str) -> str | None:
    """The id of a run's newest checkpoint, ``None`` where it has none."""
    saved = store.checkpoints(run_id)
    return saved[-1].checkpoint_id if saved else None
