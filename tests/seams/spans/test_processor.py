"""The processor as OpenTelemetry sees it: added alone, flushed, and harmless at the end."""

import logging

import pytest
from opentelemetry.sdk.trace import TracerProvider

import wflo_otel as wflo
from span_rig import processing
from wflo_otel.bootstrap import configuration, configure, shutdown
from wflo_otel.errors import BudgetExceededError, ConfigError
from wflo_otel.seams.spans.processor import DecidingSpanProcessor
from wflo_otel.telemetry.setup import Setup

CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}


@pytest.fixture
def provider():
    made = TracerProvider(shutdown_on_exit=False)
    yield made
    made.shutdown()


def test_a_processor_on_a_provider_is_all_that_is_needed(provider, tmp_path):
    policy = tmp_path / "wflo.yaml"
    policy.write_text("version: 1\nbudgets: {run: {usd: 0}}\n")

    provider.add_span_processor(wflo.PolicySpanProcessor(policy=policy))

    with pytest.raises(BudgetExceededError):
        provider.get_tracer("any").start_span("chat", attributes=CHAT)


def test_it_guards_no_client_and_sets_up_nothing_of_opentelemetrys():
    wflo.PolicySpanProcessor(budget_usd=1)

    made = configuration()
    assert made.guarded == ()
    assert made.telemetry.ensure() == Setup({})


def test_a_wrong_policy_stops_the_program_where_it_is_added():
    with pytest.raises(ConfigError):
        wflo.PolicySpanProcessor(policy="missing.yaml")


def test_a_configuration_that_is_in_force_stays_and_that_is_said(caplog):
    made = configure(budget_usd=1)

    with caplog.at_level(logging.WARNING):
        wflo.PolicySpanProcessor(budget_usd=2)

    assert configuration() is made
    assert "in force already" in caplog.text


def test_without_arguments_it_joins_what_is_in_force_silently(caplog):
    configure(budget_usd=1)

    wflo.PolicySpanProcessor()

    assert "in force" not in caplog.text


def test_flushing_and_shutting_down_settle_what_was_left(provider):
    done = []
    processor = wflo.PolicySpanProcessor()
    made = configuration()

    made.engine.do_later(lambda: done.append("flush"))
    assert processor.force_flush()
    made.engine.do_later(lambda: done.append("shutdown"))
    processor.shutdown()

    assert done == ["flush", "shutdown"]


def test_without_a_configuration_there_is_nothing_to_flush():
    shutdown()

    assert DecidingSpanProcessor().force_flush()


@pytest.mark.fragments
def test_our_own_spans_are_left_to_the_seams_that_start_them():
    with processing(usd="0") as rig:
        rig.tracer("wflo_otel").start_span("chat gpt-4o", attributes=CHAT).end()

    assert len(rig.finished) == 1


def test_spans_of_other_things_pass():
    with processing(usd="0") as rig:
        rig.tracer().start_span("GET /", attributes={"http.request.method": "GET"}).end()

    assert len(rig.finished) == 1


def test_what_fails_at_the_end_of_a_span_never_leaves_it(monkeypatch):
    monkeypatch.delenv("PYTEST_CURRENT_TEST", raising=False)
    with processing() as rig:
        span = rig.tracer().start_span("chat", attributes=CHAT)
        span.set_attribute("gen_ai.usage.input_tokens", 1)
        monkeypatch.setattr(type(rig.configuration.engine), "settle", _broken)
        span.end()

    assert len(rig.finished) == 1


def _broken(*_):
    raise RuntimeError("broken")
