"""Which exporters the environment asks for, and how they are made.

The rule: the standard ``OTEL_*`` variables decide. OTLP is on where an endpoint is given, and
nothing is sent anywhere where none is. Exporters are imported only when they are wanted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from importlib import import_module
from typing import Any

from wflo_otel.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Source:
    """Where the classes of one signal's exporters are, as ``module:class``."""

    variable: str
    group: str
    grpc: str
    http: str
    console: str


_OTLP = "opentelemetry.exporter.otlp.proto"


class Signal(Enum):
    """What is exported."""

    TRACES = Source(
        "TRACES",
        "opentelemetry_traces_exporter",
        f"{_OTLP}.grpc.trace_exporter:OTLPSpanExporter",
        f"{_OTLP}.http.trace_exporter:OTLPSpanExporter",
        "opentelemetry.sdk.trace.export:ConsoleSpanExporter",
    )
    METRICS = Source(
        "METRICS",
        "opentelemetry_metrics_exporter",
        f"{_OTLP}.grpc.metric_exporter:OTLPMetricExporter",
        f"{_OTLP}.http.metric_exporter:OTLPMetricExporter",
        "opentelemetry.sdk.metrics.export:ConsoleMetricExporter",
    )
    LOGS = Source(
        "LOGS",
        "opentelemetry_logs_exporter",
        f"{_OTLP}.grpc._log_exporter:OTLPLogExporter",
        f"{_OTLP}.http._log_exporter:OTLPLogExporter",
        "opentelemetry.sdk._logs.export:ConsoleLogRecordExporter",
    )


def wanted(signal: Signal, environ: Mapping[str, str]) -> tuple[str, ...]:
    """The names of the exporters of a signal: ``otlp``, ``console`` or an entry point's."""
    given = environ.get(f"OTEL_{signal.value.variable}_EXPORTER")
    if not given:
        return ("otlp",) if endpoint(signal, environ) else ()
    names = (name.strip() for name in given.split(","))
    return tuple(dict.fromkeys(name for name in names if name and name != "none"))


def endpoint(signal: Signal, environ: Mapping[str, str]) -> str:
    """The OTLP endpoint that is given for a signal, or for all; empty if there is none."""
    own = environ.get(f"OTEL_EXPORTER_OTLP_{signal.value.variable}_ENDPOINT")
    return own or environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "")


def protocol(signal: Signal, environ: Mapping[str, str]) -> str:
    """``grpc`` or ``http/protobuf``: as given, else by the endpoint's port, 4317 being gRPC's.

    Raises:
        ConfigError: it is given, and is neither.
    """
    variable = f"OTEL_EXPORTER_OTLP_{signal.value.variable}_PROTOCOL"
    given = environ.get(variable) or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
    if not given:
        is_grpc = endpoint(signal, environ).rstrip("/").endswith(":4317")
        return "grpc" if is_grpc else "http/protobuf"
    if given not in ("grpc", "http/protobuf"):
        raise ConfigError(
            f"OTEL_EXPORTER_OTLP_PROTOCOL={given} is not known; use grpc or http/protobuf"
        )
    return given


# The three signals' exporters share no type, and those of entry points may be anything.
def build(signal: Signal, name: str, environ: Mapping[str, str]) -> Any:
    """Make an exporter (for metrics perhaps a reader). It reads the rest of ``OTEL_*`` itself.

    Raises:
        ConfigError: there is no such exporter, or it cannot be made.
    """
    source = signal.value
    if name == "otlp":
        path = source.grpc if protocol(signal, environ) == "grpc" else source.http
    else:
        path = source.console if name == "console" else _entry_point(source, name)
    module, _, attribute = path.partition(":")
    try:
        return getattr(import_module(module), attribute)()
    except (ImportError, AttributeError, ValueError) as error:
        kind = type(error).__name__
        raise ConfigError(f"the {name} exporter cannot be made ({kind})") from error


def _entry_point(source: Source, name: str) -> str:
    from importlib.metadata import entry_points

    for found in entry_points(group=source.group, name=name):
        return found.value
    raise ConfigError(
        f"OTEL_{source.variable}_EXPORTER={name}: no such exporter is installed; "
        "use otlp, console or none"
    )
