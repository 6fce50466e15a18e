"""A checkpoint: a state that was saved under a name, and where in a run that was.

The rule: history is never lost. To go back is to go on from an older state: a new checkpoint
holds it, as the older one's child, and what came after that one stays where it was.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from wflo_otel.core import codec
from wflo_otel.core.policy import Checkpoints
from wflo_otel.errors import CheckpointCodecError

#: What the codec of an encrypted state ends with: how it is encrypted.
SEALED = "+aes-256-gcm"

_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One saved state. The state itself is stored once under its digest."""

    checkpoint_id: str
    run_id: str
    name: str
    #: The one it follows; after a rollback or a fork the one that was gone back to, which
    #: may be another run's. It may be gone: only so many are kept.
    parent: str | None
    step: str | None
    agent: str | None
    #: In seconds since the epoch.
    created_at: float
    #: Of the encoded state, in bytes.
    size: int
    #: BLAKE2b-128 of the encoded state, in hex; under a key where states are encrypted.
    digest: str
    codec: str


def branched(
    source: Checkpoint, *, checkpoint_id: str, run_id: str, created_at: float
) -> Checkpoint:
    """The checkpoint that begins a branch: the same state once more, as the source's child."""
    return replace(
        source,
        checkpoint_id=checkpoint_id,
        run_id=run_id,
        parent=source.checkpoint_id,
        created_at=created_at,
    )


def oldest_kept(kept: Checkpoints, now: float) -> float:
    """When the oldest checkpoint that is kept was saved, in seconds since the epoch."""
    return now - kept.max_age_days * _DAY_S


def state_of(checkpoint: Checkpoint, encoded: bytes, types: Iterable[type] = ()) -> Any:
    """The state of a checkpoint; objects of these types are built again.

    Raises:
        CheckpointCodecError: the bytes are damaged, or of another codec, or an object does not
            fit its type any more.
    """
    if checkpoint.codec.endswith(SEALED):
        raise CheckpointCodecError(
            f"checkpoint {checkpoint.checkpoint_id} is encrypted; set WFLO_CHECKPOINT_KEY to the "
            "key it was saved with"
        )
    if checkpoint.codec not in codec.READABLE:
        raise CheckpointCodecError(
            f"checkpoint {checkpoint.checkpoint_id} was saved by the codec {checkpoint.codec}; "
            f"this version reads {codec.CODEC}"
        )
    return codec.decode(encoded, types if checkpoint.codec == codec.CODEC else ())


def document_of(checkpoint: Checkpoint, encoded: bytes) -> object:
    """The state of a checkpoint as the JSON document that it is stored as.

    Raises:
        CheckpointCodecError: the bytes are damaged, or of another codec.
    """
    state_of(checkpoint, encoded)  # says what is wrong with them
    return json.loads(encoded)
