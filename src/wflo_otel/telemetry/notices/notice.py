"""What is told: one flat object, the same keys for every event.

The rule: no content, and nothing longer than telemetry shows.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Final, TypeAlias

from wflo_otel.core.decision import Circling, Exceeded, Transition
from wflo_otel.core.finding import reason_of
from wflo_otel.core.money import to_usd
from wflo_otel.core.scope import Caller
from wflo_otel.ports import Refused
from wflo_otel.telemetry.values import text

#: The names of events.
STOP: Final = "stop"
UNPRICED: Final = "unpriced"
BREAKER: Final = "breaker"

#: An amount in its unit: US dollars as text with all digits, counts as numbers.
Amount: TypeAlias = str | int


@dataclass(frozen=True, slots=True)
class Notice:
    """One event. The fields are the keys of the JSON."""

    event: str
    #: When it happened: ISO 8601, in UTC.
    time: str
    run_id: str
    run_name: str
    agent: str | None
    model: str | None
    #: What a stop has hit, or whose circuit breaker has opened; ``None`` where nothing was.
    scope: str | None
    #: Why a circuit breaker has opened, or which loop was found.
    reason: str | None
    unit: str | None
    limit: Amount | None
    settled: Amount | None
    #: Nothing was refused: shadow mode.
    shadow: bool

    def as_json(self) -> bytes:
        """The notice as it is sent."""
        return json.dumps(asdict(self), ensure_ascii=False).encode()


def event_of(refused: Refused) -> str | None:
    """Name the event that a refusal makes; ``None``: it makes none."""
    if refused.policy == "unpriced":
        return UNPRICED
    match refused.decision:
        case Exceeded(stops=True) | Circling(is_stopped=False):
            return STOP
        case _:
            return None


def notice_of(event: str, refused: Refused, run_name: str, at: float, *, shadow: bool) -> Notice:
    """Write a notice; ``at`` is in seconds since the epoch."""
    caller, asked = refused.call.caller, refused.call.ask.model
    decision = refused.decision
    hit = decision if isinstance(decision, Exceeded) else None
    loop = decision if isinstance(decision, Circling) else None
    stopped = hit or loop
    return Notice(
        event=event,
        time=_iso(at),
        run_id=text(caller.run_id),
        run_name=text(run_name),
        agent=text(caller.agent) if caller.agent else None,
        model=text(asked) if asked else None,
        scope=None if stopped is None else text(stopped.key),
        reason=None if loop is None else text(reason_of(loop.finding)),
        unit=None if hit is None else hit.unit,
        limit=None if hit is None else _amount(hit.limit, hit.unit),
        settled=None if hit is None else _amount(hit.settled, hit.unit),
        shadow=shadow,
    )


def breaker_notice(
    opened: Transition, caller: Caller | None, run_name: str, at: float, *, shadow: bool
) -> Notice:
    """Write a notice of a circuit breaker that has opened; ``caller`` is whose call opened it."""
    return Notice(
        event=BREAKER,
        time=_iso(at),
        run_id=text(caller.run_id) if caller else "",
        run_name=text(run_name),
        agent=text(caller.agent) if caller and caller.agent else None,
        model=None,
        scope=text(opened.key),
        reason=opened.reason,
        unit=None,
        limit=None,
        settled=None,
        shadow=shadow,
    )


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def _amount(amount: int, unit: str) -> Amount:
    return f"{to_usd(amount):.9f}" if unit == "usd" else amount
