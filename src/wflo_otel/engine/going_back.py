"""Going back to the last checkpoint of a run whose budget is gone, where the policy asks for it.

The rule: it happens once, when the scope is stopped, and whatever keeps it from happening is
told and never changes the refusal.
"""

from __future__ import annotations

from collections.abc import Callable

from wflo_otel.context import ActiveRun, runs
from wflo_otel.core.checkpoint import branched
from wflo_otel.core.decision import Circling, CircuitOpen, Exceeded, Queued, Stopped
from wflo_otel.core.policy import Policy
from wflo_otel.core.scope import Caller
from wflo_otel.errors import CheckpointCodecError, CheckpointNotFoundError, StoreError
from wflo_otel.ports import Adapters


class GoingBack:
    """Begins the branch that a run goes on from once its budget is raised."""

    def __init__(self, policy: Callable[[], Policy], adapters: Adapters) -> None:
        self._policy = policy
        self._ports = adapters

    def after(
        self,
        decision: Exceeded | Stopped | Queued | CircuitOpen | Circling | None,
        caller: Caller,
    ) -> None:
        """Go back, if this decision has just stopped a scope whose budget says so."""
        if not isinstance(decision, Exceeded) or not decision.rolls_back:
            return
        run = runs.last_saved(caller)
        if run is None or run.last_checkpoint is None:
            return
        try:
            self._branch(run, run.last_checkpoint)
        except StoreError as error:
            self._ports.telemetry.state_failed("rollback", error, allowed=True)
        except (CheckpointNotFoundError, CheckpointCodecError) as error:
            told = StoreError(str(error))
            told.__cause__ = error
            self._ports.telemetry.state_failed("rollback", told, allowed=True)

    def _branch(self, run: ActiveRun, checkpoint_id: str) -> None:
        ports = self._ports
        source, encoded = ports.checkpoints.load(checkpoint_id)
        new_id, now = ports.clock.new_id(), ports.clock.time()
        begun = branched(source, checkpoint_id=new_id, run_id=run.run_id, created_at=now)
        stored = ports.checkpoints.save(begun, encoded, self._policy().checkpoints)
        run.last_checkpoint = stored.checkpoint_id
        ports.telemetry.checkpointed(stored)
