"""Keeping a call that failed for good.

The rule: whatever goes wrong here is logged; the caller gets the error of the call.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry import trace

from wflo_otel.core.dead_letter import DeadLetter, ErrorFact
from wflo_otel.errors import StoreError
from wflo_otel.seams.active import Active
from wflo_otel.seams.failures import chain_of
from wflo_otel.seams.functions import Invocation
from wflo_otel.seams.payloads import Payload, payload_of
from wflo_otel.seams.references import reference_to
from wflo_otel.seams.work import frame_of_caller

_log = logging.getLogger("wflo_otel")

#: So much of an error's message is kept, in characters.
_MESSAGE = 1_000
_NO_CONTENT = Payload(None, "its arguments were not kept (store_content: false)")

#: The function whose letter is replayed here: if it fails again, that is its letter's to say.
_replaying: ContextVar[str] = ContextVar("wflo-replaying", default="")


@contextmanager
def replaying(function: str) -> Iterator[None]:
    """Inside the block this function is replayed: no new letter is written for it."""
    token = _replaying.set(function)
    try:
        yield
    finally:
        _replaying.reset(token)


def facts_of(error: BaseException, *, with_messages: bool) -> tuple[ErrorFact, ...]:
    """The chain of an error, outermost first."""
    return tuple(
        ErrorFact(type(each).__qualname__, _message(each) if with_messages else "")
        for each in chain_of(error)
    )


def bury(
    active: Active, name: str, invocation: Invocation, error: Exception, attempts: int
) -> None:
    """Keep a call as a dead letter."""
    function, problem = reference_to(invocation.fn)
    if function == _replaying.get():
        return
    keeps_content = active.engine.policy.store_content
    payload = payload_of(invocation.args, invocation.kwargs) if keeps_content else _NO_CONTENT
    caller, now = frame_of_caller().caller, active.clock.time()
    traced = trace.get_current_span().get_span_context()
    letter = DeadLetter(
        letter_id=active.clock.new_id()[:16],
        function=function,
        name=name,
        attempts=attempts,
        errors=facts_of(error, with_messages=keeps_content),
        created_at=now,
        changed_at=now,
        run_id=caller.run_id,
        agent=caller.agent,
        trace_id=trace.format_trace_id(traced.trace_id) if traced.is_valid else "",
        payload=payload.data,
        problem=problem or payload.problem,
    )
    try:
        active.dead_letters.bury(letter)
    except StoreError as lost:
        _log.warning("wflo: no dead letter for %s: %s", name, lost)
        return
    active.telemetry.buried(name)
    _log.info("wflo: %s failed for good; dead letter %s", name, letter.letter_id)


def _message(error: BaseException) -> str:
    try:
        return str(error)[:_MESSAGE]
    except Exception as failed:  # noqa: BLE001  # a method of somebody else's class
        return f"({type(failed).__name__} in its __str__)"
