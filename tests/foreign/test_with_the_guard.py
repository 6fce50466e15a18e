"""Guard, processor, the SDKs' own spans and foreign instrumentations, all on: one decider."""

import pytest

from instrumented import INSTRUMENTATIONS, ROWS, instrumented
from wflo_otel.errors import BudgetExceededError

pytestmark = [pytest.mark.foreign, pytest.mark.filterwarnings("ignore")]

#: Every row under its own instrumentation, and each call once with all that there are.
CASES = [(row, (row.instrumentation,)) for row in ROWS] + [
    (row, tuple(INSTRUMENTATIONS)) for row in {row.call: row for row in ROWS}.values()
]
every_case = pytest.mark.parametrize(
    ("row", "names"), CASES, ids=[f"{row.name}, {len(names)} on" for row, names in CASES]
)


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
