"""Documents of circuits: what goes in comes out, and damage is told."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wflo_otel.core.breaker import Circuit, Stamp, Tally
from wflo_otel.core.decision import Phase
from wflo_otel.stores import circuit_codec
from wflo_otel.stores.circuit_codec import (
    decode_circuit,
    decode_stamps,
    encode_circuit,
    encode_stamps,
)
from wflo_otel.stores.codec import CodecError

counts = st.integers(0, 2**53)
times = st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(max_size=8)
circuits = st.builds(
    Circuit,
    key=st.just("k"),
    phase=st.sampled_from(Phase),
    generation=counts,
    until=times,
    reason=texts,
    trips=counts,
    closed_at=times,
    failures_in_a_row=counts,
    slices=st.dictionaries(counts, st.builds(Tally, counts, counts, counts, counts, counts)),
    probes=st.lists(texts, max_size=3),
    passed=counts,
    refused=counts,
)
stamps = st.lists(st.builds(Stamp, texts, counts, st.booleans(), st.booleans()), max_size=3).map(
    tuple
)


@given(circuits)
def test_a_circuit_reads_as_it_was_written(circuit: Circuit) -> None:
    assert decode_circuit("k", encode_circuit(circuit)) == circuit


@given(stamps)
def test_stamps_read_as_they_were_written(given_stamps: tuple[Stamp, ...]) -> None:
    assert decode_stamps(encode_stamps(given_stamps)) == given_stamps


def test_every_field_of_a_circuit_is_written() -> None:
    written = {*circuit_codec._CIRCUIT, "key", "phase", "slices"}

    assert {each.name for each in fields(Circuit)} == written


@pytest.mark.parametrize(
    "text", ["", "[]", '{"v":1}', '{"v":1,"phase":"ajar"}', '{"v":1,"phase":"open","slices":[[]]}']
)
def test_a_damaged_circuit_is_told_as_such(text: str) -> None:
    with pytest.raises(CodecError):
        decode_circuit("k", text)


@pytest.mark.parametrize("text", ["{", "[1]", '[["k"]]'])
def test_damaged_stamps_are_told_as_such(text: str) -> None:
    with pytest.raises(CodecError):
        decode_stamps(text)
