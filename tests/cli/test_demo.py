"""The demo that the README shows."""

from __future__ import annotations

import re
from pathlib import Path

from cli_rig import PYTHON

DEMO = Path(__file__).parents[2] / "examples" / "demo"


def test_the_researcher_is_stopped_and_the_bills_agree(rig):
    ran = rig.call(PYTHON, str(DEMO / "demo.py"))

    assert ran.code == 0, ran.err
    assert "researcher  gave up: BudgetExceededError: budget of run:" in ran.err
    assert re.search(r"refused  \d+ by the budget of agent researcher", ran.err)
    total = re.search(r"total .*", ran.out).group().split()
    assert total[-1] == "$0.000000000"
    assert total[2] == total[4] != "$0.000000000"
    assert ran.out.count("writer ") == 3


def test_the_agents_know_nothing_of_wflo():
    for agent in ("researcher.py", "writer.py", "narrator.py", "team.py"):
        assert "wflo" not in (DEMO / agent).read_text()
