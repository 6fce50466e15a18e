"""What came of a call, written onto its span.

The rules: cost is on model calls only. A success leaves the status UNSET. Of an exception its
type is written, never its message.
"""

from __future__ import annotations

from collections.abc import Mapping

from opentelemetry.trace import Span, Status, StatusCode

from wflo_otel.core.call import MODEL_CALLS, CallRecord, Operation
from wflo_otel.core.money import NANO_PER_USD
from wflo_otel.telemetry.safely import safely
from wflo_otel.telemetry.semconv import attributes as a
from wflo_otel.telemetry.tally import Tally, Total
from wflo_otel.telemetry.values import (
    Value,
    caller_attributes,
    decision_of,
    error_type,
    text,
)


def finish(
    span: Span, record: CallRecord, tally: Tally | None = None, *, catalogue: str = ""
) -> None:
    """Write what a call used and cost, and how it ended, onto its own span."""
    accumulate(span, record, tally, catalogue=catalogue)
    if (kind := error_type(record)) is not None:
        fail(span, kind)


def accumulate(
    span: Span,
    record: CallRecord,
    tally: Tally | None = None,
    *,
    catalogue: str = "",
    reasons: tuple[str, ...] = (),
) -> None:
    """Write what a call used, cost and said onto a span of ours, on top of what ``tally`` holds.

    The status is left alone: an attempt that failed may be followed by one that succeeds. Why
    an answer ended, ``reasons``, is told of the first that says so.
    """
    with safely("usage on a span"):
        tally = tally or Tally()
        total = tally.add(record)
        if not span.is_recording():
            return
        attributes = _outcome(total, catalogue)
        if reasons and a.FINISH_REASONS not in tally.written:
            tally.written.add(a.FINISH_REASONS)
            attributes[a.FINISH_REASONS] = tuple([text(each) for each in reasons])
        span.set_attributes(attributes)


def enrich(span: Span, record: CallRecord, tally: Tally, *, catalogue: str = "") -> None:
    """Write onto another instrumentation's span what it lacks, and what only wflo knows."""
    with safely("usage on a foreign span"):
        total = tally.add(record)
        attributes = {**caller_attributes(record.caller), **_outcome(total, catalogue)}
        attributes[a.CALL_ID] = text(record.call_id)
        theirs = set(_present(span)) - tally.written
        ours = {key: value for key, value in attributes.items() if key not in theirs}
        tally.written.update(ours)
        span.set_attributes(ours)


def clamp(span: Span, cap: int) -> None:
    """Write the smaller output cap that goes into the request, in tokens per choice."""
    with safely("cap on a span"):
        span.set_attributes({a.OUTPUT_CAP: cap, a.DECISION: "clamp"})


def mark_replayed(span: Span) -> None:
    """Write onto a span that what it shows was paid for before, and met again."""
    with safely("replay on a span"):
        span.set_attribute(a.REPLAYED, True)


def mark_resend(span: Span, attempt: int) -> None:
    """Write onto an HTTP span which retry it is; the first attempt, 0, is none."""
    if attempt > 0:
        with safely("resend count on a span"):
            span.set_attribute(a.RESEND_COUNT, attempt)


def fail(span: Span, kind: str) -> None:
    """Mark a span as failed. ``kind`` is a class name or a provider's code, never a message."""
    with safely("failure on a span"):
        span.set_attribute(a.ERROR_TYPE, text(kind))
        span.set_status(Status(StatusCode.ERROR))


def _outcome(total: Total, catalogue: str) -> dict[str, Value]:
    record = total.last
    if record.operation not in MODEL_CALLS:
        return {}
    attributes: dict[str, Value] = {a.DECISION: decision_of(record)}
    if record.model:
        attributes[a.RESPONSE_MODEL] = text(record.model)
    if record.response_id:
        attributes[a.RESPONSE_ID] = text(record.response_id)
    if total.charges > 1:
        attributes[a.CHARGES] = total.charges
    return attributes | _usage(total) | _cost(total, catalogue)


def _usage(total: Total) -> dict[str, Value]:
    usage = total.usage
    attributes: dict[str, Value] = {a.INPUT_TOKENS: usage.input_tokens}
    if total.last.operation is not Operation.EMBEDDINGS:
        attributes[a.OUTPUT_TOKENS] = usage.output_tokens
    if usage.cache_read_tokens:
        attributes[a.CACHE_READ_TOKENS] = usage.cache_read_tokens
    if usage.cache_write_tokens:
        attributes[a.CACHE_WRITE_TOKENS] = usage.cache_write_tokens
    if usage.reasoning_tokens:
        attributes[a.REASONING_TOKENS] = usage.reasoning_tokens
    if total.is_estimated:
        attributes[a.ESTIMATED] = True
    return attributes


def _cost(total: Total, catalogue: str) -> dict[str, Value]:
    source = total.last.cost_source
    if not source:
        return {}
    usd = total.cost / NANO_PER_USD
    attributes: dict[str, Value] = {a.COST_USD: usd, a.USAGE_COST: usd, a.COST_SOURCE: source}
    if catalogue:
        attributes[a.CATALOGUE] = text(catalogue)
    return attributes


def _present(span: Span) -> Mapping[str, object]:
    """What is on a span, as far as its implementation shows it."""
    return getattr(span, "attributes", None) or {}
