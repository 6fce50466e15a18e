"""When somebody is told: once for a stop, once for a model without a price."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from engine_fakes import Told
from telemetry_rig import CALL
from wflo_otel.context import ActiveRun, entered, run_frame, runs
from wflo_otel.core.decision import Circling, Exceeded, Phase, Stopped, Transition
from wflo_otel.core.finding import Finding, Kind, Rung
from wflo_otel.core.policy import Mode, Notify, Policy
from wflo_otel.core.scope import Caller
from wflo_otel.ports import Refused
from wflo_otel.telemetry.notices import Notifying
from wflo_otel.telemetry.notices.notice import Notice
from wflo_otel.testing import FakeClock

NOTIFY = Notify(command=("tell", "ops"))
ENFORCE = Policy(notify=NOTIFY)
SHADOW = Policy(mode=Mode.SHADOW, notify=NOTIFY)
HIT = Exceeded("run:run-1", "usd", 1_000_000_000, 990_000_000, 0, 20_000_000, stops=True)
STOP = Refused(CALL, "budget", "over", shadow=False, decision=HIT)
UNPRICED = Refused(CALL, "unpriced", "no price", shadow=False)


class Kept:
    """An outbox that keeps what is put in."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []
        self.to: list[Notify] = []

    def put(self, notice: Notice, notify: Notify) -> None:
        self.notices.append(notice)
        self.to.append(notify)


def told(*refusals: Refused, policy: Policy = ENFORCE) -> Kept:
    kept, inner = Kept(), Told()
    telemetry = Notifying(inner, lambda: policy, FakeClock(), kept)  # type: ignore[arg-type]
    for refused in refusals:
        telemetry.refused(refused)
    assert inner.refusals == list(refusals)
    return kept


def test_a_stop_is_told_with_its_numbers_and_no_content() -> None:
    kept = told(STOP)

    (notice,) = kept.notices
    assert kept.to == [NOTIFY]
    assert json.loads(notice.as_json()) == {
        "event": "stop",
        "time": notice.time,
        "run_id": "run-1",
        "run_name": "report",
        "agent": "writer",
        "model": "gpt-4o",
        "scope": "run:run-1",
        "reason": None,
        "unit": "usd",
        "limit": "1.000000000",
        "settled": "0.990000000",
        "shadow": False,
    }
    assert notice.time.endswith("+00:00")


OPENED = Transition("provider:openai", Phase.CLOSED, Phase.OPEN, "error_rate", 30.0)


def moved(*transitions: Transition, policy: Policy = ENFORCE) -> Kept:
    kept, inner = Kept(), Told()
    telemetry = Notifying(inner, lambda: policy, FakeClock(), kept)  # type: ignore[arg-type]
    for transition in transitions:
        telemetry.moved(transition)
    assert inner.moves == list(transitions)
    return kept


def test_a_breaker_that_opens_is_told_with_its_reason() -> None:
    run = ActiveRun("run-1", "tides")
    with entered(run_frame(run, None, None)):
        (notice,) = moved(OPENED).notices

    assert (notice.event, notice.scope, notice.reason) == (
        "breaker",
        "provider:openai",
        "error_rate",
    )
    assert (notice.run_id, notice.run_name, notice.shadow) == ("run-1", "tides", False)


def test_a_breaker_that_opens_where_no_run_is_known_is_told_all_the_same() -> None:
    (notice,) = moved(OPENED, policy=SHADOW).notices

    assert (notice.run_id, notice.run_name, notice.agent, notice.shadow) == ("", "", None, True)


@pytest.mark.parametrize(
    ("before", "after"),
    [(Phase.OPEN, Phase.HALF_OPEN), (Phase.HALF_OPEN, Phase.OPEN), (Phase.HALF_OPEN, Phase.CLOSED)],
)
def test_a_breaker_that_tries_and_closes_bothers_nobody(before: Phase, after: Phase) -> None:
    assert not moved(Transition("provider:openai", before, after, "x")).notices


def test_without_anybody_to_notify_a_breaker_is_only_told() -> None:
    assert not moved(OPENED, policy=Policy()).notices


