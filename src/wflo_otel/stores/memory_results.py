"""Results in memory: gone with the process, and bounded.

The rule that holds here: as for all state in memory, a child of a fork has none of it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable

from wflo_otel.core.checkpoint import oldest_kept
from wflo_otel.core.policy import Checkpoints
from wflo_otel.core.results import KeptResult
from wflo_otel.errors import StoreError

#: So many bytes of one run are kept; beyond it the oldest go.
MAX_RUN_BYTES = 64 * 1024 * 1024


class MemoryResults:
    """:class:`~wflo_otel.ports.ResultLog` in a dictionary."""

    def __init__(self, max_run_bytes: int = MAX_RUN_BYTES) -> None:
        self._max_run_bytes = max_run_bytes
        self._of_run: dict[str, list[KeptResult]] = {}
        self._lock = threading.Lock()
        self._pid = os.getpid()

    def keep(self, result: KeptResult, kept: Checkpoints) -> None:
        """Keep a result, and drop what is not to be kept beside it."""
        self._check()
        oldest = oldest_kept(kept, result.created_at)
        with self._lock:
            self._of_run.setdefault(result.run_id, []).append(result)
            for run_id, found in list(self._of_run.items()):
                if found[0].created_at < oldest:  # kept one after the other
                    self._put(run_id, [each for each in found if each.created_at >= oldest])
            self._put(result.run_id, self._bounded(self._of_run[result.run_id], kept.keep))

    def results(self, run_id: str) -> list[KeptResult]:
        """List a run's results, oldest first."""
        self._check()
        with self._lock:
            return list(self._of_run.get(run_id, ()))

    def forget_runs(self, run_ids: Iterable[str]) -> None:
        """Drop all results of these runs."""
        with self._lock:
            for run_id in run_ids:
                self._of_run.pop(run_id, None)

    def _put(self, run_id: str, results: list[KeptResult]) -> None:
        if results:
            self._of_run[run_id] = results
        else:
            self._of_run.pop(run_id, None)

    def _bounded(self, results: list[KeptResult], keep: int) -> list[KeptResult]:
        newest: list[KeptResult] = []
        afters: set[str] = set()
        size = 0
        for each in reversed(results):
            size += len(each.payload)
            afters.add(each.after)
            if size > self._max_run_bytes or len(afters) > keep:
                break
            newest.append(each)
        return newest[::-1]

    def _check(self) -> None:
        # Before the lock: another thread may have held it when the process forked.
        if os.getpid() != self._pid:
            raise StoreError("memory:// is not shared with child processes")
