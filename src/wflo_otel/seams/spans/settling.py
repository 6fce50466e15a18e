"""Charging a model call by what its span says at the end.

The rules: a call is charged once, by the seam nearest to it; a span around that one shows no
cost. Of a call that ran and whose usage nobody told, what is charged is what was reserved.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from weakref import finalize

from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.trace import Span, SpanContext, format_span_id, format_trace_id

from wflo_otel.core.call import Answer, Ask, Outcome, Status
from wflo_otel.core.usage import NOTHING
from wflo_otel.engine import Permit
from wflo_otel.seams.http.span import tally_of
from wflo_otel.seams.open_call import withdraw
from wflo_otel.seams.prompts import prompt_of
from wflo_otel.seams.spans import open_spans
from wflo_otel.seams.spans.instrumentations import is_on_the_wire
from wflo_otel.seams.spans.open_spans import OpenCall
from wflo_otel.telemetry.dialects import Says, says
from wflo_otel.telemetry.endings import ending_of
from wflo_otel.telemetry.outcomes import enrich
from wflo_otel.wire.dialects import provider_of_model


def ask_of(said: Says) -> Ask:
    """What a span shows of a request; what it hides is learned apart from what others show."""
    shown = prompt_of(() if said.prompt is None else (said.prompt,))
    return Ask(
        said.operation,
        said.provider or provider_of_model(said.model) or "",
        said.model,
        output_cap=said.output_cap,
        choices=said.choices,
        messages=shown.messages or 1,
        text_chars=shown.chars,
        tool_set="" if shown.chars else "unseen",
        texts=tuple(shown.texts),
    )


def ended(opened: OpenCall, finalizer: finalize[[OpenCall], SdkSpan], span: Span) -> None:
    """Charge what a span says that its call has used, and write the cost onto it."""
    finalizer.detach()
    if not _close(opened):
        return
    said = says(span) or opened.said
    outcome = ending_of(span)
    if opened.permit is None:
        _charge_unseen(opened, said, outcome, span)
    elif not opened.permit.adopted and not opened.permit.closed:
        _charge(opened, opened.permit, said, outcome, span)


def dropped(opened: OpenCall) -> None:
    """Leave a note for a call whose span nobody ended; for finalizers."""
    opened.active.engine.do_later(partial(_lose, opened))


def _close(opened: OpenCall) -> bool:
    withdraw(opened.context)
    return open_spans.close(opened)


def _lose(opened: OpenCall) -> None:
    permit = opened.permit
    if _close(opened) and permit is not None and not permit.adopted:
        opened.active.engine.settle(permit, Outcome(Status.ABANDONED))


def _charge(opened: OpenCall, permit: Permit, said: Says, outcome: Outcome, span: Span) -> None:
    engine, answer = opened.active.engine, outcome.answer
    if not opened.said.provider:
        provider = ask_of(said).provider or permit.call.ask.provider
        known = replace(permit.call.ask, provider=provider)
        permit.call = replace(permit.call, ask=known)
    if answer.usage is None:
        if outcome.status is Status.ERROR:
            engine.void(permit, outcome)
            _keep_failure(opened, permit, said, outcome)
            return
        # The end shows more of the request than the start did: its size, its cap, its model.
        call = replace(permit.call, ask=ask_of(said))
        permit = engine.observe(call, adopting=permit)
        _identify(permit, opened.context)
    _settle(opened, permit, outcome, span)


def _charge_unseen(opened: OpenCall, said: Says, outcome: Outcome, span: Span) -> None:
    """Charge a call that the guard was to see and has not, unless it may have all the same."""
    if opened.is_bound or outcome.answer.usage is None or is_on_the_wire(said):
        return
    permit = opened.active.engine.fetch(replace(opened.call, ask=ask_of(said)))
    _identify(permit, opened.context)
    response = outcome.answer.response_id
    once = f"{permit.call.ask.provider}:{response}" if response else None
    _settle(opened, permit, replace(outcome, charge_once=once), span)


def _settle(opened: OpenCall, permit: Permit, outcome: Outcome, span: Span) -> None:
    with opened.active.telemetry.share(permit.call, span):
        record = opened.active.engine.settle(permit, outcome)
    if record is not None and (record.cost or record.usage != NOTHING):
        enrich(span, record, tally_of(span), catalogue=permit.price.catalogue)


def _identify(permit: Permit, context: SpanContext) -> None:
    permit.trace_id = format_trace_id(context.trace_id)
    permit.span_id = format_span_id(context.span_id)


def _keep_failure(opened: OpenCall, permit: Permit, said: Says, outcome: Outcome) -> None:
    """Keep a line of a call that failed before anything was seen of an answer."""
    failed = replace(outcome, status=Status.ERROR, answer=Answer(model=said.model))
    opened.active.engine.keep_failure(permit, failed)
