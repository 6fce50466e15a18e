"""Processes that ``multiprocessing`` starts: they skip ``atexit``, so they are ended here.

Such a child empties its list of finalizers before it works, so ours is put on it afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import ModuleType

#: The lowest that is still called: after the finalizers of queues and pools.
_PRIORITY = 0


@cache
def at_end_of_children(end: Callable[[], None]) -> None:
    """Call ``end`` when a child process of ``multiprocessing`` has done its work. Idempotent."""
    from wrapt import register_post_import_hook  # 15 ms, where nothing is configured for nothing

    def hook(util: ModuleType) -> None:
        util.register_after_fork(end, lambda _: util.Finalize(None, end, exitpriority=_PRIORITY))

    register_post_import_hook(hook, "multiprocessing.util")
