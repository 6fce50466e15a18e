"""A circuit breaker: whether a component that fails, dawdles or burns money is called at all.

The rule that holds here: a call is stamped with the circuit's generation when it enters, and
only an answer of the same generation moves the circuit. What comes late, from before it opened,
neither closes nor opens it. A circuit knows no clock; every function is given the time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from wflo_otel.core.call import MODEL_CALLS, Ask, Operation, Outcome, Status
from wflo_otel.core.decision import CircuitOpen, Phase, Transition
from wflo_otel.core.policy import Breaker
from wflo_otel.core.scope import Caller

#: A window is counted in this many slices, and so forgets a call up to a slice too late.
SLICES = 10
#: No provider's ``Retry-After`` keeps a circuit open for longer, in seconds.
LONGEST_S = 86_400.0
#: When to ask again where probes are under way, in seconds: nobody knows when they end.
ASK_AGAIN_S = 1.0

#: HTTP errors that say something about the provider; the other ``4xx`` are the caller's own.
_PROVIDER_FAILS = frozenset({408, 425, 429})


class Verdict(StrEnum):
    """What a call's end says about the component."""

    GOOD = "good"
    BAD = "bad"
    #: Nothing: it was cancelled, refused, cut or left.
    NONE = "none"


class Component(NamedTuple):
    """A circuit's name, and the options that hold there for this call."""

    key: str
    options: Breaker
    #: The call is inside of it: it counts there what it spends, but not how it ends.
    is_around: bool = False


class Seen(NamedTuple):
    """How a call ended, as far as its components are concerned. ``usd`` is in nano-USD."""

    verdict: Verdict
    duration_s: float = 0.0
    tokens: int = 0
    usd: int = 0
    #: For how long the component asks to be left alone, in seconds.
    retry_after_s: float | None = None


class Stamp(NamedTuple):
    """Which generation of a circuit let a call in, and whether to probe it."""

    key: str
    generation: int
    is_around: bool = False
    is_probe: bool = False


class Tally(NamedTuple):
    """What was counted in one slice of a window, or in all of it."""

    calls: int = 0
    failures: int = 0
    slow: int = 0
    tokens: int = 0
    usd: int = 0

    def plus(self, other: Tally) -> Tally:
        """Both together."""
        calls, failures, slow, tokens, usd = other
        return Tally(
            self.calls + calls,
            self.failures + failures,
            self.slow + slow,
            self.tokens + tokens,
            self.usd + usd,
        )


@dataclass
class Circuit:
    """The state of one component's breaker. Times are in seconds since the epoch."""

    key: str
    phase: Phase = Phase.CLOSED
    generation: int = 0
    #: While it is open: when it lets probes in.
    until: float = 0.0
    #: Why it opened.
    reason: str = ""
    #: How often it opened, without a quiet time in between.
    trips: int = 0
    #: When it closed last.
    closed_at: float = 0.0
    failures_in_a_row: int = 0
    #: By the number of the slice since the epoch.
    slices: dict[int, Tally] = field(default_factory=dict)
    #: The calls that probe it now.
    probes: list[str] = field(default_factory=list)
    #: How many probes have passed.
    passed: int = 0
    #: How many calls it kept out.
    refused: int = 0

    def tally(self, options: Breaker, now: float) -> Tally:
        """What the window holds."""
        oldest = _slice(options, now) - SLICES
        total = Tally()
        for number, tally in self.slices.items():
            if number > oldest:
                total = total.plus(tally)
        return total


def components_of(
    ask: Ask, caller: Caller, breakers: Mapping[str, Breaker]
) -> tuple[Component, ...]:
    """Name the circuits that a call meets, those it is inside of last.

    A model call meets the breakers of its provider, its model and the agent that makes it, and
    counts in those of the tool and of the decorated functions around it. A tool call meets the
    breaker of its tool.
    """
    if not breakers and not caller.breakers:
        return ()
    found: list[Component] = []
    for kind, name, is_around in _parts(ask, caller):
        options = breakers.get(f"{kind}:{name}", breakers.get(f"{kind}:*"))
        if options is not None:
            found.append(Component(f"{kind}:{name}", options, is_around))
    if ask.operation in MODEL_CALLS:
        found += [Component(key, options, True) for key, options in caller.breakers]
    return tuple(found)


