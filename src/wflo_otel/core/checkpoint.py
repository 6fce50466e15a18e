"""A checkpoint: a state that was saved under a name, and where in a run that was."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One saved state. The state itself is stored once under its digest."""

    checkpoint_id: str
    run_id: str
    name: str
    #: The one before it in the run.
    parent: str | None
    step: str | None
    agent: str | None
    #: In seconds since the epoch.
    created_at: float
    #: Of the encoded state, in bytes.
    size: int
    #: BLAKE2b-128 of the encoded state, in hex.
    digest: str
    codec: str
