"""Core values as compact JSON, for stores that write them down.

The rule that holds here: every field is named, every document carries its version, and no
content goes in: neither an ask's texts nor a caller's limits. What is at its default is left
out, so that a document written before a field existed still reads.
"""

from __future__ import annotations

import json
from typing import Any, TypeAlias

from wflo_otel.core.call import Ask, Call, CallRecord, Operation, Status
from wflo_otel.core.ledger import UNITS, ZERO, Amount, Ledger, Reservation
from wflo_otel.core.scope import Caller
from wflo_otel.core.usage import NOTHING, ModelUsage, Usage

#: Raised when a field changes its meaning; a new field with a default needs no new version.
VERSION = 1

_Plain: TypeAlias = dict[str, Any]

_CALLER = ("workflow", "tool", "step", "tenant", "user")
_ASK = (
    "streaming",
    "output_cap",
    "choices",
    "messages",
    "text_chars",
    "tools_chars",
    "schema_chars",
    "media_parts",
    "hidden_history",
    "server_tools",
    "cache_write",
    "service_tier",
    "tool_set",
)
_CALL = ("attempt", "least_cap", "owner")
_USAGE = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "reasoning_tokens",
    "input_audio_tokens",
    "output_audio_tokens",
    "cache_read_audio_tokens",
    "input_image_tokens",
    "output_image_tokens",
    "summed",
)
_RECORD = (
    "provider",
    "model",
    "cost",
    "cost_source",
    "response_id",
    "http_status",
    "error_type",
    "attempt",
    "streaming",
    "clamped",
    "trace_id",
    "span_id",
)
_ASK_DEFAULTS = Ask(Operation.CHAT, "", None)
_CALLER_DEFAULTS = Caller("")
_CALL_DEFAULTS = Call("", _ASK_DEFAULTS, _CALLER_DEFAULTS)
_RECORD_DEFAULTS = CallRecord("", _CALLER_DEFAULTS, Operation.CHAT, Status.OK, 0.0, 0.0)


class CodecError(ValueError):
    """A document is damaged, or of a version that this one does not know."""


def encode_record(record: CallRecord) -> str:
    """Write a call's record."""
    plain = plain_of(record, _RECORD, _RECORD_DEFAULTS)
    plain |= {
        "call_id": record.call_id,
        "caller": _caller(record.caller),
        "operation": record.operation,
        "status": record.status,
        "started_at": record.started_at,
        "ended_at": record.ended_at,
    }
    if record.usage != NOTHING:
        plain["usage"] = _usage(record.usage)
    if record.tool_calls:
        plain["tool_calls"] = record.tool_calls
    return dump(plain)


def decode_record(text: str) -> CallRecord:
    """Read a call's record.

    Raises:
        CodecError: it cannot be read.
    """
    plain = load(text)
    try:
        return CallRecord(
            call_id=plain["call_id"],
            caller=_to_caller(plain["caller"]),
            operation=Operation(plain["operation"]),
            status=Status(plain["status"]),
            started_at=plain["started_at"],
            ended_at=plain["ended_at"],
            usage=_to_usage(plain.get("usage", {})),
            tool_calls=tuple(plain.get("tool_calls", ())),
            **named(plain, _RECORD),
        )
    except DAMAGE as error:
        raise CodecError(f"unreadable record: {type(error).__name__}") from error


def encode_call(call: Call) -> str:
    """Write an open call, without its texts and limits."""
    ask = plain_of(call.ask, _ASK, _ASK_DEFAULTS)
    ask |= {
        "operation": call.ask.operation,
        "provider": call.ask.provider,
        "model": call.ask.model,
    }
    plain: _Plain = {"call_id": call.call_id, "ask": ask, "caller": _caller(call.caller)}
    return dump(plain | plain_of(call, _CALL, _CALL_DEFAULTS))


def decode_call(text: str) -> Call:
    """Read an open call.

    Raises:
        CodecError: it cannot be read.
    """
    plain = load(text)
    try:
        ask = plain["ask"]
        return Call(
            call_id=plain["call_id"],
            ask=Ask(Operation(ask["operation"]), ask["provider"], ask["model"], **named(ask, _ASK)),
            caller=_to_caller(plain["caller"]),
            **named(plain, _CALL),
        )
    except DAMAGE as error:
        raise CodecError(f"unreadable call: {type(error).__name__}") from error


