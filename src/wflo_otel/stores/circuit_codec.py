"""Circuits, and the stamps of open calls, as compact JSON: the rules of
:mod:`wflo_otel.stores.codec` hold here too.
"""

from __future__ import annotations

import json

from wflo_otel.core.breaker import Circuit, Stamp, Tally
from wflo_otel.core.decision import Phase
from wflo_otel.stores.codec import DAMAGE, CodecError, dump, load, named, plain_of

_CIRCUIT = (
    "generation",
    "until",
    "reason",
    "trips",
    "closed_at",
    "failures_in_a_row",
    "probes",
    "passed",
    "refused",
)
_DEFAULTS = Circuit("")


def encode_circuit(circuit: Circuit) -> str:
    """Write a circuit without its key."""
    plain = plain_of(circuit, _CIRCUIT, _DEFAULTS)
    plain["phase"] = circuit.phase
    if circuit.slices:
        plain["slices"] = [[number, *tally] for number, tally in circuit.slices.items()]
    return dump(plain)


def decode_circuit(key: str, text: str) -> Circuit:
    """Read a circuit.

    Raises:
        CodecError: it cannot be read.
    """
    plain = load(text)
    try:
        return Circuit(
            key,
            phase=Phase(plain["phase"]),
            slices={number: Tally(*tally) for number, *tally in plain.get("slices", ())},
            **named(plain, _CIRCUIT),
        )
    except DAMAGE as error:
        raise CodecError(f"unreadable circuit: {type(error).__name__}") from error


def encode_stamps(stamps: tuple[Stamp, ...]) -> str:
    """Write the stamps of a call; most have none."""
    return json.dumps(stamps, separators=(",", ":")) if stamps else ""


def decode_stamps(text: str) -> tuple[Stamp, ...]:
    """Read the stamps of a call.

    Raises:
        CodecError: they cannot be read.
    """
    if not text:
        return ()
    try:
        return tuple(Stamp(*each) for each in json.loads(text))
    except DAMAGE as error:
        raise CodecError(f"unreadable stamps: {type(error).__name__}") from error
