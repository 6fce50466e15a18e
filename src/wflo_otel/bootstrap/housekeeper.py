"""What must be done by the clock: renew open calls, settle what finalizers left, reload.

One daemon thread per process. A process that dies takes it along; then its leases expire.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

log = logging.getLogger("wflo_otel")


class Housekeeper:
    """Calls each duty again and again, ``period_s`` apart."""

    def __init__(self, duties: tuple[Callable[[], None], ...], period_s: float) -> None:
        self._duties = duties
        self._period_s = period_s
        self._ended = threading.Event()
        self._thread = self._begin()

    def _begin(self) -> threading.Thread:
        thread = threading.Thread(target=self._work, name="wflo-housekeeper", daemon=True)
        thread.start()
        return thread

    def _work(self) -> None:
        while not self._ended.wait(self._period_s):
            self.work_once()

    def work_once(self) -> None:
        """Do every duty; one that fails does not keep the others from their turn."""
        for duty in self._duties:
            try:
                duty()
            except Exception:  # a daemon thread has nobody to raise to
                log.exception("wflo: housekeeping failed")

    @property
    def is_alive(self) -> bool:
        """Whether the thread is at work in this process."""
        return self._thread.is_alive()

    def after_fork(self) -> None:
        """Begin again in a child process, where the thread is gone."""
        self._ended = threading.Event()
        self._thread = self._begin()

    def end(self) -> None:
        """Stop, and wait until the duty at work is done."""
        self._ended.set()
        self._thread.join(timeout=5)
