"""The one place that swallows an exception: telemetry that fails must not fail the program.

The rule: a refusal passes through, everything else is logged once per place. Under pytest it is
raised, so that a defect in telemetry cannot hide behind this.
"""

from __future__ import annotations

import logging
import os
from types import TracebackType

from wflo_otel.errors import PolicyViolationError

_log = logging.getLogger(__name__)
_told: set[str] = set()


class safely:  # noqa: N801 - reads as a verb: `with safely("place"):`
    """Swallow what fails inside the block.

    Args:
        place: what is at work, for the log; each place is logged once per process.
    """

    __slots__ = ("_place",)

    def __init__(self, place: str) -> None:
        self._place = place

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if error is None:
            return False
        if not isinstance(error, Exception) or isinstance(error, PolicyViolationError):
            return False
        if "PYTEST_CURRENT_TEST" in os.environ:
            return False
        if self._place not in _told:
            _told.add(self._place)
            # The type only: a message may quote a value that is content.
            _log.warning("telemetry failed in %s (%s)", self._place, type(error).__name__)
        return True
