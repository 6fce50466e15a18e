"""Saving a state, and saying so.

The rule: a state that cannot be saved is the caller's to hear of where saving was the point of
the call; where it happens beside other work, that work goes on and the loss is logged, once
for each place.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Generator
from dataclasses import dataclass, field
from typing import Any

from wflo_otel.context import ActiveRun, Frame, Place, inner_frame
from wflo_otel.core import codec
from wflo_otel.core.checkpoint import Checkpoint, branched, state_of
from wflo_otel.core.scope import Caller
from wflo_otel.errors import CheckpointCodecError, StoreError
from wflo_otel.seams.active import Active
from wflo_otel.seams.functions import Flow, Invocation, Run, is_generator
from wflo_otel.seams.known_types import loaded_types
from wflo_otel.seams.outcomes import Outcome, Returned
from wflo_otel.seams.work import frame_of_caller

_log = logging.getLogger("wflo_otel")
_told: set[str] = set()


class Saved(Awaitable[Checkpoint]):
    """A checkpoint that has been saved. Awaiting it gives the checkpoint, without waiting."""

    __slots__ = ("checkpoint",)

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint

    def __await__(self) -> Generator[None, None, Checkpoint]:
        return self.checkpoint
        yield  # makes it a generator

    def __repr__(self) -> str:
        return f"Saved({self.checkpoint!r})"


@dataclass(frozen=True, slots=True)
class Restored(Awaitable["Restored"]):
    """Where a run goes on after a rollback. Awaiting it gives itself, without waiting."""

    #: The new checkpoint; its parent is the one that was gone back to.
    checkpoint: Checkpoint
    state: Any = field(repr=False)

    def __await__(self) -> Generator[None, None, Restored]:
        return self
        yield  # makes it a generator


def loaded(checkpoint: Checkpoint, encoded: bytes, types: Collection[type] = ()) -> Any:
    """The state of a checkpoint, with objects of these types and of libraries that are known.

    Raises:
        CheckpointCodecError: it was saved by another codec, or an object in it does not fit
            its type any more.
    """
    return state_of(checkpoint, encoded, (*loaded_types(), *types))


def save(active: Active, frame: Frame, name: str, state: object) -> Checkpoint:
    """Save a state in the frame's run.

    Raises:
        CheckpointCodecError: part of the state cannot be stored as plain data.
        StoreError: the store cannot take it.
    """
    encoded = codec.encode(state)
    caller = frame.caller
    checkpoint = Checkpoint(
        checkpoint_id=active.clock.new_id(),
        run_id=caller.run_id,
        name=name,
        parent=frame.run.last_checkpoint,
        step=caller.step,
        agent=caller.agent,
        created_at=active.clock.time(),
        size=len(encoded),
        digest=codec.digest(encoded),
        codec=codec.CODEC,
    )
    return _keep(active, frame.run, checkpoint, encoded)


def branch(
    active: Active,
    run: ActiveRun,
    source: Checkpoint,
    encoded: bytes,
    types: Collection[type] = (),
) -> Restored:
    """Begin a branch in a run: a checkpoint's state is saved again, as its child.

    Raises:
        CheckpointCodecError: it was saved by another codec, or an object in it does not fit
            its type any more.
        StoreError: the store cannot answer.
    """
    state = loaded(source, encoded, types)
    now, new_id = active.clock.time(), active.clock.new_id()
    begun = branched(source, checkpoint_id=new_id, run_id=run.run_id, created_at=now)
    return Restored(_keep(active, run, begun, encoded), state)


def _keep(active: Active, run: ActiveRun, checkpoint: Checkpoint, encoded: bytes) -> Checkpoint:
    stored = active.checkpoints.save(checkpoint, encoded, active.engine.policy.checkpoints)
    run.last_checkpoint = stored.checkpoint_id
    active.telemetry.checkpointed(stored)
    return stored


def checkpoint_flow(active: Callable[[], Active], name: str, invocation: Invocation) -> Flow:
    """What happens around a step: its state is saved once it has returned."""
    now = active()
    frame = inner_frame(frame_of_caller(), step=name)
    step = _Step(now, frame, name, invocation)
    return Run(now.engine, Place(frame), step.seen, step.end)


class _Step:
    """One invocation of a step whose state is saved."""

    def __init__(self, active: Active, frame: Frame, name: str, invocation: Invocation) -> None:
        self._active, self._frame, self._name = active, frame, name
        self._invocation = invocation
        self._yielded: object = None

    def seen(self, chunk: object) -> None:
        """Remember what a generator yielded last."""
        self._yielded = chunk

    def end(self, outcome: Outcome) -> None:
        """Save what the step left, where it came to its end."""
        if isinstance(outcome, Returned):
            last = self._yielded if is_generator(self._invocation.fn) else None
            state = _state(outcome.value, last, self._invocation)
            save_beside(self._active, self._frame, self._name, state)


def save_beside(active: Active, frame: Frame, name: str, state: object) -> None:
    """Save a state beside other work: a loss is logged, and counted in the run."""
    try:
        save(active, frame, name, state)
    except (CheckpointCodecError, StoreError) as error:
        if name not in _told:
            _told.add(name)
            _log.warning("wflo: no checkpoint of %s: %s", name, error)
        _count_loss(active, frame.caller, name)


def _count_loss(active: Active, caller: Caller, name: str) -> None:
    try:
        active.runs.note((*caller.parent_runs, caller.run_id), "unsaved", name)
    except StoreError as error:
        active.telemetry.state_failed("note", error, allowed=True)


def _state(value: object, last_yielded: object, invocation: Invocation) -> object:
    """What a step leaves: what it returned, yielded last, or the state it was given."""
    if value is not None:
        return value
    return last_yielded if last_yielded is not None else _first_argument(invocation)


def _first_argument(invocation: Invocation) -> Any:
    return next(iter((*invocation.own_args, *invocation.kwargs.values())), None)
