"""Providers and exporters for a program that has none of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import _logs, metrics, trace
from opentelemetry._logs import _internal as logs_internal
from opentelemetry.metrics import _internal as metrics_internal
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.util._once import Once

from wflo_otel.telemetry.setup import Setup, ensure_providers, service_name

CONSOLE = {
    "OTEL_TRACES_EXPORTER": "console",
    "OTEL_METRICS_EXPORTER": "console",
    "OTEL_LOGS_EXPORTER": "console",
}


@pytest.fixture(autouse=True)
def nothing_is_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a fresh process: the global providers are module variables.

    A proxy that was once bound to a provider stays bound, to one that is shut down.
    """
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER_SET_ONCE", Once())
    monkeypatch.setattr(metrics_internal, "_METER_PROVIDER", None)
    monkeypatch.setattr(metrics_internal, "_METER_PROVIDER_SET_ONCE", Once())
    proxy = metrics_internal._ProxyMeterProvider()
    monkeypatch.setattr(metrics_internal, "_PROXY_METER_PROVIDER", proxy)
    monkeypatch.setattr(logs_internal, "_LOGGER_PROVIDER", None)
    monkeypatch.setattr(logs_internal, "_LOGGER_PROVIDER_SET_ONCE", Once())
    for name in [each for each in os.environ if each.startswith("OTEL_")]:
        monkeypatch.delenv(name)


def closed(setup: Setup) -> Setup:
    if setup.closer is not None:
        setup.closer.close()
    return setup


def service() -> Any:
    provider = trace.get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    return provider.resource.attributes["service.name"]


def test_where_nothing_is_asked_for_the_global_provider_stays_unset() -> None:
    setup = ensure_providers({})

    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
    assert setup.signals == {"traces": "none", "metrics": "none", "logs": "none"}
    assert (setup.endpoint, setup.problems, setup.closer) == ("", (), None)


def test_a_provider_that_is_there_stays() -> None:
    mine = TracerProvider(shutdown_on_exit=False)
    trace.set_tracer_provider(mine)

    setup = ensure_providers(CONSOLE | {"OTEL_TRACES_EXPORTER": "otlp"})
    closed(setup)

    assert trace.get_tracer_provider() is mine
    assert setup.signals["traces"] == "existing"
    assert setup.signals["metrics"] == "console"


def test_calling_it_twice_changes_nothing() -> None:
    first = closed(ensure_providers(CONSOLE))
    provider = trace.get_tracer_provider()

    second = ensure_providers(CONSOLE)

    assert trace.get_tracer_provider() is provider
    assert set(first.signals.values()) == {"console"}
    assert set(second.signals.values()) == {"existing"}


def test_each_signal_that_is_asked_for_gets_a_provider() -> None:
    closed(ensure_providers(CONSOLE))

    assert isinstance(trace.get_tracer_provider(), TracerProvider)
    assert isinstance(metrics.get_meter_provider(), MeterProvider)
    assert isinstance(_logs.get_logger_provider(), LoggerProvider)


@pytest.mark.parametrize("value", ["true", " TRUE "])
def test_a_disabled_sdk_is_left_alone(value: str) -> None:
    setup = ensure_providers(CONSOLE | {"OTEL_SDK_DISABLED": value})

    assert set(setup.signals.values()) == {"disabled"}
    assert not isinstance(trace.get_tracer_provider(), TracerProvider)


def test_an_exporter_that_cannot_be_had_is_a_problem_and_the_others_work() -> None:
    setup = closed(ensure_providers({"OTEL_TRACES_EXPORTER": "zipkin,console"}))

    assert setup.signals["traces"] == "console"
    assert setup.problems == (
        "OTEL_TRACES_EXPORTER=zipkin: no such exporter is installed; use otlp, console or none",
    )


def test_a_configuration_file_that_nobody_reads_is_a_problem() -> None:
    setup = ensure_providers({"OTEL_CONFIG_FILE": "otel.yaml"})

    assert setup.problems == ("OTEL_CONFIG_FILE is read by `opentelemetry-instrument` only",)


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["/app/agent.py"], "agent"),
        (["/app/crew/__main__.py"], "crew"),
        (["__main__.py"], "python"),
        (["-c"], "python"),
        ([""], "python"),
        ([], "python"),
    ],
)
def test_a_service_is_named_after_its_script(argv: list[str], expected: str) -> None:
    assert service_name(argv) == expected


def test_the_script_names_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/app/agent.py"])

    closed(ensure_providers(CONSOLE))

    assert service() == "agent"


@pytest.mark.parametrize(
    ("variable", "value"),
    [("OTEL_SERVICE_NAME", "mine"), ("OTEL_RESOURCE_ATTRIBUTES", "team=a,service.name=mine")],
)
def test_a_name_that_is_given_wins(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)

    closed(ensure_providers(CONSOLE | {variable: value}))

    assert service() == "mine"


PROGRAM = """
from opentelemetry import _logs, metrics, trace
from wflo_otel.telemetry.setup import ensure_providers
setup = ensure_providers()
with trace.get_tracer("t").start_as_current_span("x"):
    _logs.get_logger("t").emit(_logs.LogRecord(event_name="e"))
metrics.get_meter("t").create_counter("c").add(1)
print(setup.endpoint)
"""


def run(tmp_path: Path, **environ: str) -> tuple[subprocess.CompletedProcess[str], float]:
    """Run a program that exports one of each, and time it."""
    script = tmp_path / "agent.py"
    script.write_text(PROGRAM)
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, str(script)],
        env={"PATH": os.environ["PATH"], **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    return done, time.monotonic() - began


@pytest.fixture
def unanswered() -> Iterator[str]:
    """An address that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_a_collector_that_hangs_costs_two_seconds_and_one_line_at_the_end(
    protocol: str, unanswered: str, tmp_path: Path
) -> None:
    done, took = run(
        tmp_path,
        OTEL_EXPORTER_OTLP_ENDPOINT=unanswered,
        OTEL_EXPORTER_OTLP_PROTOCOL=protocol,
    )

    assert (done.returncode, done.stdout) == (0, f"{unanswered}\n")
    assert done.stderr == (
        f"telemetry cannot be delivered to {unanswered}; budgets and reports do not depend on it\n"
    )
    assert took < 8


def test_a_collector_that_is_not_there_costs_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        gone = f"http://127.0.0.1:{server.getsockname()[1]}"

    done, took = run(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=gone)

    assert done.returncode == 0
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    assert took < 8


class Collector(BaseHTTPRequestHandler):
    """Takes what is exported over OTLP and HTTP."""

    paths: list[str]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.paths.append(self.path)
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def test_what_is_left_at_the_end_is_delivered(tmp_path: Path) -> None:
    Collector.paths = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        endpoint = f"http://127.0.0.1:{server.server_port}"
        done, _ = run(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint)
        server.shutdown()

    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(Collector.paths) == ["/v1/logs", "/v1/metrics", "/v1/traces"]
