"""What the charged attempts that share one span have used together.

The rule: the sum is kept here and never read back from the span, which may be sampled out,
written by somebody else, or not show its attributes at all.
"""

from __future__ import annotations

import threading

from wflo_otel.core.call import CallRecord
from wflo_otel.core.usage import Usage
from wflo_otel.core.value import value

#: Sources of a cost whose usage the provider never told.
ESTIMATES = frozenset({"estimate", "reserved"})


@value
class Total:
    """A sum over calls; ``cost`` is in nano-USD. ``last`` is the call that was added last."""

    last: CallRecord
    usage: Usage
    cost: int
    charges: int = 1
    is_estimated: bool = False

    def plus(self, record: CallRecord) -> Total:
        """Add a call."""
        one = total_of(record)
        return Total(
            last=record,
            usage=_together(self.usage, one.usage),
            cost=self.cost + one.cost,
            charges=self.charges + 1,
            is_estimated=self.is_estimated or one.is_estimated,
        )


def total_of(record: CallRecord) -> Total:
    """The sum over one call, with what was billed to other models beside it."""
    usage = record.usage
    for beside in record.usage.extra:
        usage = _together(usage, beside.usage)
    return Total(record, usage, record.cost, is_estimated=record.cost_source in ESTIMATES)


def _together(one: Usage, other: Usage) -> Usage:
    """Add the counts that telemetry shows."""
    return Usage(
        input_tokens=one.input_tokens + other.input_tokens,
        output_tokens=one.output_tokens + other.output_tokens,
        cache_read_tokens=one.cache_read_tokens + other.cache_read_tokens,
        cache_write_tokens=one.cache_write_tokens + other.cache_write_tokens,
        reasoning_tokens=one.reasoning_tokens + other.reasoning_tokens,
        input_audio_tokens=one.input_audio_tokens + other.input_audio_tokens,
        output_audio_tokens=one.output_audio_tokens + other.output_audio_tokens,
        input_image_tokens=one.input_image_tokens + other.input_image_tokens,
        output_image_tokens=one.output_image_tokens + other.output_image_tokens,
    )


class Tally:
    """A running total, safe from any thread, and the attribute keys that were written from it."""

    __slots__ = ("_lock", "_total", "written")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._total: Total | None = None
        self.written: set[str] = set()

    @property
    def charges(self) -> int:
        """How many calls were added so far."""
        total = self._total
        return 0 if total is None else total.charges

    def add(self, record: CallRecord) -> Total:
        """Add a call and return the total so far."""
        with self._lock:
            total = self._total.plus(record) if self._total is not None else total_of(record)
            self._total = total
        return total
