"""``opentelemetry-instrument``: OpenTelemetry's own way to start a program guards it too."""

from __future__ import annotations

from pathlib import Path

from cli_rig import PYTHON, program
from wflo_otel.testing import Reply

INSTRUMENT = str(Path(PYTHON).parent / "opentelemetry-instrument")
QUIET = {f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")}


def test_a_budget_in_the_environment_holds(rig, wflo_provider):
    wflo_provider.default = Reply(input_tokens=100, output_tokens=200)

    ran = rig.call(
        INSTRUMENT, PYTHON, program("ask.py"), "6", "200", WFLO_BUDGET_USD="0.01", **QUIET
    )

    assert ran.code == 7
    assert ran.lines == ["answered stop"] * 4 + ["failed BudgetExceededError"] * 2
    assert wflo_provider.bill.requests == 4


def test_a_broken_policy_keeps_the_program_from_starting(rig):
    (rig.folder / "bad.yaml").write_text("version: 1\nbudgts: {}\n")

    ran = rig.call(INSTRUMENT, PYTHON, "-c", "print('started')", WFLO_POLICY="bad.yaml", **QUIET)

    assert (ran.code, ran.out) == (78, "")
    assert "refusing to start: bad.yaml:2: " in ran.err
