"""Checkpoints in the state file; each function is one part of a transaction.

The rule that holds here: a state is kept as long as one checkpoint has it, and no longer.
"""

from __future__ import annotations

from sqlite3 import Connection

from wflo_otel.core.checkpoint import Checkpoint, oldest_kept
from wflo_otel.core.policy import Checkpoints
from wflo_otel.errors import CheckpointNotFoundError

_COLUMNS = "checkpoint_id, run_id, name, parent, step, agent, created_at, size, digest, codec"

# Their names are our own, and values are bound.
_SAVE = f"INSERT OR IGNORE INTO checkpoints ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
_LIST = f"SELECT {_COLUMNS} FROM checkpoints WHERE run_id = ? ORDER BY created_at, seq"  # noqa: S608
_LOAD = (
    f"SELECT {_COLUMNS}, state FROM checkpoints"  # noqa: S608
    " JOIN states USING (digest) WHERE checkpoint_id = ?"
)
_OUTLIVED = (
    "SELECT seq, digest FROM checkpoints WHERE created_at < ? UNION"
    " SELECT * FROM (SELECT seq, digest FROM checkpoints WHERE run_id = ?"
    " ORDER BY created_at DESC, seq DESC LIMIT -1 OFFSET ?)"
)


def save(
    connection: Connection, checkpoint: Checkpoint, state: bytes, kept: Checkpoints | None
) -> None:
    """Keep a state; a checkpoint that is here already stays as it is."""
    connection.execute("INSERT OR IGNORE INTO states VALUES (?, ?)", (checkpoint.digest, state))
    connection.execute(_SAVE, _row(checkpoint))
    if kept is not None:
        oldest = oldest_kept(kept, checkpoint.created_at)
        _drop(connection, oldest, checkpoint.run_id, kept.keep)


def checkpoints(connection: Connection, run_id: str) -> list[Checkpoint]:
    """List a run's checkpoints, oldest first."""
    return [Checkpoint(*row) for row in connection.execute(_LIST, (run_id,))]


def load(connection: Connection, checkpoint_id: str) -> tuple[Checkpoint, bytes]:
    """Return a checkpoint and its state.

    Raises:
        CheckpointNotFoundError: there is none with that id.
    """
    row = connection.execute(_LOAD, (checkpoint_id,)).fetchone()
    if row is None:
        raise CheckpointNotFoundError(checkpoint_id)
    *fields, state = row
    return Checkpoint(*fields), state


def _drop(connection: Connection, oldest: float, run_id: str, keep: int) -> None:
    """Drop what is too old, in all runs, and what one run has too many of."""
    gone = connection.execute(_OUTLIVED, (oldest, run_id, keep)).fetchall()
    connection.executemany("DELETE FROM checkpoints WHERE seq = ?", [(seq,) for seq, _ in gone])
    connection.executemany(
        "DELETE FROM states WHERE digest = ?"
        " AND NOT EXISTS (SELECT 1 FROM checkpoints WHERE checkpoints.digest = states.digest)",
        [(digest,) for _, digest in gone],
    )


def _row(checkpoint: Checkpoint) -> tuple[object, ...]:
    return (
        checkpoint.checkpoint_id,
        checkpoint.run_id,
        checkpoint.name,
        checkpoint.parent,
        checkpoint.step,
        checkpoint.agent,
        checkpoint.created_at,
        checkpoint.size,
        checkpoint.digest,
        checkpoint.codec,
    )
