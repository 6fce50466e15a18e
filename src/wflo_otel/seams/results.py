"""What a run has paid for, met again when it goes back or is taken up again.

The rules: nothing is kept unless the policy says so; that a result cannot be kept, or read,
fails no call: it is logged, once, and told.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from wflo_otel.context import runs
from wflo_otel.core.policy import Mode, Policy
from wflo_otel.core.results import KeptResult, Replay, Result, read, since, written
from wflo_otel.core.scope import Caller
from wflo_otel.errors import CheckpointCodecError, StoreError
from wflo_otel.ports import CheckpointStore, Clock, ResultLog

#: A larger answer is not kept.
MAX_RESULT_BYTES = 4 * 1024 * 1024

_log = logging.getLogger("wflo_otel")


class Results:
    """The results of all runs of this process: kept, and taken again.

    Args:
        log: where they are kept.
        checkpoints: which of them a run goes on from.
        policy: gives the policy in force.
        clock: tells the time.
    """

    def __init__(
        self,
        log: ResultLog,
        checkpoints: CheckpointStore,
        policy: Callable[[], Policy],
        clock: Clock,
    ) -> None:
        self._store = log
        self._checkpoints = checkpoints
        self._policy = policy
        self._clock = clock
        self._lock = threading.Lock()
        self._replays: dict[str, Replay] = {}
        self._told: set[str] = set()

    @property
    def are_kept(self) -> bool:
        """Whether the policy asks for it; in shadow mode every call goes out as it would."""
        policy = self._policy()
        asks = policy.checkpoints.replay and policy.store_content
        return asks and policy.mode is Mode.ENFORCE

    def take_up(self, run_id: str, checkpoint_id: str | None = None) -> None:
        """Go on with a run from a checkpoint, else from its beginning: what it has paid for
        since then is met again."""
        if not self.are_kept:
            return
        try:
            saved = self._checkpoints.checkpoints(run_id)
            found = since(self._store.results(run_id), saved, checkpoint_id)
            replay = Replay([read(each) for each in found])
        except (StoreError, CheckpointCodecError) as error:
            self._tell("results of an earlier run cannot be read, and are paid for again", error)
            return
        with self._lock:
            self._replays.pop(run_id, None)
            if not replay.is_over:
                self._replays[run_id] = replay

    def loaded(self, run_id: str, checkpoint_id: str, last_checkpoint: str | None) -> None:
        """A checkpoint of a run was loaded: it goes on there, if that is where it can.

        That is its last one, and any where it has not yet come to something new.
        """
        if checkpoint_id == last_checkpoint or run_id in self._replays:
            self.take_up(run_id, checkpoint_id)

    def may_answer(self, caller: Caller) -> bool:
        """Whether something that the caller's run has paid for is left to be met again."""
        return caller.run_id in self._replays

    def model(self, caller: Caller, key: str) -> Result | None:
        """What a model has answered to this before; ``None``: it must be asked."""
        return self._next(caller, key, Replay.model)

    def tool(self, caller: Caller, key: str) -> Result | None:
        """What a tool has answered to this before; ``None``: it must work."""
        return self._next(caller, key, Replay.tool)

    def _next(
        self, caller: Caller, key: str, find: Callable[[Replay, str, str], Result | None]
    ) -> Result | None:
        with self._lock:
            replay = self._replays.get(caller.run_id)
            if replay is None:
                return None
            found = find(replay, _line(caller), key)
            if replay.is_over:
                del self._replays[caller.run_id]
        return found

    def keep(
        self,
        caller: Caller,
        key: str,
        body: bytes,
        status: int = 0,
        headers: dict[str, str] | None = None,
    ) -> None:
        """Keep what was answered. Never raises."""
        if len(body) > MAX_RESULT_BYTES:
            return
        result = Result(_line(caller), key, body, status, headers or {})
        kept = KeptResult(
            caller.run_id, _last_checkpoint(caller), self._clock.time(), written(result)
        )
        try:
            self._store.keep(kept, self._policy().checkpoints)
        except StoreError as error:
            self._tell("a result cannot be kept, and may be paid for again", error)

    def _tell(self, what: str, error: Exception) -> None:
        if what not in self._told:
            self._told.add(what)
            _log.warning("wflo: %s: %s", what, error)


def _line(caller: Caller) -> str:
    return "/".join(caller.agents)


def _last_checkpoint(caller: Caller) -> str:
    run = runs.last_saved(caller)
    is_own = run is not None and run.run_id == caller.run_id
    return (run.last_checkpoint or "") if run is not None and is_own else ""
