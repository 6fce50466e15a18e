"""Delivering what is left when the program ends, for a bounded time.

The SDK's own exit handlers wait up to 30 seconds for each signal. The rule here: the program
ends when it ends, at most two seconds late. No thread can be started while Python shuts down,
so the one that closes is there from the start and sleeps.
"""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from collections.abc import Callable, Sequence

from wflo_otel.telemetry.safely import safely

#: How late telemetry may make a program end, in seconds.
EXIT_TIMEOUT_S = 2.0


class Closer:
    """Closes providers at exit; exporters that are still at it then are abandoned.

    Args:
        close: closes each provider, delivering what is left; may wait.
        abandon: makes each exporter give up at once.
        late: says that not all was delivered.
    """

    def __init__(
        self,
        close: Sequence[Callable[[], object]],
        abandon: Sequence[Callable[[], object]],
        late: Callable[[], object],
    ) -> None:
        self._close = tuple(close)
        self._abandon = tuple(abandon)
        self._late = late
        self._wait_in_background()
        _closers.add(self)
        atexit.register(self.close)

    def close(self, timeout_s: float = EXIT_TIMEOUT_S) -> bool:
        """Deliver what is left and close; tell whether that was done in time. Idempotent."""
        if self._asked.is_set():
            return self._done.is_set()
        self._asked.set()
        if self._done.wait(timeout_s):
            return True
        self._late()
        for abandon in self._abandon:
            with safely("abandoning an exporter"):
                abandon()
        return False

    def _wait_in_background(self) -> None:
        self._asked, self._done = threading.Event(), threading.Event()
        threading.Thread(target=self._work, name="wflo-telemetry-closer", daemon=True).start()

    def _work(self) -> None:
        self._asked.wait()
        for close in self._close:
            with safely("closing telemetry"):
                close()
        self._done.set()


#: A forked child has no threads but its own: it needs a new one.
_closers: weakref.WeakSet[Closer] = weakref.WeakSet()


def _after_fork() -> None:
    for closer in _closers:
        closer._wait_in_background()  # noqa: SLF001 - of this module


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