def test_counts_are_numbers() -> None:
    (notice,) = told(replace(STOP, decision=Exceeded("run:r", "calls", 5, 5, 0, 1, True))).notices

    assert (notice.unit, notice.limit, notice.settled) == ("calls", 5, 5)


LOOP = Circling("run:run-1", Finding(Kind.CYCLE, Rung.STOP, None, 3, 2, ("get", "put")))


def test_an_agent_that_goes_in_circles_is_told_with_the_circle() -> None:
    (notice,) = told(replace(STOP, policy="loop", decision=LOOP)).notices

    assert (notice.event, notice.scope) == ("stop", "run:run-1")
    assert notice.reason == "loop: cycle, 3 times: get → put"
    assert notice.limit is None


def test_what_a_loop_s_stop_keeps_out_bothers_nobody() -> None:
    assert not told(replace(STOP, policy="loop", decision=replace(LOOP, is_stopped=True))).notices


def test_a_loop_in_shadow_mode_is_told_once() -> None:
    shown = replace(STOP, policy="loop", decision=LOOP, shadow=True)

    assert len(told(shown, shown, policy=SHADOW).notices) == 1


def test_a_model_without_a_price_is_told_once_for_each_run() -> None:
    other_run = replace(CALL, caller=Caller("run-2"))

    first, second = told(UNPRICED, UNPRICED, replace(UNPRICED, call=other_run)).notices

    assert (first.event, first.model, first.scope, first.limit) == (
        "unpriced",
        "gpt-4o",
        None,
        None,
    )
    assert (second.run_id, second.run_name, second.agent) == ("run-2", "", None)


@pytest.mark.parametrize(
    "refused",
    [
        replace(STOP, decision=Stopped("run:run-1", "usd budget exceeded")),
        replace(STOP, decision=replace(HIT, stops=False)),
        Refused(CALL, "state", "gone", shadow=False),
        Refused(CALL, "unrecognised", "unknown", shadow=False),
    ],
    ids=["stopped before", "refuse", "state", "unrecognised"],
)
def test_nobody_is_told_of_refusals_that_stop_nothing(refused: Refused) -> None:
    assert told(refused).notices == []


def test_without_notify_nobody_is_told() -> None:
    assert told(STOP, policy=Policy()).notices == []


def test_a_stop_after_a_reset_is_told_again() -> None:
    assert len(told(STOP, STOP).notices) == 2


def test_shadow_mode_tells_once_of_what_would_have_stopped_and_says_that_it_did_not() -> None:
    shadowed = replace(STOP, shadow=True)
    raised = replace(shadowed, decision=replace(HIT, limit=2_000_000_000))

    first, second = told(shadowed, shadowed, raised, policy=SHADOW).notices

    assert first.shadow
    assert second.limit == "2.000000000"


def test_a_stop_that_only_a_span_has_seen_is_told_as_a_stop() -> None:
    """The call could not be refused, so it is told as in shadow mode; the scope is stopped."""
    seen = replace(STOP, shadow=True)

    (notice,) = told(seen, seen).notices

    assert not notice.shadow


def test_only_the_newest_are_known_again() -> None:
    calls = [replace(CALL, caller=Caller(f"run-{number}")) for number in range(1_001)]
    refusals = [replace(UNPRICED, call=call) for call in calls]

    kept = told(*refusals, refusals[0], refusals[-1])

    assert [notice.run_id for notice in kept.notices[1_001:]] == ["run-0"]


def test_a_run_is_named_as_its_report_is() -> None:
    run = ActiveRun("run-1", "GET /tides")
    run_frame(run, None, None)
    runs.join(run)
    try:
        (notice,) = told(STOP).notices
    finally:
        runs.clear()
    assert notice.run_name == "GET /tides"


def test_names_are_fit_for_any_reader() -> None:
    odd = Caller("r\ud800", workflow="w" * 1_000)

    (notice,) = told(replace(STOP, call=replace(CALL, caller=odd))).notices

    read = json.loads(notice.as_json())
    assert read["run_id"] == "r?"
    assert len(read["run_name"]) == 256
