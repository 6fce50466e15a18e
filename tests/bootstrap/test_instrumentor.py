"""wflo as one of OpenTelemetry's instrumentors, called by a program."""

from __future__ import annotations

import logging
import subprocess
import sys

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

import wflo_otel as wflo
from wflo_otel.bootstrap import configuration, configure
from wflo_otel.core.money import to_nano_usd
from wflo_otel.core.policy import Budget, Budgets, Policy
from wflo_otel.seams.spans.processor import DecidingSpanProcessor

CALLS = Policy(budgets=Budgets(run=Budget(calls=7)))
INLINE = {"version": 1, "budgets": {"run": {"calls": 7}}}


@pytest.fixture
def instrumentor():
    made = wflo.WfloInstrumentor()
    yield made
    made.uninstrument()


@pytest.fixture
def provider(monkeypatch):
    made = TracerProvider(shutdown_on_exit=False)
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: made)
    return made


def processors(provider):
    found = provider._active_span_processor._span_processors
    return [each for each in found if isinstance(each, DecidingSpanProcessor)]


def limit():
    return configuration().policy().budgets.run


def test_its_options_are_those_of_configure(instrumentor, tmp_path):
    instrumentor.instrument(
        policy=CALLS,
        state=f"sqlite:///{tmp_path}/state.db",
        budget_usd="0.5",
        run_id="joined",
        run_name="nightly",
        guard=False,
    )

    now = configuration()
    assert limit() == Budget(calls=7, usd=to_nano_usd("0.5"))
    assert (now.run.run_id, now.run.name, now.guarded) == ("joined", "nightly", ())
    assert (tmp_path / "state.db").exists()


def test_a_policy_is_a_path_too_or_is_written_out(instrumentor, tmp_path):
    (tmp_path / "wflo.yaml").write_text("version: 1\nbudgets:\n  run: {calls: 7}\n")

    for policy in (tmp_path / "wflo.yaml", str(tmp_path / "wflo.yaml"), INLINE):
        instrumentor.instrument(policy=policy)
        assert limit() == Budget(calls=7)


def test_an_option_wins_over_the_environment_and_of_budgets_the_tighter_holds(
    instrumentor, monkeypatch
):
    monkeypatch.setenv("WFLO_RUN_NAME", "from the environment")
    monkeypatch.setenv("WFLO_BUDGET_USD", "3")

    instrumentor.instrument(policy={"version": 1, "budgets": {"run": 5}}, run_name="given")

    assert (configuration().run.name, limit().usd) == ("given", to_nano_usd(3))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"polcy": "wflo.yaml"}, "polcy: unknown option (did you mean policy?)"),
        ({"xyz": 1}, "xyz: unknown option (known: policy, state, budget_usd, "),
        ({"policy": 7}, "policy: int where Policy or Mapping or str or PathLike is expected"),
        ({"budget_usd": True}, "budget_usd: bool where int or float or str is expected"),
        ({"policy": None}, "policy: NoneType where "),
        ({"policy": {"version": 1, "budgts": {}}}, "policy: budgts: unknown key"),
        ({"budget_usd": "five"}, "budget_usd): 'five' is not an amount"),
    ],
)
def test_what_is_wrong_is_raised_and_named(instrumentor, options, message):
    with pytest.raises(wflo.ConfigError) as raised:
        instrumentor.instrument(**options)

    assert message in str(raised.value)
    assert configuration() is None
    assert not instrumentor.is_instrumented_by_opentelemetry


def test_without_options_what_is_in_force_stays(instrumentor):
    now = configure(CALLS, "memory://", providers=False)

    instrumentor.instrument(skip_dep_check=True)

    assert configuration() is now
    assert instrumentor.is_instrumented_by_opentelemetry


def test_the_spans_of_the_global_provider_are_decided_about_once(instrumentor, provider):
    instrumentor.instrument(policy=CALLS)
    instrumentor.instrument()
    instrumentor.instrument(policy=CALLS)

    assert len(processors(provider)) == 1


def test_uninstrument_takes_down_what_is_in_force(instrumentor):
    guarded = httpx.Client._send_single_request
    instrumentor.instrument(policy=CALLS)
    assert httpx.Client._send_single_request is not guarded

    wflo.WfloInstrumentor().uninstrument()

    assert configuration() is None
    assert httpx.Client._send_single_request is guarded
    assert not instrumentor.is_instrumented_by_opentelemetry


def replaced(self, request):
    """What another library has put in the place of the guard."""


def test_it_needs_nothing_else_and_loads_no_sdk():
    code = (
        "import sys, wflo_otel as wflo\n"
        "made = wflo.WfloInstrumentor()\n"
        "assert list(made.instrumentation_dependencies()) == []\n"
        "made.instrument(budget_usd=1)\n"
        "assert 'opentelemetry.sdk.trace' not in sys.modules\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)

    assert (done.returncode, done.stderr) == (0, b"")


def test_a_guard_that_does_not_hold_is_an_error_with_a_policy(instrumentor, monkeypatch):
    configure(CALLS, "memory://", providers=False)
    monkeypatch.setattr(httpx.Client, "_send_single_request", replaced)

    with pytest.raises(wflo.ConfigError, match="a probe request did not reach the guard"):
        instrumentor.instrument()


def test_a_guard_that_does_not_hold_is_a_warning_without_one(instrumentor, monkeypatch, caplog):
    configure(state="memory://", providers=False)
    monkeypatch.setattr(httpx.Client, "_send_single_request", replaced)

    with caplog.at_level(logging.WARNING, "wflo_otel"):
        instrumentor.instrument()

    assert "not everything is counted: a probe request" in caplog.text
