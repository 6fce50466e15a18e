"""The labelled corpus of loops, as far as it comes from frameworks that are only here."""

import pytest

from loops_corpus.plan import scenarios
from loops_corpus.produce import produce
from loops_corpus.trace import read_set

pytestmark = [pytest.mark.sdks, pytest.mark.filterwarnings("ignore")]

CHOSEN = {
    "openai_agents": ("ping_pong", "advancing_handoffs", "paging"),
    "pydantic_ai_agent": ("near_duplicate", "polling"),
}


def _scenarios():
    first = {(each.framework, each.kind): each for each in reversed(list(scenarios("holdout")))}
    chosen = [first[framework, kind] for framework, kinds in CHOSEN.items() for kind in kinds]
    return [pytest.param(each, id=each.id) for each in chosen]


@pytest.mark.parametrize("scenario", _scenarios())
def test_a_trace_is_produced_again_to_the_byte(scenario):
    (committed,) = [each for each in read_set("holdout") if each.header.id == scenario.id]

    assert produce(scenario).as_line() == committed.as_line()
