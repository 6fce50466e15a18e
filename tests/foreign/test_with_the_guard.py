"""Guard, processor, the SDKs' own spans and foreign instrumentations, all on: one decider."""

import pytest
from opentelemetry.trace import StatusCode

from instrumented import BESIDE, INSTRUMENTATIONS, ROWS, instrumented
from wflo_otel.core.call import Status
from wflo_otel.errors import BudgetExceededError
from wflo_otel.testing import Reply

pytestmark = [pytest.mark.foreign, pytest.mark.filterwarnings("ignore")]

#: Every row under its own instrumentation, and each call once with all that there are.
CASES = [(row, (row.instrumentation,)) for row in ROWS] + [
    (row, tuple(INSTRUMENTATIONS)) for row in [*{row.call: row for row in ROWS}.values(), *BESIDE]
]


def each_of(cases):
    ids = [f"{row.name}, {len(names)} on" for row, names in cases]
    return pytest.mark.parametrize(("row", "names"), cases, ids=ids)


every_case = each_of(CASES)
#: Those that ask for an answer of their own cannot be answered with an error.
every_failing_case = each_of([(row, names) for row, names in CASES if row not in BESIDE])


def priced_tokens(rig):
    """The tokens on the spans that show a cost, by our own keys."""
    return [
        (
            span.attributes["gen_ai.usage.input_tokens"],
            span.attributes.get("gen_ai.usage.output_tokens", 0),
        )
        for span in rig.priced
    ]


@every_case
def test_one_call_is_charged_and_priced_once_and_no_span_says_refused(row, names):
    with instrumented(*names, guard=True) as rig:
        row.run(rig.provider)

        (entry,) = rig.provider.bill.entries
        rig.assert_settled()
        assert len([each for each in rig.records if each.cost]) == 1
        assert priced_tokens(rig) == [(entry.tokens.input, entry.tokens.output)]
        (span,) = rig.priced
        assert span.attributes["wflo.cost.usd"] == float(rig.billed_usd)
        assert {s.attributes.get("wflo.decision") for s in rig.finished} <= {None, "admit"}


@every_case
def test_a_refusal_is_one_and_nothing_is_sent(row, names):
    with instrumented(*names, guard=True, usd="0.000000001") as rig:
        with pytest.raises(BudgetExceededError):
            row.run(rig.provider)

        assert rig.provider.requests == []
        assert rig.ledger.refused == 1
        said = [s for s in rig.finished if s.attributes.get("wflo.decision") == "refuse"]
        assert len(said) == 1


@every_failing_case
def test_an_error_answer_costs_nothing_and_no_span_says_that_it_went_well_or_was_refused(
    row, names
):
    with instrumented(*names, guard=True) as rig:
        rig.provider.default = Reply(status=503)
        with pytest.raises(Exception, match=r"503|overloaded|unavailable|rror"):
            row.run(rig.provider)

        rig.assert_settled()
        assert rig.billed_usd == 0
        assert all(each.status is Status.ERROR for each in rig.records if each.provider)
        assert all(not span.attributes["wflo.cost.usd"] for span in rig.priced)
        assert {s.attributes.get("wflo.decision") for s in rig.finished} <= {None, "admit"}
        assert StatusCode.ERROR in {span.status.status_code for span in rig.finished}
