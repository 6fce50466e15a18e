"""At the start it is tried whether requests and spans reach what decides about them."""

from __future__ import annotations

import time

import aiohttp
import botocore.httpsession
import httpx
import httpx2
import pytest
from opentelemetry import trace
from opentelemetry.instrumentation.httpx import HTTPX2ClientInstrumentor, HTTPXClientInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from opentelemetry.trace import NoOpTracerProvider

from wflo_otel.bootstrap import configure
from wflo_otel.bootstrap.self_test import must_hold
from wflo_otel.core.policy import Budget, Budgets, Mode, Policy
from wflo_otel.errors import ConfigError
from wflo_otel.seams.spans.automatic import decide_by_spans

POLICY = Policy(budgets=Budgets(run=Budget(calls=1)))


@pytest.fixture
def spans(monkeypatch):
    """A provider that is the global one, and what it exports."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    return provider, exporter


def configured(policy=POLICY, **more):
    return configure(policy, "memory://", providers=False, **more)


def by_another_library(self, request):
    """What stands in the place of a method that was guarded."""
    return


async def by_another_library_async(self, *request):
    """The same, where it is awaited."""


GUARDED = [
    (httpx.Client, "_send_single_request", by_another_library),
    (httpx.AsyncClient, "_send_single_request", by_another_library_async),
    (httpx.HTTPTransport, "handle_request", by_another_library),
    (httpx2.AsyncHTTPTransport, "handle_async_request", by_another_library_async),
    (aiohttp.ClientSession, "_request", by_another_library_async),
    (botocore.httpsession.URLLib3Session, "send", by_another_library),
]
by_method = pytest.mark.parametrize(
    ("owner", "method", "other"), GUARDED, ids=lambda each: getattr(each, "__name__", each)
)


def test_what_was_installed_holds_and_leaves_nothing_behind(spans):
    _, exporter = spans
    now = configured()
    assert decide_by_spans()
    runs = now.store.runs()

    assert must_hold(now) is None

    assert exporter.get_finished_spans() == ()
    assert (now.store.ledgers(""), now.store.records(now.run.run_id)) == ([], [])
    assert now.store.runs() == runs


@by_method
def test_a_method_that_another_library_has_replaced_is_named(owner, method, other, monkeypatch):
    now = configured()
    monkeypatch.setattr(owner, method, other)

    with pytest.raises(
        ConfigError, match=rf"{owner.__name__}\.{method} \(replaced by .*Load"
    ) as it:
        must_hold(now)

    assert str(it.value).count("replaced by") == 1


@by_method
def test_a_method_that_another_library_has_wrapped_still_reaches_the_guard(
    owner, method, other, monkeypatch
):
    now = configured()
    guarded = getattr(owner, method)

    def wrapped(*given):
        return guarded(*given)

    monkeypatch.setattr(owner, method, wrapped)

    assert must_hold(now) is None


def test_instrumentations_do_not_tell_of_the_probe(spans):
    provider, exporter = spans
    now = configured()
    instrumentors = (HTTPXClientInstrumentor(), HTTPX2ClientInstrumentor())
    try:
        for each in instrumentors:
            each.instrument(tracer_provider=provider)
        assert must_hold(now) is None
    finally:
        for each in instrumentors:
            each.uninstrument()

    assert exporter.get_finished_spans() == ()


@pytest.mark.parametrize("policy", [Policy(), Policy(mode=Mode.SHADOW, budgets=POLICY.budgets)])
def test_where_nothing_is_refused_it_is_only_a_warning(policy, monkeypatch):
    now = configured(policy)
    monkeypatch.setattr(httpx.Client, "_send_single_request", by_another_library)

    assert must_hold(now).startswith("not everything is counted: a probe request did not reach")


def test_a_process_without_a_guard_is_not_asked_for_one():
    assert must_hold(configured(guard=False)) is None


def test_a_processor_that_was_dropped_is_missed(spans):
    provider, _ = spans
    now = configured()
    decide_by_spans()
    provider._active_span_processor._span_processors = ()

    with pytest.raises(ConfigError, match="a probe span did not reach"):
        must_hold(now)


def test_another_provider_in_place_of_the_one_that_has_the_processor_is_noticed(spans, monkeypatch):
    now = configured()
    decide_by_spans()
    other = TracerProvider(shutdown_on_exit=False)
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: other)

    with pytest.raises(ConfigError, match="a probe span did not reach"):
        must_hold(now)


@pytest.mark.parametrize(("sampler", "holds"), [(ALWAYS_ON, True), (ALWAYS_OFF, False)])
def test_with_another_sampler_in_place_of_ours_the_probe_is_not_exported(spans, sampler, holds):
    provider, exporter = spans
    now = configured()
    decide_by_spans()
    provider.sampler = sampler

    if holds:
        assert must_hold(now) is None
    else:
        with pytest.raises(ConfigError, match="its sampler"):
            must_hold(now)

    assert exporter.get_finished_spans() == ()


class Raises(SimpleSpanProcessor):
    """A processor that lets no span begin."""

    def on_start(self, span, parent_context=None):
        raise ValueError("no span begins")


def test_a_processor_that_raises_before_ours_is_noticed(monkeypatch):
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(Raises(InMemorySpanExporter()))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    now = configured()
    decide_by_spans()

    with pytest.raises(ConfigError, match="a probe span did not reach"):
        must_hold(now)


def test_spans_that_the_user_has_switched_off_are_not_missed(spans, monkeypatch):
    now = configured()
    decide_by_spans()
    monkeypatch.setattr(trace, "get_tracer_provider", NoOpTracerProvider)

    assert must_hold(now) is None


def test_it_takes_less_than_five_milliseconds(spans):
    now = configured()
    decide_by_spans()
    times = []
    for _ in range(20):
        began = time.perf_counter()
        must_hold(now)
        times.append(time.perf_counter() - began)

    assert min(times) < 0.005