def keys_of(ask: Ask, caller: Caller) -> list[str]:
    """Name the circuits that keep a call out where they are forced open, without any policy."""
    return [f"{kind}:{each}" for kind, name, _ in _parts(ask, caller) for each in (name, "*")]


def _parts(ask: Ask, caller: Caller) -> list[tuple[str, str, bool]]:
    is_model_call = ask.operation in MODEL_CALLS
    parts: list[tuple[str, str | None, bool]] = []
    if is_model_call:
        parts += [("provider", ask.provider, False), ("model", ask.model, False)]
        parts += [("agent", caller.agent, False)]
    if is_model_call or ask.operation is Operation.EXECUTE_TOOL:
        parts += [("tool", caller.tool, is_model_call)]
    return [(kind, name, is_around) for kind, name, is_around in parts if name]


def verdict_of(outcome: Outcome) -> Verdict:
    """Say what a call's end tells of the component that was called."""
    match outcome.status:
        case Status.OK:
            return Verdict.GOOD
        case Status.UNKNOWN:
            return Verdict.BAD
        case Status.ERROR:
            status = outcome.http_status or _as_status(outcome.error_type)
            is_callers = 400 <= status < 500 and status not in _PROVIDER_FAILS
            return Verdict.GOOD if is_callers else Verdict.BAD
        case _:
            return Verdict.NONE


def _as_status(error_type: str | None) -> int:
    """Other instrumentations name an error by its HTTP status."""
    return int(error_type) if error_type and error_type.isdecimal() else 0


# -- before a call ----------------------------------------------------------------------------


def blocked(circuit: Circuit, component: Component, now: float) -> CircuitOpen | None:
    """Say whether a call must stay out. Nothing changes."""
    if circuit.phase is Phase.FORCED_OPEN:
        return CircuitOpen(circuit.key, circuit.reason, None)
    if circuit.phase is Phase.OPEN and now < circuit.until:
        return CircuitOpen(circuit.key, circuit.reason, circuit.until - now)
    if circuit.phase is not Phase.HALF_OPEN or component.is_around:
        return None
    if _has_slot(circuit, component.options):
        return None
    return CircuitOpen(circuit.key, circuit.reason, ASK_AGAIN_S)


def enter(
    circuit: Circuit, component: Component, call_id: str, now: float
) -> tuple[Stamp, Transition | None]:
    """Let a call in; it probes the circuit where that is half-open and has a place for it."""
    moved: Transition | None = None
    if circuit.phase is Phase.OPEN and now >= circuit.until and not component.is_around:
        moved = _move(circuit, Phase.HALF_OPEN, "cooled_down")
    is_probe = (
        circuit.phase is Phase.HALF_OPEN
        and not component.is_around
        and _has_slot(circuit, component.options)
    )
    if is_probe:
        circuit.probes.append(call_id)
    stamp = Stamp(circuit.key, circuit.generation, component.is_around, is_probe)
    return stamp, moved


def _has_slot(circuit: Circuit, options: Breaker) -> bool:
    return len(circuit.probes) + circuit.passed < options.half_open_calls


# -- after a call -----------------------------------------------------------------------------


def leave(circuit: Circuit, call_id: str) -> None:
    """Give back the place of a probe that told nothing."""
    if call_id in circuit.probes:
        circuit.probes.remove(call_id)


