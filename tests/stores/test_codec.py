"""Documents of core values: what goes in comes out, and no content goes in."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wflo_otel.core.call import Ask, Call, CallRecord, Operation, Status
from wflo_otel.core.ledger import UNITS, Amount, Ledger, Reservation
from wflo_otel.core.policy import Budget
from wflo_otel.core.scope import Caller
from wflo_otel.core.usage import ModelUsage, Usage
from wflo_otel.stores import codec

texts = st.text(max_size=8)
names = st.none() | texts
counts = st.integers(0, 2**53)
times = st.floats(allow_nan=False, allow_infinity=False)
tuples = st.lists(texts, max_size=3).map(tuple)
plain_usages = st.builds(
    Usage,
    **{each.name: counts for each in fields(Usage) if each.type == "int"},
    server_tools=st.lists(st.tuples(texts, counts), max_size=2).map(tuple),
    summed=st.booleans(),
)
usages = st.builds(
    replace,
    plain_usages,
    extra=st.lists(st.builds(ModelUsage, texts, plain_usages), max_size=2).map(tuple),
)
callers = st.builds(
    Caller,
    run_id=texts,
    parent_runs=tuples,
    workflow=names,
    agents=tuples,
    tool=names,
    step=names,
    tenant=names,
    user=names,
)
records = st.builds(
    CallRecord,
    call_id=texts,
    caller=callers,
    operation=st.sampled_from(Operation),
    status=st.sampled_from(Status),
    started_at=times,
    ended_at=times,
    provider=texts,
    model=texts,
    usage=usages,
    cost=counts,
    cost_source=texts,
    response_id=names,
    tool_calls=tuples,
    http_status=st.none() | counts,
    error_type=names,
    attempt=counts,
    streaming=st.booleans(),
    clamped=st.booleans(),
    trace_id=texts,
    span_id=texts,
)
asks = st.builds(
    Ask,
    operation=st.sampled_from(Operation),
    provider=texts,
    model=names,
    streaming=st.booleans(),
    output_cap=st.none() | counts,
    choices=counts,
    messages=counts,
    text_chars=counts,
    tools_chars=counts,
    schema_chars=counts,
    media_parts=counts,
    hidden_history=st.booleans(),
    service_tier=names,
    tool_set=texts,
)
calls = st.builds(Call, texts, asks, callers, attempt=counts, least_cap=counts, owner=texts)
amounts = st.builds(Amount, counts, counts, counts)
ledgers = st.builds(
    Ledger,
    key=st.just("k"),
    limits=st.dictionaries(st.sampled_from(UNITS), counts).map(
        lambda found: {unit: found[unit] for unit in UNITS if unit in found}
    ),
    settled=amounts,
    expired=st.dictionaries(texts, amounts, max_size=2),
    queue=st.dictionaries(texts, times, max_size=2),
    stopped=names,
    refused=counts,
    warned=st.sets(st.sampled_from(UNITS)),
    raised=amounts,
)


@given(records)
def test_a_record_reads_as_it_was_written(record: CallRecord) -> None:
    assert codec.decode_record(codec.encode_record(record)) == record


@given(calls)
def test_an_open_call_reads_as_it_was_written(call: Call) -> None:
    assert codec.decode_call(codec.encode_call(call)) == call


@given(ledgers, st.dictionaries(texts, st.builds(Reservation, amounts, texts, times), max_size=3))
def test_a_ledger_reads_as_it_was_written(
    ledger: Ledger, reservations: dict[str, Reservation]
) -> None:
    for call_id, reservation in reservations.items():
        ledger.reserve(call_id, reservation)

    read = codec.decode_ledger("k", codec.encode_ledger(ledger))

    assert read == ledger
    assert list(read.limits) == list(ledger.limits)
    assert list(read.queue) == list(ledger.queue)


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (
            Caller,
            {*codec._CALLER, "run_id", "parent_runs", "agents", "limits", "breakers"} | {"loops"},
        ),
        (Ask, {*codec._ASK, "operation", "provider", "model", "texts"}),
        (Usage, {*codec._USAGE, "server_tools", "extra"}),
        (
            CallRecord,
            {*codec._RECORD, "call_id", "caller", "operation", "status", "started_at"}
            | {"ended_at", "usage", "tool_calls"},
        ),
        (Call, {*codec._CALL, "call_id", "ask", "caller", "heard"}),
        (
            Ledger,
            {"key", "limits", "settled", "pending", "reservations", "expired", "queue"}
            | {"stopped", "refused", "warned", "raised"},
        ),
    ],
)
def test_every_field_is_named_in_the_codec(value: type, named: set[str]) -> None:
    assert {each.name for each in fields(value)} == named


def test_neither_texts_nor_limits_are_written() -> None:
    caller = Caller("r", limits=(("run:r", Budget(usd=1234567)),))
    call = Call("c", Ask(Operation.CHAT, "p", "m", texts=("the secret",)), caller)

    written = codec.encode_call(call)

    assert "secret" not in written
    assert "1234567" not in written
    assert codec.decode_call(written).caller == Caller("r")


def test_what_is_at_its_default_is_left_out() -> None:
    record = CallRecord("c", Caller("r"), Operation.CHAT, Status.OK, 1.0, 2.0)

    assert json.loads(codec.encode_record(record)) == {
        "call_id": "c",
        "caller": {"run_id": "r"},
        "operation": "chat",
        "status": "ok",
        "started_at": 1.0,
        "ended_at": 2.0,
        "v": 1,
    }


@pytest.mark.parametrize(
    "damaged", ["", "{", "[]", '{"v":2}', '{"v":1}', '{"v":1,"settled":5}', '{"v":1,"ask":0}']
)
def test_a_damaged_document_is_said_to_be_one(damaged: str) -> None:
    with pytest.raises(codec.CodecError):
        codec.decode_record(damaged)
    with pytest.raises(codec.CodecError):
        codec.decode_call(damaged)
    with pytest.raises(codec.CodecError):
        codec.decode_ledger("k", damaged)
