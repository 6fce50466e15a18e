"""The tables of names, and the page made from them."""

from __future__ import annotations

import io
import runpy
import sys
from pathlib import Path

import pytest

from wflo_otel.telemetry.semconv import instruments as i
from wflo_otel.telemetry.semconv import reference
from wflo_otel.telemetry.semconv.attributes import ATTRIBUTES
from wflo_otel.telemetry.semconv.events import EVENTS
from wflo_otel.telemetry.semconv.instruments import Profile, instruments, profile_of
from wflo_otel.telemetry.semconv.reference import markdown

PAGE = Path(__file__).parents[2] / "docs" / "telemetry.md"


def test_the_reference_page_is_the_one_that_the_tables_give() -> None:
    assert PAGE.read_text(encoding="utf-8") == markdown()


def test_the_module_prints_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    printed = io.StringIO()
    monkeypatch.setattr(sys, "stdout", printed)

    runpy.run_path(str(Path(reference.__file__).parent / "__main__.py"), run_name="__main__")

    assert printed.getvalue() == markdown()


def test_cost_is_the_only_cost_key_under_gen_ai_usage() -> None:
    keys = [key for key in ATTRIBUTES if key.startswith("gen_ai.usage.")]

    assert [key for key in keys if "tokens" not in key] == ["gen_ai.usage.cost"]


def test_a_name_is_ours_or_a_known_convention() -> None:
    known = ("gen_ai.", "wflo.", "server.", "error.", "session.", "user.", "openinference.")

    strangers = [key for key in ATTRIBUTES if not key.startswith(known)]

    assert strangers == ["http.response.status_code", "http.request.resend_count"]


@pytest.mark.parametrize("profile", Profile)
def test_metrics_and_events_use_declared_attributes_only(profile: Profile) -> None:
    used = {key for each in (*instruments(profile), *EVENTS) for key in each.attributes}

    assert used <= set(ATTRIBUTES)


@pytest.mark.parametrize("profile", Profile)
def test_no_metric_has_an_attribute_that_grows_with_every_run(profile: Profile) -> None:
    unbounded = {"wflo.run.id", "wflo.run.parent", "wflo.call.id", "session.id", "user.id"}

    assert not any(unbounded & set(each.attributes) for each in instruments(profile))


@pytest.mark.parametrize("profile", Profile)
def test_histograms_have_rising_buckets_and_nothing_else_has_any(profile: Profile) -> None:
    for each in instruments(profile):
        assert bool(each.buckets) == (each.kind == "histogram")
        assert list(each.buckets) == sorted(set(each.buckets))


def test_token_buckets_are_the_powers_of_four_of_the_convention() -> None:
    assert i.TOKENS == (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304,
                        16777216, 67108864)  # fmt: skip


def test_second_buckets_double_from_ten_milliseconds_as_in_the_convention() -> None:
    assert i.SECONDS == (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48,
                         40.96, 81.92)  # fmt: skip


@pytest.mark.parametrize(
    ("value", "profile"),
    [
        (None, Profile.RELEASED),
        ("", Profile.RELEASED),
        ("http", Profile.RELEASED),
        ("gen_ai_latest_experimental", Profile.LATEST),
        ("http/dup, gen_ai_latest_experimental", Profile.LATEST),
    ],
)
def test_the_standard_variable_chooses_the_conventions(value: str | None, profile: Profile) -> None:
    environ = {} if value is None else {"OTEL_SEMCONV_STABILITY_OPT_IN": value}

    assert profile_of(environ) is profile


def test_the_released_names_are_those_that_instrumentations_emit_today() -> None:
    names = [each.name for each in instruments() if each.name.startswith("gen_ai.")]

    assert names == ["gen_ai.client.operation.duration", "gen_ai.client.token.usage"]


def test_the_latest_names_are_those_of_the_standalone_conventions() -> None:
    names = [each.name for each in instruments(Profile.LATEST) if each.name.startswith("gen_ai.")]

    usage = "gen_ai.client.inference.usage"
    assert names == [
        "gen_ai.client.inference.duration",
        f"{usage}.input_tokens",
        f"{usage}.output_tokens",
        f"{usage}.cache_read.input_tokens",
        f"{usage}.cache_write.input_tokens",
        f"{usage}.reasoning.output_tokens",
    ]
