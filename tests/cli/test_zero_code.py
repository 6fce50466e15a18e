"""Zero code, complete: the configuration file of OpenTelemetry, and starts that do not hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli_rig import PYTHON, program
from wflo_otel.testing import Reply

INSTRUMENT = str(Path(PYTHON).parent / "opentelemetry-instrument")
QUIET = {f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")}
BUDGET = {"WFLO_BUDGET_USD": "0.01"}
FILE = """
file_format: "1.0"
tracer_provider:
  processors: [{simple: {exporter: {console: }}}]
instrumentation/development:
  python:
    wflo:
"""
#: What is in force, and how often it is there.
SHOW = """
from opentelemetry import trace
from wflo_otel.bootstrap import configuration
now = configuration()
processors = trace.get_tracer_provider()._active_span_processor._span_processors
deciding = [each for each in processors if type(each).__name__ == "DecidingSpanProcessor"]
print(now.run.name, now.policy().budgets.run.usd, len(deciding))
"""


def with_file(rig, options, *command, **environ):
    """Run a command under a configuration file whose ``wflo`` says this."""
    lines = [f"      {line}\n" for line in options.splitlines()]
    (rig.folder / "otel.yaml").write_text(FILE + "".join(lines))
    return rig.call(INSTRUMENT, *command, OTEL_CONFIG_FILE="otel.yaml", **environ)


def test_a_policy_in_the_file_is_in_force_once(rig):
    options = "policy:\n  version: 1\n  budgets: {run: {usd: 0.01}}\nrun_name: nightly\n"

    ran = with_file(rig, options, PYTHON, "-c", SHOW)

    assert (ran.code, ran.lines) == (0, ["nightly 10000000 1"]), ran.err
    assert "already instrumented" not in ran.err


def test_the_file_wins_over_the_environment_but_for_a_tighter_budget(rig):
    options = "policy:\n  version: 1\n  budgets: {run: {usd: 5}}\nrun_name: nightly\n"

    ran = with_file(rig, options, PYTHON, "-c", SHOW, WFLO_RUN_NAME="other", **BUDGET)

    assert ran.lines == ["nightly 10000000 1"], ran.err


def test_a_file_that_says_nothing_of_wflo_leaves_it_to_the_environment(rig):
    (rig.folder / "otel.yaml").write_text(FILE.partition("instrumentation/")[0])
    environ = BUDGET | {"WFLO_RUN_NAME": "other", "OTEL_CONFIG_FILE": "otel.yaml"}

    ran = rig.call(INSTRUMENT, PYTHON, "-c", SHOW, **environ)

    assert ran.lines == ["other 10000000 1"], ran.err


def test_a_budget_in_the_file_holds(rig, wflo_provider):
    wflo_provider.default = Reply(input_tokens=100, output_tokens=200)

    ran = with_file(rig, "budget_usd: 0.01", PYTHON, program("ask.py"), "6", "200")

    assert ran.code == 7, ran.err
    assert wflo_provider.bill.requests == 4


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("budgt_usd: 1", "budgt_usd: unknown option (did you mean budget_usd?)"),
        ("policy: gone.yaml", "gone.yaml: no such file"),
        (
            "policy: {version: 1, budgets: {run: {usd: five}}}",
            "policy: budgets.run.usd: 'five' is not an amount in US dollars (write 5.00)",
        ),
    ],
)
def test_a_mistake_in_the_file_ends_the_program_before_its_first_line(rig, options, reason):
    ran = with_file(rig, options, PYTHON, "-c", "print('started')")

    assert (ran.code, ran.out) == (78, "")
    where = "otel.yaml: instrumentation/development.python.wflo: "
    assert f"wflo: refusing to start: {where}{reason}" in ran.err


def test_switched_off_it_says_so_once(rig):
    ran = with_file(rig, "budget_usd: 1", PYTHON, "-c", "print('started')", WFLO_DISABLED="1")

    assert (ran.code, ran.lines) == (0, ["started"])
    assert ran.err.count("switched off by WFLO_DISABLED=1") == 1


OTHER = """
import httpx2
from opentelemetry import trace
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor

class Other(BaseInstrumentor):
    def instrumentation_dependencies(self):
        return ()

    def _instrument(self, **options):
        {does}

    def _uninstrument(self, **options):
        pass
"""
#: What another instrumentation may do after wflo, and what is then said.
DOES = {
    "httpx2.HTTPTransport.handle_request = lambda self, request: None": (
        "a probe request did not reach the guard: httpx2.HTTPTransport.handle_request "
        "(replaced by other_library)"
    ),
    "trace.get_tracer_provider()._active_span_processor._span_processors = ()": (
        "a probe span did not reach wflo's span processor"
    ),
}
by_deed = pytest.mark.parametrize("does", DOES, ids=["request", "span"])


@pytest.fixture
def beside_another(rig):
    """Start a program under ``opentelemetry-instrument``, which loads another library last."""

    def start(does, **environ):
        (rig.folder / "other_library.py").write_text(OTHER.format(does=does))
        folder = rig.folder / "zz_other-1.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: zz-other\nVersion: 1\n")
        (folder / "entry_points.txt").write_text(
            "[opentelemetry_instrumentor]\nother = other_library:Other\n"
        )
        path = {"PYTHONPATH": str(rig.folder)}
        started = "import httpx2, openai; print('started')"
        return rig.call(INSTRUMENT, PYTHON, "-c", started, **path, **QUIET, **environ)

    return start


@by_deed
def test_a_guard_that_another_library_has_undone_ends_the_program(beside_another, does):
    ran = beside_another(does, **BUDGET)

    assert (ran.code, ran.out) == (78, "")
    assert f"wflo: refusing to start: {DOES[does]}" in ran.err


@by_deed
def test_without_a_policy_it_is_a_warning_once(beside_another, does):
    ran = beside_another(does)

    assert (ran.code, ran.lines) == (0, ["started"])
    assert ran.err.count(f"wflo: not everything is counted: {DOES[does]}") == 1


def test_a_client_that_is_imported_later_is_tried_when_it_is(rig):
    undone = (
        "import sys, types\n"
        "from wflo_otel.seams.http import boarding\n"
        "boarding.probe = types.SimpleNamespace(METHOD='')\n"
        "import httpx2\n"
        "print('started')\n"
    )

    ran = rig.run("-c", undone, options=("--budget", "1", "--no-live"))

    assert (ran.code, ran.out) == (78, "")
    assert "wflo: refusing to start: a probe request did not reach the guard: httpx2" in ran.err
