"""Which span a call is told on, where that is not simply the current one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from opentelemetry.trace import Span

from wflo_otel.core.call import Call


class BoundSpans:
    """The spans of open calls, by call. Safe from any thread."""

    def __init__(self) -> None:
        self._by_call: dict[str, BoundSpan] = {}

    def bind(self, call: Call, span: Span) -> BoundSpan:
        """Tell what comes of this call on this span, until ``end()``."""
        bound = BoundSpan(span, call, self)
        self._by_call[call.call_id] = bound
        return bound

    def of(self, call_id: str) -> BoundSpan | None:
        """What was bound to this call."""
        return self._by_call.get(call_id)

    def forget(self, call_id: str) -> None:
        """Nothing more comes of this call."""
        self._by_call.pop(call_id, None)


@dataclass(frozen=True, slots=True)
class BoundSpan:
    """A span, and the call that is told on it: until ``end()``, or to the end of a block."""

    span: Span
    call: Call
    _book: BoundSpans = field(repr=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Let go of the span; ending it is left to whoever started it."""
        self._book.forget(self.call.call_id)
