"""Being told that a span ends, while it can still be written to.

A processor's ``on_end`` comes too late: the span is closed. The rule: whatever goes wrong here,
the span ends.
"""

from __future__ import annotations

from collections.abc import Callable

from opentelemetry.trace import Span

from wflo_otel.telemetry.safely import safely


def watch_end(span: Span, told: Callable[[Span], object]) -> None:
    """Call ``told`` with this span before it ends, once, whoever ends it."""
    original = span.end

    def end(end_time: int | None = None) -> None:
        if vars(span).get("end") is end:
            del span.end  # the circle with the span, and what a second end would do
            with safely("the end of a span"):
                told(span)
        original(end_time)

    span.end = end  # type: ignore[method-assign]  # on this span only
