"""Requests to an API that nobody knows: what is counted, told and refused."""

from __future__ import annotations

import pytest

from engine_fakes import Bench
from wflo_otel.core.policy import Mode, Policy, Unrecognised
from wflo_otel.core.scope import Caller
from wflo_otel.engine import Refusal
from wflo_otel.engine.unrecognised import MAX_ADDRESSES, OTHERS
from wflo_otel.errors import UnrecognisedCallError
from wflo_otel.ports import Note

ADDRESS = ("llm.example", "/v3/generate")
REFUSE = Policy(unrecognised=Unrecognised.REFUSE)


def test_by_default_one_is_counted_and_may_be_sent() -> None:
    bench = Bench()

    assert bench.engine.strangers.seen(bench.call(), *ADDRESS) is None

    assert bench.store.notes("r") == [Note("unrecognised", "llm.example/v3/generate")]
    assert bench.told.unknown == [("llm.example", False)]
    assert bench.told.refusals == []


def test_a_refusal_is_told_where_its_span_is() -> None:
    bench = Bench(REFUSE)

    refusal = bench.engine.strangers.seen(bench.call(), *ADDRESS)

    assert isinstance(refusal, Refusal)
    assert bench.told.refusals == []
    bench.engine.strangers.refused(refusal)
    (told,) = bench.told.refusals
    assert (told.policy, told.shadow) == ("unrecognised", False)
    assert bench.told.unknown == [("llm.example", True)]
    assert Note("refused", "unrecognised") in bench.store.notes("r")
    error = refusal.error()
    assert isinstance(error, UnrecognisedCallError)
    assert error.address == "llm.example/v3/generate"


def test_shadow_mode_tells_and_refuses_nothing() -> None:
    bench = Bench(Policy(mode=Mode.SHADOW, unrecognised=Unrecognised.REFUSE))

    assert bench.engine.strangers.seen(bench.call(), *ADDRESS) is None

    (told,) = bench.told.refusals
    assert (told.policy, told.shadow) == ("unrecognised", True)
    assert bench.told.unknown == [("llm.example", False)]


def test_an_address_is_warned_of_once_and_is_not_longer_than_a_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench()

    for _ in range(2):
        bench.engine.strangers.seen(bench.call(), "llm.example", "/v3/" + "x" * 1_000)

    assert len(caplog.records) == 1
    assert bench.store.notes("r")[0].subject == "llm.example/v3/" + "x" * 185


def test_addresses_and_hosts_beyond_the_bound_are_one() -> None:
    bench = Bench()

    for number in range(MAX_ADDRESSES + 2):
        bench.engine.strangers.seen(bench.call(), f"{number}.example", "/")

    assert Note("unrecognised", OTHERS, 2) in bench.store.notes("r")
    assert [host for host, _ in bench.told.unknown[-3:]] == ["99.example", OTHERS, OTHERS]


def test_it_is_counted_in_the_runs_around_the_call_too() -> None:
    bench = Bench()
    inner = Caller("r", parent_runs=("outer",))

    bench.engine.strangers.seen(bench.call(caller=inner), *ADDRESS)

    assert bench.store.notes("outer") == bench.store.notes("r") != []


def test_a_state_that_cannot_count_refuses_all_the_same() -> None:
    bench = Bench(REFUSE)
    bench.store.broken = True

    assert bench.engine.strangers.seen(bench.call(), *ADDRESS) is not None
    assert bench.told.failures == [("note", True)]