def encode_ledger(ledger: Ledger) -> str:
    """Write a ledger without its key; ``pending`` is the sum of its reservations."""
    plain: _Plain = {"settled": _amount(ledger.settled)}
    if ledger.limits:
        plain["limits"] = ledger.limits
    if ledger.reservations:
        plain["reservations"] = {
            call_id: [*_amount(each.amount), each.owner, each.expires_at]
            for call_id, each in ledger.reservations.items()
        }
    if ledger.expired:
        plain["expired"] = {call_id: _amount(each) for call_id, each in ledger.expired.items()}
    if ledger.queue:
        plain["queue"] = ledger.queue
    if ledger.stopped is not None:
        plain["stopped"] = ledger.stopped
    if ledger.refused:
        plain["refused"] = ledger.refused
    if ledger.warned:
        plain["warned"] = sorted(ledger.warned)
    if ledger.raised != ZERO:
        plain["raised"] = _amount(ledger.raised)
    return dump(plain)


def decode_ledger(key: str, text: str) -> Ledger:
    """Read a ledger.

    Raises:
        CodecError: it cannot be read.
    """
    plain = load(text)
    try:
        limits, held = plain.get("limits", {}), plain.get("reservations", {})
        reservations = {
            call_id: Reservation(Amount(*amount), owner, expires_at)
            for call_id, (*amount, owner, expires_at) in held.items()
        }
        return Ledger(
            key,
            limits={unit: limits[unit] for unit in UNITS if unit in limits},
            settled=Amount(*plain["settled"]),
            pending=sum((each.amount for each in reservations.values()), ZERO),
            reservations=reservations,
            expired={call: Amount(*each) for call, each in plain.get("expired", {}).items()},
            queue=plain.get("queue", {}),
            stopped=plain.get("stopped"),
            refused=plain.get("refused", 0),
            warned=set(plain.get("warned", ())),
            raised=Amount(*plain.get("raised", ZERO)),
        )
    except DAMAGE as error:
        raise CodecError(f"unreadable ledger: {type(error).__name__}") from error


#: What a damaged document raises while it is taken apart.
DAMAGE = (KeyError, TypeError, ValueError, AttributeError)


def dump(plain: _Plain) -> str:
    """Write a document, with its version."""
    plain["v"] = VERSION
    return _encoder.encode(plain)


_encoder = json.JSONEncoder(separators=(",", ":"), check_circular=False)


def load(text: str) -> _Plain:
    """Read a document.

    Raises:
        CodecError: it is none, or of another version.
    """
    try:
        plain = json.loads(text)
    except (ValueError, TypeError) as error:
        raise CodecError("not JSON") from error
    if not isinstance(plain, dict) or plain.get("v") != VERSION:
        raise CodecError("a document of another version")
    return plain


def plain_of(value: object, names: tuple[str, ...], defaults: object) -> _Plain:
    """The fields of these names that are not at their default."""
    return {
        name: given for name in names if (given := getattr(value, name)) != getattr(defaults, name)
    }


def named(plain: _Plain, names: tuple[str, ...]) -> _Plain:
    """What is there of these names."""
    return {name: plain[name] for name in names if name in plain}


def _amount(amount: Amount) -> list[int]:
    return [amount.usd, amount.tokens, amount.calls]


def _caller(caller: Caller) -> _Plain:
    plain = plain_of(caller, _CALLER, _CALLER_DEFAULTS)
    plain["run_id"] = caller.run_id
    if caller.parent_runs:
        plain["parent_runs"] = caller.parent_runs
    if caller.agents:
        plain["agents"] = caller.agents
    return plain


def _to_caller(plain: _Plain) -> Caller:
    return Caller(
        run_id=plain["run_id"],
        parent_runs=tuple(plain.get("parent_runs", ())),
        agents=tuple(plain.get("agents", ())),
        **named(plain, _CALLER),
    )


def _usage(usage: Usage) -> _Plain:
    plain = plain_of(usage, _USAGE, NOTHING)
    if usage.server_tools:
        plain["server_tools"] = usage.server_tools
    if usage.extra:
        plain["extra"] = [[each.model, _usage(each.usage)] for each in usage.extra]
    return plain


def _to_usage(plain: _Plain) -> Usage:
    return Usage(
        server_tools=tuple((name, uses) for name, uses in plain.get("server_tools", ())),
        extra=tuple(ModelUsage(model, _to_usage(each)) for model, each in plain.get("extra", ())),
        **named(plain, _USAGE),
    )
