"""One method of a library that is guarded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Target:
    """Whose method it is, how it is known, and what stands in its place."""

    owner: type
    method: str
    #: Whether a method with parameters of these names can be guarded.
    knows: Callable[[list[str]], bool]
    #: Makes the guarded method out of the library's own.
    guard: Callable[[Any], Any]
    #: Calls a method that may be the guarded one with the request of a probe, and gives what
    #: that gives. ``None`` where the method is not one that sends.
    probe: Callable[[Any], object] | None = None
