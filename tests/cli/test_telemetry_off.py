"""What is decided, counted and reported is the same whatever becomes of telemetry."""

import pytest

from cli_rig import PROGRAMS
from wflo_otel.testing import Reply

ASK = str(PROGRAMS / "ask.py")

#: Nobody listens on the discard port of loopback.
DEAD = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_EXPORTER_OTLP_TIMEOUT": "1"}


def told(rig):
    """A report without what is new each time: ids, and how long things took."""
    (report,) = rig.reports()
    for line in (*report["by_agent"], *report["by_model"]):
        del line["duration_s"]
    kept = {"calls", "cost_usd", "tokens", "stopped", "errors", "by_agent", "by_model"}
    return {name: value for name, value in report.items() if name in kept}


@pytest.fixture(scope="module")
def expected():
    """What every variant must come to."""
    return {}


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_TRACES_SAMPLER": "always_off", "OTEL_TRACES_EXPORTER": "console"},
        DEAD,
        {"OTEL_SDK_DISABLED": "true"},
    ],
    ids=["as it is", "sampled away", "collector gone", "SDK disabled"],
)
def test_decisions_ledger_and_report_do_not_depend_on_telemetry(
    rig, wflo_provider, expected, environ
):
    wflo_provider.default = Reply(output_tokens=200)
    ran = rig.run(ASK, "9", "200", options=("--budget", "0.01"), **environ)

    report = told(rig)
    assert report["stopped"] == "usd budget exceeded"
    assert wflo_provider.bill.requests == report["calls"]
    assert f"{wflo_provider.bill.total_usd:.9f}" == report["cost_usd"]
    answers = [line for line in ran.lines if line.startswith(("answered", "failed"))]
    assert expected.setdefault("report", report) == report
    assert expected.setdefault("answers", answers) == answers
