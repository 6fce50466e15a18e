"""With the span processor alone, foreign spans meet an open breaker."""

import pytest

from span_rig import processing
from wflo_otel.core.decision import Phase
from wflo_otel.core.policy import Breaker
from wflo_otel.decorators import track_tool_call
from wflo_otel.errors import CircuitOpenError
from wflo_otel.testing import FakeClock

CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
}
USED = {"gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 5}
TOOL = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search"}
BREAKERS = {
    "provider:openai": Breaker(consecutive_failures=2, cooldown_s=30),
    "tool:*": Breaker(consecutive_failures=2, cooldown_s=30),
}


def span(rig, attributes, error=None):
    """One foreign span; it fails with this error type."""
    made = rig.tracer().start_span("x", attributes=attributes)
    made.set_attributes({"error.type": error} if error else USED if attributes is CHAT else {})
    made.end()


@pytest.mark.parametrize(
    ("attributes", "component"), [(CHAT, "provider:openai"), (TOOL, "tool:search")]
)
def test_what_fails_is_refused_until_it_has_recovered(attributes, component):
    clock = FakeClock()
    with processing(breakers=BREAKERS, clock=clock) as rig:
        for _ in range(2):
            span(rig, attributes, error="503")

        with pytest.raises(CircuitOpenError, match=f"{component} is open"):
            span(rig, attributes)
        refused = rig.finished[-1].attributes
        assert refused["error.type"] == "CircuitOpenError"
        assert refused["wflo.refusal.policy"] == "breaker"
        assert refused["wflo.refusal.scope"] == component
        assert refused["wflo.refusal.retry_after"] == 30.0

        clock.advance(30)
        span(rig, attributes)
        assert rig.configuration.store.circuits(component)[0].phase is Phase.CLOSED


def test_what_the_caller_did_wrong_opens_nothing():
    with processing(breakers=BREAKERS) as rig:
        for _ in range(4):
            span(rig, CHAT, error="400")

        assert rig.configuration.store.circuits("provider:")[0].phase is Phase.CLOSED


def test_a_tool_that_a_decorator_tells_of_too_is_counted_once():
    with processing(breakers=BREAKERS) as rig:

        @track_tool_call(tool_name="search")
        def search():
            span(rig, TOOL)
            raise ValueError("no index")

        with pytest.raises(ValueError, match="no index"):
            search()

        assert rig.configuration.store.circuits("tool:")[0].phase is Phase.CLOSED
        with pytest.raises(ValueError, match="no index"):
            search()
        assert rig.configuration.store.circuits("tool:")[0].phase is Phase.OPEN


def openllmetry(rig, **at_the_end):
    """A span of OpenLLMetry's for OpenAI's SDK: it says whom it calls when it has called."""
    tracer = rig.tracer("opentelemetry.instrumentation.openai.v1")
    made = tracer.start_span("openai.chat", attributes={"gen_ai.operation.name": "chat"})
    made.set_attributes(at_the_end)
    made.end()


def test_whom_a_span_calls_that_says_so_late_is_the_maker_of_its_sdk_till_then():
    with processing(breakers=BREAKERS) as rig:
        for _ in range(2):
            openllmetry(rig, **{"error.type": "503"})

        with pytest.raises(CircuitOpenError, match="provider:openai is open"):
            openllmetry(rig)


def test_what_a_span_says_late_of_whom_it_has_called_is_charged_so():
    with processing(breakers=BREAKERS) as rig:
        late = {"gen_ai.provider.name": "groq", "gen_ai.request.model": "llama-3.3-70b-versatile"}
        openllmetry(rig, **late, **USED)

        (record,) = rig.records
        assert record.provider == "groq"
