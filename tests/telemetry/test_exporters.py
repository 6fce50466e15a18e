"""Which exporters the environment asks for."""

from __future__ import annotations

import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (
    OTLPSpanExporter as GrpcSpanExporter,
)
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace.export import ConsoleSpanExporter

from wflo_otel.errors import ConfigError
from wflo_otel.telemetry.exporters import Signal, build, endpoint, protocol, wanted

GENERAL = "OTEL_EXPORTER_OTLP_ENDPOINT"
TRACES = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"


@pytest.mark.parametrize(
    ("environ", "names"),
    [
        ({}, ()),
        ({GENERAL: "http://localhost:4318"}, ("otlp",)),
        ({TRACES: "http://localhost:4318/v1/traces"}, ("otlp",)),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://localhost"}, ()),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, ("otlp",)),
        ({"OTEL_TRACES_EXPORTER": "none", GENERAL: "http://localhost"}, ()),
        ({"OTEL_TRACES_EXPORTER": "console, otlp,console"}, ("console", "otlp")),
        ({"OTEL_TRACES_EXPORTER": "", GENERAL: "http://localhost"}, ("otlp",)),
    ],
)
def test_an_endpoint_or_a_name_asks_for_an_exporter(
    environ: dict[str, str], names: tuple[str, ...]
) -> None:
    assert wanted(Signal.TRACES, environ) == names


def test_a_signals_own_endpoint_wins() -> None:
    environ = {GENERAL: "http://all", TRACES: "http://traces"}

    assert endpoint(Signal.TRACES, environ) == "http://traces"
    assert endpoint(Signal.METRICS, environ) == "http://all"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "http/protobuf"),
        ({GENERAL: "http://localhost:4318"}, "http/protobuf"),
        ({GENERAL: "http://localhost:4317"}, "grpc"),
        ({GENERAL: "http://localhost:4317/"}, "grpc"),
        (
            {GENERAL: "http://localhost:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"},
            "http/protobuf",
        ),
        (
            {
                "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
                "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc",
            },
            "grpc",
        ),
    ],
)
def test_the_protocol_is_as_given_else_by_the_port(environ: dict[str, str], expected: str) -> None:
    assert protocol(Signal.TRACES, environ) == expected


def test_a_protocol_that_nobody_speaks_is_refused() -> None:
    with pytest.raises(ConfigError, match="use grpc or http/protobuf"):
        protocol(Signal.TRACES, {"OTEL_EXPORTER_OTLP_PROTOCOL": "carrier-pigeon"})


@pytest.mark.parametrize(
    ("signal", "name", "environ", "kind"),
    [
        (Signal.TRACES, "otlp", {}, OTLPSpanExporter),
        (Signal.TRACES, "otlp", {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, GrpcSpanExporter),
        (Signal.TRACES, "console", {}, ConsoleSpanExporter),
        (Signal.TRACES, "otlp_proto_http", {}, OTLPSpanExporter),
        (Signal.METRICS, "otlp", {}, OTLPMetricExporter),
        (Signal.LOGS, "otlp", {}, OTLPLogExporter),
    ],
)
def test_an_exporter_is_made_by_its_name(
    signal: Signal, name: str, environ: dict[str, str], kind: type
) -> None:
    made = build(signal, name, environ)
    made.shutdown()

    assert isinstance(made, kind)


def test_an_exporter_that_is_not_installed_is_named_with_the_remedy() -> None:
    with pytest.raises(ConfigError, match=r"=zipkin: .*; use otlp, console or none"):
        build(Signal.TRACES, "zipkin", {})


def test_an_exporter_that_cannot_be_made_is_a_configuration_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", "/nowhere.pem")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    monkeypatch.setattr(OTLPSpanExporter, "__init__", _refuse)

    with pytest.raises(ConfigError, match=r"the otlp exporter cannot be made \(ValueError\)"):
        build(Signal.TRACES, "otlp", {})


def _refuse(self: object) -> None:
    raise ValueError("a secret header")
