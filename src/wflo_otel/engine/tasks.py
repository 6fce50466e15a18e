"""What is at work here: a plain thread, or a task of asyncio's or trio's.

The rule: both are looked for where a program has imported them, and never imported.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any


def owner() -> str:
    """Name the thread or task that is at work: it must not wait for money it holds itself."""
    task = _task()
    return f"{os.getpid()}:{threading.get_ident()}:{id(task) if task is not None else 0}"


def on_event_loop() -> bool:
    """Whether blocking this thread would stop an event loop."""
    if running_trio() is not None:
        return True
    return _running_loop() is not None


def running_trio() -> Any | None:
    """The module ``trio``, where its loop runs this thread."""
    trio = sys.modules.get("trio")
    return trio if trio is not None and trio.lowlevel.in_trio_run() else None


def is_cancellation(error: BaseException) -> bool:
    """Whether an exception says that asyncio has cancelled a task."""
    cancelled = getattr(sys.modules.get("asyncio"), "CancelledError", ())
    return isinstance(error, cancelled)


def _task() -> object:
    trio = running_trio()
    if trio is not None:
        return trio.lowlevel.current_task() if trio.lowlevel.in_trio_task() else None
    loop = _running_loop()
    return None if loop is None else sys.modules["asyncio"].current_task(loop)


def _running_loop() -> Any | None:
    # Not the public function, which raises where there is no loop, and that costs more.
    ask = getattr(sys.modules.get("asyncio"), "_get_running_loop", None)
    return None if ask is None else ask()
