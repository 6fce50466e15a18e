"""Foreign spans are decided about without a line of the user's code."""

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import NoOpTracerProvider

from wflo_otel.bootstrap import configure, shutdown
from wflo_otel.errors import BudgetExceededError
from wflo_otel.seams.spans.automatic import decide_by_spans

CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}


@pytest.fixture
def provider():
    made = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    yield made
    made.shutdown()


def test_spans_are_decided_about_whatever_is_exported(provider):
    configure(budget_usd=0)

    assert decide_by_spans(provider)

    with pytest.raises(BudgetExceededError):
        provider.get_tracer("my.gateway").start_span("chat", attributes=CHAT)


def test_without_a_configuration_a_provider_stays_as_it_is(provider):
    shutdown()

    assert not decide_by_spans(provider)
    assert provider.sampler is ALWAYS_OFF


def test_a_provider_that_is_no_sdks_stays_as_it_is():
    configure()

    assert not decide_by_spans(NoOpTracerProvider())
