"""The metrics of calls, decisions, tools and the state."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from telemetry_rig import CALLER, RECORD, REFUSED, SHADOWED, Rig, failed
from wflo_otel.core.call import CallRecord, Operation
from wflo_otel.core.scope import Caller
from wflo_otel.core.usage import Usage
from wflo_otel.errors import StoreError
from wflo_otel.ports import Observation
from wflo_otel.telemetry.semconv.instruments import Instrument, Profile, instruments

OBSERVED = Observation(estimated_input=800, waited_s=0.25, asked_model="gpt-4o")
TOOL = replace(
    RECORD, operation=Operation.EXECUTE_TOOL, provider="", model="", usage=Usage(), cost=0
)


def after(*records: CallRecord, observed: Observation = OBSERVED, **rig: Any) -> Rig:
    """What is recorded once these calls were settled."""
    made = Rig(**rig)
    for record in records:
        made.telemetry.settled(record, observed)
    return made


CALL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
}
WHO = {"gen_ai.agent.name": "writer", "wflo.workflow": "report"}
ASKED = {key: CALL[key] for key in ("gen_ai.provider.name", "gen_ai.request.model")}


def series(name: str, **attributes: str) -> tuple[str, frozenset[tuple[str, Any]]]:
    return name, frozenset(attributes.items())


def test_a_model_call_is_recorded_in_full() -> None:
    decided = {"wflo.decision": "admit"}

    assert after(RECORD).points() == {
        series("gen_ai.client.operation.duration", **CALL): (1, 2.5),
        series("gen_ai.client.token.usage", **CALL, **{"gen_ai.token.type": "input"}): (1, 1000),
        series("gen_ai.client.token.usage", **CALL, **{"gen_ai.token.type": "output"}): (1, 200),
        series("wflo.cost", **CALL, **WHO, **{"wflo.cost.source": "price"}): 1.25,
        series("wflo.decisions", **ASKED, **WHO, **decided): 1,
        series("wflo.admission.wait", **WHO): (1, 0.25),
        series("wflo.estimate.drift", **ASKED): (1, 1.25),
    }


def test_a_call_whose_asked_model_is_unknown_is_named_by_the_one_that_answered() -> None:
    rig = after(RECORD, observed=Observation())

    assert rig.value("wflo.cost", gen_ai__request__model="gpt-4o-2024-08-06") == 1.25


def test_a_call_of_an_unknown_provider_names_none() -> None:
    rig = after(replace(RECORD, provider=""))

    ((_, found),) = [each for each in rig.points() if each[0] == "wflo.cost"]
    assert "gen_ai.provider.name" not in dict(found)


def test_a_failed_call_has_the_type_of_its_error() -> None:
    rig = after(failed(error_type="RateLimitError"))

    assert rig.value("gen_ai.client.operation.duration", error__type="RateLimitError") == (1, 2.5)


def test_a_clock_that_went_back_gives_no_negative_duration() -> None:
    rig = after(replace(RECORD, ended_at=0.0))

    assert rig.value("gen_ai.client.operation.duration") == (1, 0.0)


def test_a_call_without_tokens_records_none() -> None:
    assert "gen_ai.client.token.usage" not in after(replace(RECORD, usage=Usage())).metrics()


def test_a_call_that_did_not_wait_is_not_among_those_that_did() -> None:
    rig = after(RECORD, observed=Observation())

    assert not {"wflo.admission.wait", "wflo.estimate.drift"} & set(rig.metrics())


def test_an_estimate_is_not_held_against_an_estimate() -> None:
    rig = after(replace(RECORD, cost_source="estimate"))

    assert "wflo.estimate.drift" not in rig.metrics()


def test_a_call_that_nobody_priced_adds_no_cost() -> None:
    assert "wflo.cost" not in after(replace(RECORD, cost_source="")).metrics()


def test_a_fallback_price_is_counted_as_unpriced() -> None:
    rig = after(replace(RECORD, cost_source="fallback"))

    assert rig.value("wflo.unpriced", wflo__decision="admit", gen_ai__request__model="gpt-4o") == 1


def test_a_caller_without_agent_and_workflow_is_named_by_neither() -> None:
    rig = after(replace(RECORD, caller=Caller("run-1")))

    ((_, found),) = [each for each in rig.points() if each[0] == "wflo.decisions"]
    assert dict(found) == {**ASKED, "wflo.decision": "admit"}


def test_the_sum_of_costs_is_exact_to_the_nano_dollar() -> None:
    rig = after(*(replace(RECORD, cost=102_500_001) for _ in range(9)))

    assert round(rig.value("wflo.cost") * 1e9) == 9 * 102_500_001


def test_a_refusal_is_counted_by_policy_and_model() -> None:
    rig = Rig()

    rig.telemetry.refused(REFUSED)
    rig.telemetry.refused(SHADOWED)

    refused = {"wflo.decision": "refuse", "wflo.refusal.policy": "budget"}
    assert rig.points() == {
        series("wflo.decisions", **ASKED, **WHO, **refused, **{"wflo.shadow": False}): 1,
        series("wflo.decisions", **ASKED, **WHO, **refused, **{"wflo.shadow": True}): 1,
    }


def test_a_refused_tool_call_names_no_provider_and_no_model() -> None:
    rig = Rig()
    ask = replace(REFUSED.call.ask, operation=Operation.EXECUTE_TOOL, provider="", model=None)

    rig.telemetry.refused(replace(REFUSED, call=replace(REFUSED.call, ask=ask)))

    ((_, found),) = rig.points()
    assert not {"gen_ai.provider.name", "gen_ai.request.model"} & dict(found).keys()


def test_a_refused_model_without_a_price_is_counted_as_unpriced() -> None:
    rig = Rig()

    rig.telemetry.refused(replace(REFUSED, policy="unpriced", decision=None))

    assert rig.value("wflo.unpriced", wflo__decision="refuse") == 1


def test_a_request_to_an_unknown_api_is_counted_by_host() -> None:
    rig = Rig()

    rig.telemetry.unrecognised("llm.example", refused=False)
    rig.telemetry.unrecognised("llm.example", refused=True)

    host = {"server.address": "llm.example"}
    assert rig.points() == {
        series("wflo.unrecognised", **host, **{"wflo.decision": "admit"}): 1,
        series("wflo.unrecognised", **host, **{"wflo.decision": "refuse"}): 1,
    }


def test_a_tool_call_is_counted_and_timed_by_tool_and_agent() -> None:
    tool = {"gen_ai.tool.name": "search", **WHO}

    assert after(TOOL).points() == {
        series("wflo.tool.calls", **tool): 1,
        series("wflo.tool.duration", **tool): (1, 2.5),
    }


def test_a_tool_without_a_name_is_counted_too() -> None:
    rig = after(replace(TOOL, caller=replace(CALLER, tool=None)))

    assert rig.value("wflo.tool.calls", gen_ai__agent__name="writer") == 1


def test_an_agent_adds_nothing_of_its_own() -> None:
    assert not after(replace(TOOL, operation=Operation.INVOKE_AGENT)).points()


def test_the_state_is_timed_and_its_failures_are_counted_by_what_followed() -> None:
    rig = Rig()
    error = StoreError("gone")
    error.__cause__ = ConnectionError("secret host")

    rig.telemetry.state_latency("admit", 0.002)
    rig.telemetry.state_failed("admit", error, allowed=False)
    rig.telemetry.state_failed("settle", StoreError("full"), allowed=True)

    assert rig.points() == {
        series("wflo.state.duration", **{"wflo.state.operation": "admit"}): (1, 0.002),
        series(
            "wflo.state.errors",
            **{
                "wflo.state.operation": "admit",
                "error.type": "ConnectionError",
                "wflo.decision": "refuse",
            },
        ): 1,
        series(
            "wflo.state.errors",
            **{
                "wflo.state.operation": "settle",
                "error.type": "StoreError",
                "wflo.decision": "admit",
            },
        ): 1,
    }


def test_the_latest_conventions_count_tokens_by_kind_and_modality() -> None:
    usage = Usage(
        1000, 200, 900, 50, reasoning_tokens=64, input_audio_tokens=30, output_image_tokens=20
    )

    rig = after(replace(RECORD, usage=usage), profile=Profile.LATEST)

    prefix = "gen_ai.client.inference"
    assert rig.value(f"{prefix}.duration") == (1, 2.5)
    counted = {
        (name.removeprefix(f"{prefix}.usage."), dict(found)["gen_ai.token.modality"]): value
        for (name, found), value in rig.points().items()
        if name.startswith(f"{prefix}.usage.")
    }
    assert counted == {
        ("input_tokens", "audio"): 30,
        ("input_tokens", "unknown"): 970,
        ("output_tokens", "image"): 20,
        ("output_tokens", "unknown"): 180,
        ("cache_read.input_tokens", "unknown"): 900,
        ("cache_write.input_tokens", "unknown"): 50,
        ("reasoning.output_tokens", "unknown"): 64,
    }


@pytest.mark.parametrize("profile", Profile)
def test_what_is_recorded_is_what_the_tables_say(profile: Profile) -> None:
    declared: dict[str, Instrument] = {each.name: each for each in instruments(profile)}
    rig = after(RECORD, failed(cost_source="fallback"), TOOL, profile=profile)
    rig.telemetry.refused(SHADOWED)
    rig.telemetry.state_latency("admit", 0.002)
    rig.telemetry.state_failed("admit", StoreError("gone"), allowed=True)

    for name, metric in rig.metrics().items():
        table = declared[name]
        assert (metric.unit, metric.description) == (table.unit, table.description)
        for point in metric.data.data_points:
            assert set(point.attributes) <= set(table.attributes)
            assert tuple(getattr(point, "explicit_bounds", ())) == table.buckets


def test_a_sampled_call_leaves_its_trace_as_an_exemplar() -> None:
    rig = Rig()

    with rig.tracer.start_as_current_span("chat gpt-4o") as span:
        rig.telemetry.settled(RECORD, OBSERVED)

    (point,) = rig.metrics()["gen_ai.client.operation.duration"].data.data_points
    (exemplar,) = point.exemplars
    assert exemplar.trace_id == span.get_span_context().trace_id
