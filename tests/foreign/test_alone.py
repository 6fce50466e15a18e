"""The span processor alone, under each instrumentation: the table of ``docs/processor.md``."""

import pytest

from instrumented import ROWS, chat_stream_without_usage, instrumented
from wflo_otel.core.policy import Breaker
from wflo_otel.errors import BudgetExceededError, CircuitOpenError
from wflo_otel.testing import Reply

pytestmark = [pytest.mark.foreign, pytest.mark.filterwarnings("ignore")]

every_row = pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])


@every_row
def test_what_ran_is_charged_as_the_provider_bills_it(row):
    with instrumented(row.instrumentation, guard=False) as rig:
        row.run(rig.provider)
        row.run(rig.provider)

        assert len(rig.provider.requests) == 2
        rig.assert_settled()
        assert sum(s.attributes["wflo.cost.usd"] for s in rig.priced) == float(rig.billed_usd)


@every_row
def test_an_exhausted_budget_refuses_or_only_tells(row):
    with instrumented(row.instrumentation, guard=False, usd="0.000000001") as rig:
        _exhaust(row, rig)
        sent = len(rig.provider.requests)
        if row.refuses:
            with pytest.raises(BudgetExceededError):
                row.run(rig.provider)
        else:
            row.run(rig.provider)

        assert len(rig.provider.requests) == sent + (not row.refuses)
        said = [s.attributes.get("wflo.decision") for s in rig.finished]
        assert ("refuse" in said) is row.refuses
        rig.assert_settled()


@every_row
def test_an_open_breaker_refuses_or_only_tells(row):
    breakers = {"provider:*": Breaker(consecutive_failures=1)}
    with instrumented(row.instrumentation, guard=False, breakers=breakers) as rig:
        rig.provider.default = Reply(status=503)
        with pytest.raises(Exception, match=r"503|overloaded|unavailable|rror"):
            row.run(rig.provider)
        rig.provider.default = Reply()
        sent = len(rig.provider.requests)
        if row.breaks:
            with pytest.raises(CircuitOpenError):
                row.run(rig.provider)
        else:
            row.run(rig.provider)

        assert len(rig.provider.requests) == sent + (not row.breaks)
        said = [s.attributes.get("wflo.refusal.policy") for s in rig.finished]
        assert "breaker" in said
        rig.assert_settled()


def _exhaust(row, rig):
    """Spend more than the budget: what a model costs is unknown to some until it has answered."""
    for _ in range(2):
        try:
            row.run(rig.provider)
        except BudgetExceededError:
            return


def test_a_stream_that_never_tells_its_usage_is_charged_in_full():
    with instrumented("genai-openai", guard=False) as rig:
        chat_stream_without_usage(rig.provider)

        (record,) = rig.records
        assert record.cost_source == "reserved"
        assert rig.spent_usd > rig.billed_usd


def test_a_stream_whose_text_is_shown_is_estimated():
    with instrumented("openllmetry-openai", guard=False) as rig:
        chat_stream_without_usage(rig.provider)

        (record,) = rig.records
        assert record.cost_source == "estimate"
        assert 10 < record.usage.output_tokens < 100


@pytest.mark.parametrize(
    "row", [r for r in ROWS if r.call in {"chat", "message", "invoke"}], ids=lambda row: row.name
)
def test_an_error_of_the_provider_costs_nothing_and_is_kept(row):
    with instrumented(row.instrumentation, guard=False) as rig:
        rig.provider.default = Reply(status=400)
        with pytest.raises(Exception, match="400"):
            row.run(rig.provider)

        (record,) = rig.records
        assert record.cost == 0
        assert record.error_type
        rig.assert_settled()
