"""The examples of services, as they are, under ``opentelemetry-instrument`` and ``wflo run``."""

from __future__ import annotations

import re
import subprocess
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from cli_rig import PYTHON, WFLO, Rig, finish
from wflo_otel.testing import Reply

EXAMPLES = Path(__file__).parents[2] / "examples"
INSTRUMENT = str(Path(PYTHON).parent / "opentelemetry-instrument")
QUIET = {f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")}
SERVICE = (
    *(PYTHON, "-m", "uvicorn", "--app-dir", str(EXAMPLES / "fastapi_service")),
    *("--port", "0", "--no-access-log", "service:app"),
)
WORKER = (PYTHON, str(EXAMPLES / "worker" / "worker.py"))
#: Two answers of the scripted provider fit, and no part of a third: one costs $0.00225.
BUDGET = {"WFLO_BUDGET_USD": "0.0046"}
PER_TRACE = "version: 1\nrun_per: trace\nbudgets:\n  run: 0.0046\n"


@pytest.fixture
def rig(tmp_path, wflo_provider):
    wflo_provider.default = Reply(input_tokens=100, output_tokens=200)
    return Rig(tmp_path, wflo_provider.base_url)


@contextmanager
def serving(rig, *command, **environ):
    """The address of a service that runs, and afterwards what it wrote to standard error."""
    written = rig.folder / "stderr.txt"
    with written.open("w") as stderr:
        process = subprocess.Popen(
            command,
            cwd=rig.folder,
            env=rig.environ | QUIET | environ,
            stdin=subprocess.DEVNULL,
            stderr=stderr,
        )
        try:
            yield _address(process, written), written
        finally:
            process.terminate()
            process.wait(60)


def _address(process, written):
    while process.poll() is None:
        if found := re.search(r"running on (http://\S+)", written.read_text()):
            return found[1]
        try:
            process.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
    raise AssertionError(written.read_text())


def research(address, steps):
    asked = {"question": "Why are the tides so high?", "steps": steps}
    return httpx.post(f"{address}/research", params=asked, timeout=60)


def exhausts_its_own_budget_only(address):
    first, second = research(address, 10), research(address, 1)
    assert (first.status_code, second.status_code) == (402, 200)
    assert "stopped at step 3" in first.json()["detail"]


def test_a_request_that_is_exhausted_does_not_refuse_the_next(rig, wflo_provider):
    with serving(rig, INSTRUMENT, *SERVICE, **BUDGET) as (address, _):
        exhausts_its_own_budget_only(address)

    assert wflo_provider.bill.requests == 3


def test_a_service_under_wflo_run_has_a_run_for_each_request_where_the_policy_says_so(rig):
    (rig.folder / "wflo.yaml").write_text(PER_TRACE)
    command = (*WFLO, "run", "--no-live", "--", INSTRUMENT, *SERVICE)
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    with serving(rig, *command, TRACEPARENT=parent) as (address, written):
        exhausts_its_own_budget_only(address)

    said = written.read_text()
    assert re.search(r"spent +\S+, 3 calls", said), said
    assert re.search(r"requests +2 requests .*: 1 refused, 1 stopped", said), said


def test_a_message_that_is_exhausted_does_not_refuse_the_next(rig, wflo_provider):
    messages = rig.folder / "messages.txt"
    messages.write_text("10 Why?\n1 Why not?\n")

    with messages.open() as stdin:
        process = subprocess.Popen(
            (INSTRUMENT, *WORKER),
            cwd=rig.folder,
            env=rig.environ | QUIET | BUDGET,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        ran = finish(process)

    assert ran.lines == ["stopped at step 3: BudgetExceededError", "done in 1"], ran.err
    assert wflo_provider.bill.requests == 3
