"""Streams: how far one may go on what it reserved, and where it must end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress

from wflo_otel.core.call import Answer
from wflo_otel.core.decision import Exceeded, Granted
from wflo_otel.core.ledger import Amount, Unit
from wflo_otel.core.money import PICO_PER_NANO, ceil_nano
from wflo_otel.core.policy import Mode, Policy
from wflo_otel.engine.metering import usage_seen
from wflo_otel.engine.permit import Permit
from wflo_otel.engine.sizing import allows_state_errors
from wflo_otel.errors import StoreError
from wflo_otel.ports import Adapters, LedgerView

#: A stream grows by this many output tokens at a time.
_GROWTH_TOKENS = 256


class Growth:
    """Watches what streams spend."""

    def __init__(self, policy: Callable[[], Policy], adapters: Adapters) -> None:
        self._policy = policy
        self._ports = adapters

    def may_go_on(self, permit: Permit, answer: Answer) -> bool:
        """Whether a stream may go on; its reservation grows where it is spent and can grow."""
        if not permit.is_limited or not permit.reserved or self._policy().mode is Mode.SHADOW:
            permit.look_again_at = sys.maxsize
            return True
        seen = usage_seen(permit, answer, self._ports.tokens)
        spent = Amount(ceil_nano(permit.price.cost_pico(seen)), seen.total_tokens)
        if not _within(spent, permit.granted) and not self._grow(permit, spent):
            return False
        left = _tokens_left(permit, spent)
        permit.look_again_at = seen.output_tokens + max(1, left // 2)
        return True

    def _grow(self, permit: Permit, spent: Amount) -> bool:
        granted = permit.granted
        step = permit.price.output_pico(permit.estimate.upper) * _GROWTH_TOKENS
        wanted = Amount(
            usd=max(0, spent.usd - granted.usd) + ceil_nano(step),
            tokens=max(0, spent.tokens - granted.tokens) + _GROWTH_TOKENS,
        )
        try:
            added = self._ports.state.grow(permit.call.call_id, wanted)
        except StoreError as error:
            allowed = allows_state_errors(self._policy(), permit)
            self._ports.telemetry.state_failed("grow", error, allowed=allowed)
            return allowed
        permit.granted = granted._replace(
            usd=granted.usd + added.usd, tokens=granted.tokens + added.tokens
        )
        return _within(spent, permit.granted)

    def tightest(self, permit: Permit) -> Exceeded:
        """The budget of a call that has the least left, in its own numbers."""
        granted = permit.granted
        keys = {scope.key for scope in permit.scopes if scope.budget is not None}
        found: list[tuple[int, LedgerView, Unit, int]] = []
        with suppress(StoreError):
            found = [
                (limit - view.settled.of(unit) - view.pending.of(unit), view, unit, limit)
                for key in keys
                for view in self._ports.state.ledgers(key)
                if view.key == key
                for unit, limit in view.limits.items()
            ]
        if not found:
            return Exceeded(permit.scopes[-1].key, "usd", granted.usd, granted.usd, 0, granted.usd)
        _, view, unit, limit = min(found, key=lambda each: each[0])
        needed = Amount(granted.usd, granted.tokens, 1).of(unit)
        return Exceeded(view.key, unit, limit, view.settled.of(unit), view.pending.of(unit), needed)


def _within(spent: Amount, granted: Granted) -> bool:
    # A clamped stream cannot end by itself: it is cut at its last token, not after it.
    spare = 1 if granted.clamped else 0
    return spent.usd + spare <= granted.usd and spent.tokens + spare <= granted.tokens


def _tokens_left(permit: Permit, spent: Amount) -> int:
    """How many more output tokens the reservation covers."""
    each = permit.price.output_pico(permit.estimate.upper)
    left = permit.granted.tokens - spent.tokens
    return min(left, (permit.granted.usd - spent.usd) * PICO_PER_NANO // each) if each else left
