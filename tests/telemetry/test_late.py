"""Providers that are set up with the first span."""

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.util._once import Once

from wflo_otel.telemetry.late import LateProviders, LateTracer
from wflo_otel.telemetry.setup import Setup


@pytest.fixture(autouse=True)
def _no_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opentelemetry.trace._TRACER_PROVIDER", None)
    monkeypatch.setattr("opentelemetry.trace._TRACER_PROVIDER_SET_ONCE", Once())


def test_nothing_is_set_up_before_the_first_span_and_then_once() -> None:
    asked: list[str] = []
    tracer = LateTracer(lambda: asked.append("now"))
    assert asked == []

    tracer.start_span("a").end()
    with tracer.start_as_current_span("b") as span:
        assert trace.get_current_span() is span

    assert asked == ["now"]


def test_without_any_provider_spans_have_ids_and_the_global_one_stays_unset() -> None:
    span = LateTracer(lambda: None).start_span("a")

    assert span.get_span_context().is_valid
    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def test_a_program_that_sets_its_provider_late_gets_the_spans_from_then_on() -> None:
    tracer = LateTracer(lambda: None)
    tracer.start_span("before").end()
    mine = TracerProvider(shutdown_on_exit=False)
    trace.set_tracer_provider(mine)

    span = tracer.start_span("after")

    assert span.resource is mine.resource  # type: ignore[attr-defined]  # an SDK span


def test_a_program_that_sets_its_provider_first_keeps_it() -> None:
    mine = TracerProvider(shutdown_on_exit=False)
    tracer = LateTracer(lambda: None)
    trace.set_tracer_provider(mine)

    assert tracer.start_span("a").resource is mine.resource  # type: ignore[attr-defined]


def test_what_could_not_be_set_up_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    late = LateProviders(lambda: Setup({}, problems=("no exporter is called zipkin",)))
    late.close()

    assert late.ensure() is late.ensure()
    late.close()

    assert caplog.text.count("zipkin") == 1