def settle(
    circuit: Circuit, options: Breaker, stamp: Stamp, call_id: str, seen: Seen, now: float
) -> Transition | None:
    """Count a call's end; say where that moved the circuit."""
    leave(circuit, call_id)
    is_late = stamp.generation != circuit.generation
    counts = not (is_late or stamp.is_around or seen.verdict is Verdict.NONE)
    is_bad, is_slow = seen.verdict is Verdict.BAD, _is_slow(options, seen)
    _count(
        circuit,
        options,
        Tally(counts, counts and is_bad, counts and is_slow, seen.tokens, seen.usd),
        now,
    )
    if circuit.phase is Phase.OPEN and seen.retry_after_s is not None and not stamp.is_around:
        circuit.until = max(circuit.until, now + min(seen.retry_after_s, LONGEST_S))
    if is_late:
        return None
    if circuit.phase is Phase.HALF_OPEN:
        return _probed(circuit, options, stamp, seen, now) if counts else None
    if circuit.phase is not Phase.CLOSED:
        return None
    if counts:
        circuit.failures_in_a_row = circuit.failures_in_a_row + 1 if is_bad else 0
    reason = _why(circuit, options, now)
    return None if reason is None else _trip(circuit, options, reason, seen, now)


def _is_slow(options: Breaker, seen: Seen) -> bool:
    return options.slow_call_s is not None and seen.duration_s >= options.slow_call_s


def _count(circuit: Circuit, options: Breaker, more: Tally, now: float) -> None:
    number = _slice(options, now)
    if number not in circuit.slices:
        oldest = number - SLICES
        circuit.slices = {at: tally for at, tally in circuit.slices.items() if at > oldest}
    circuit.slices[number] = circuit.slices.get(number, Tally()).plus(more)


def _slice(options: Breaker, now: float) -> int:
    return int(now * SLICES / options.window_s)


def _why(circuit: Circuit, options: Breaker, now: float) -> str | None:
    """Say why it must open, ``None`` while all is well."""
    tally = circuit.tally(options, now)
    is_enough = tally.calls >= options.min_calls
    reasons = {
        "consecutive_failures": circuit.failures_in_a_row >= options.consecutive_failures,
        "tokens": _spent(tally.tokens, options.token_budget),
        "usd": _spent(tally.usd, options.usd_budget),
        "error_rate": is_enough and tally.failures >= options.error_threshold * tally.calls,
        "slow_calls": is_enough
        and options.slow_call_s is not None
        and tally.slow >= options.slow_threshold * tally.calls,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def _spent(amount: int, budget: int | None) -> bool:
    return budget is not None and amount >= budget


def _probed(
    circuit: Circuit, options: Breaker, stamp: Stamp, seen: Seen, now: float
) -> Transition | None:
    if seen.verdict is Verdict.BAD or _is_slow(options, seen):
        return _trip(circuit, options, "probe_failed", seen, now)
    circuit.passed += stamp.is_probe
    if circuit.passed < options.half_open_calls:
        return None
    circuit.closed_at = now
    return _move(circuit, Phase.CLOSED, "probes_passed")


def _trip(circuit: Circuit, options: Breaker, reason: str, seen: Seen, now: float) -> Transition:
    was_quiet = now - circuit.closed_at >= max(options.window_s, options.max_cooldown_s)
    if circuit.phase is Phase.CLOSED and was_quiet:
        circuit.trips = 0
    cooldown = min(options.cooldown_s * 2 ** min(circuit.trips, 32), options.max_cooldown_s)
    asked = min(seen.retry_after_s or 0.0, LONGEST_S)
    circuit.until = now + max(cooldown, options.cooldown_s, asked)
    circuit.trips += 1
    return _move(circuit, Phase.OPEN, reason)


def _move(circuit: Circuit, after: Phase, reason: str) -> Transition:
    before, circuit.phase = circuit.phase, after
    circuit.generation += 1
    circuit.passed = circuit.failures_in_a_row = 0
    circuit.probes.clear()
    if after is Phase.CLOSED:
        circuit.slices.clear()
    if after in (Phase.OPEN, Phase.FORCED_OPEN):
        circuit.reason = reason
    until = circuit.until if after is Phase.OPEN else 0.0
    return Transition(circuit.key, before, after, reason, until)


# -- by hand ----------------------------------------------------------------------------------


def force_open(circuit: Circuit) -> Transition:
    """Open it until it is reset: the kill switch."""
    return _move(circuit, Phase.FORCED_OPEN, "by_hand")


def reset(circuit: Circuit, now: float) -> Transition:
    """Close it and forget what was counted."""
    circuit.trips, circuit.closed_at = 0, now
    return _move(circuit, Phase.CLOSED, "by_hand")
