"""``opentelemetry-instrument``: OpenTelemetry's own way to start a program guards it too."""

from __future__ import annotations

from pathlib import Path

import pytest

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


WORKER = """
import openai
from opentelemetry import trace

client = openai.OpenAI()
tracer = trace.get_tracer("worker")
for number in range(2):
    with tracer.start_as_current_span("process", kind=trace.SpanKind.CONSUMER):
        answered = 0
        try:
            while True:
                question = [{"role": "user", "content": "Why?"}]
                client.chat.completions.create(model="gpt-4o", messages=question, max_tokens=200)
                answered += 1
        except openai.OpenAIError:
            print(answered > 0)
"""


@pytest.mark.parametrize("sampler", ["always_on", "always_off"])
def test_each_message_of_a_worker_has_the_budget_of_a_run(rig, wflo_provider, sampler):
    wflo_provider.default = Reply(input_tokens=100, output_tokens=200)
    environ = {"WFLO_BUDGET_USD": "0.005", "OTEL_TRACES_SAMPLER": sampler, **QUIET}

    ran = rig.call(INSTRUMENT, PYTHON, "-c", WORKER, **environ)

    assert (ran.code, ran.lines) == (0, ["True", "True"])
