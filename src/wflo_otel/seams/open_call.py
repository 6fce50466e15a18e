"""The open permit that an outer seam leaves for the inner one that sees the wire.

An outer seam (a decorator around an SDK call, another instrumentation's span) reserves and
cannot see what is sent. The rule: the first inner seam of its call takes the permit over, and
only the first; further calls, and retries, reserve for themselves.

A block carries its offer in the context. A span has no block: its offer is found by the span,
where that is current, and else in the context it was started in, until the span has ended.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import SpanContext

from wflo_otel.core.call import Ask
from wflo_otel.engine import Permit

_OTEL_KEY = otel_context.create_key("wflo-offer")


class Offer:
    """A permit that can be taken once, from any thread."""

    __slots__ = ("_lock", "_permit")

    def __init__(self, permit: Permit) -> None:
        self._lock = threading.Lock()
        self._permit: Permit | None = permit

    @property
    def is_open(self) -> bool:
        """Whether there is a permit that nobody took."""
        permit = self._permit
        return permit is not None and not permit.closed

    def take(self) -> Permit | None:
        """The permit, for the first who asks; ``None`` for everyone else."""
        with self._lock:
            permit, self._permit = self._permit, None
        return permit if permit is not None and not permit.closed else None


_offer: ContextVar[Offer | None] = ContextVar("wflo-offer", default=None)


@contextmanager
def offering(permit: Permit) -> Iterator[None]:
    """Leave this permit for the first inner seam inside the block; after it nobody takes it."""
    offer = Offer(permit)
    token = otel_context.attach(otel_context.set_value(_OTEL_KEY, offer))
    own = _offer.set(offer)
    try:
        yield
    finally:
        offer.take()
        _restore(own, token)


def _restore(own: Token[Offer | None], token: Token[otel_context.Context]) -> None:
    try:
        _offer.reset(own)
    except ValueError:  # left in another context, by a finalizer: nothing of ours is there
        return
    otel_context.detach(token)


@dataclass(frozen=True, slots=True)
class _SpanOffer:
    """What a span has left, and whose span it is."""

    offer: Offer
    scope: str
    ask: Ask

    def is_for(self, scope: str, ask: Ask | None) -> bool:
        """Whether a call may be the same one, seen by another instrumentation."""
        if scope == self.scope:
            return False
        return ask is None or (
            self.ask.model in {None, ask.model} and self.ask.provider in {"", ask.provider}
        )


#: The offers of open spans, by trace and span.
_by_span: dict[tuple[int, int], Offer] = {}
#: The offer of the span that was started last in this context.
_in_context: ContextVar[_SpanOffer | None] = ContextVar("wflo-span-offer", default=None)


def offer_on(span: SpanContext, permit: Permit, scope: str) -> None:
    """Leave this permit for the first seam inside a span; the caller withdraws it at its end.

    Where the span is not current it is found by the context, but not by another span of the
    same ``scope``: no instrumentation tells twice of one call, and a stream may still be open.
    """
    offer = _by_span[span.trace_id, span.span_id] = Offer(permit)
    _in_context.set(_SpanOffer(offer, scope, permit.call.ask))


def withdraw(span: SpanContext) -> None:
    """Take back what was left on a span, where nobody took it."""
    offer = _by_span.pop((span.trace_id, span.span_id), None)
    if offer is not None:
        offer.take()


def outer_permit(
    around: SpanContext | None = None, scope: str = "", ask: Ask | None = None
) -> Permit | None:
    """Take over the permit of the seam around this one, if it left one nobody took yet.

    Args:
        around: the span around the call; the current one by default.
        scope: of the instrumentation that asks, where one does.
        ask: what is asked for, as far as it is known.
    """
    for offer in _offers(around, scope, ask):
        if (permit := offer.take()) is not None:
            return permit
    return None


def is_offered() -> bool:
    """Whether a seam around this one reserves for what is sent here."""
    return any(offer.is_open for offer in _offers(None, "", None))


def _offers(around: SpanContext | None, scope: str, ask: Ask | None) -> Iterator[Offer]:
    """The offers that may be this call's, innermost first."""
    if _by_span:
        span = around or trace.get_current_span().get_span_context()
        if (offer := _by_span.get((span.trace_id, span.span_id))) is not None:
            yield offer
    left = _in_context.get()
    if left is not None and left.is_for(scope, ask):
        yield left.offer
    for carried in (otel_context.get_value(_OTEL_KEY), _offer.get()):
        if isinstance(carried, Offer):
            yield carried
