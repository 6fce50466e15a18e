"""Whether this thread is inside a garbage collection.

A collection may begin anywhere, also while this thread holds a lock of a store or of an
exporter. Closing a response from there (the SDKs' generators do, when they are collected) must
take no lock.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Mapping

_inside = threading.local()


def in_collection() -> bool:
    """Whether the garbage collector is at work on this thread right now."""
    return getattr(_inside, "is_collecting", False)


def _note(phase: str, info: Mapping[str, int]) -> None:
    del info
    _inside.is_collecting = phase == "start"


def watch_collections() -> None:
    """Begin to look. Idempotent."""
    if _note not in gc.callbacks:
        gc.callbacks.append(_note)


def unwatch_collections() -> None:
    """Look no longer. Idempotent."""
    if _note in gc.callbacks:
        gc.callbacks.remove(_note)
        _inside.is_collecting = False
