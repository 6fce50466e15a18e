"""Taking down an answer while it passes, for a run that may meet it again.

The rule: what is taken down is what the caller was handed, with the headers that say how to read
it; an answer that is too large is not taken down at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from wflo_otel.seams.results import MAX_RESULT_BYTES

#: The headers that a client reads an answer by, or names it by.
_TOLD = ("content-type", "content-encoding", "request-id", "x-request-id")


class Keep(Protocol):
    """Keeps an answer."""

    def __call__(self, body: bytes, status: int, headers: dict[str, str]) -> None:
        """Keep what a model has answered. Never raises."""
        ...


class Notes:
    """One answer, as far as it came."""

    def __init__(self, keep: Keep) -> None:
        self._keep = keep
        self._parts: list[bytes] = []
        self._room = MAX_RESULT_BYTES

    def take(self, shown: bytes) -> None:
        """Take down a piece."""
        self._room -= len(shown)
        if self._room >= 0:
            self._parts.append(shown)
        else:
            self._parts = []

    def finish(self, status: int, headers: Mapping[str, str], *, is_decoded: bool) -> None:
        """The answer is whole: keep it, if it is not too large."""
        if self._room < 0:
            return
        told = {name: headers[name] for name in _TOLD if name in headers}
        if is_decoded:
            told.pop("content-encoding", None)
        self._keep(b"".join(self._parts), status, told)
