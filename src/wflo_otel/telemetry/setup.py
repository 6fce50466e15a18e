"""Providers and exporters for a program that has none of its own.

The rule: what the program, a distribution or ``OTEL_*`` has set up stays as it is. Where there
is nothing, spans get a provider without an exporter, which is cheap and gives them ids; metrics
and logs get one only where they are to be exported.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from opentelemetry import metrics, trace

from wflo_otel.errors import ConfigError
from wflo_otel.telemetry.closing import Closer
from wflo_otel.telemetry.exporters import Signal, build, endpoint, wanted
from wflo_otel.telemetry.instrumentations import instrument_http, instrument_threads
from wflo_otel.telemetry.quiet import quieten

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource

__all__ = ["Setup", "ensure_providers", "instrument_http", "instrument_threads", "service_name"]


@dataclass(frozen=True, slots=True)
class Setup:
    """What was found or made."""

    #: By signal: ``existing``, ``disabled``, ``none`` or the exporters' names.
    signals: Mapping[str, str]
    #: Where OTLP goes; empty where it goes nowhere.
    endpoint: str = ""
    #: What could not be set up, and why, a line each.
    problems: tuple[str, ...] = ()
    closer: Closer | None = field(default=None, repr=False)


class _Provider(Protocol):
    def shutdown(self) -> object: ...


@dataclass(slots=True)
class _Work:
    """What has been made so far."""

    environ: Mapping[str, str]
    signals: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    providers: list[_Provider] = field(default_factory=list)
    exporters: list[Any] = field(default_factory=list)

    def build(self, signal: Signal) -> list[Any]:
        """Make a signal's exporters; one that cannot be made is a problem, not an error."""
        made, names = [], []
        for name in wanted(signal, self.environ):
            try:
                made.append(build(signal, name, self.environ))
                names.append(name)
            except ConfigError as error:
                self.problems.append(str(error))
        self.signals[signal.value.variable.lower()] = ",".join(names) or "none"
        self.exporters += made
        return made


def ensure_providers(environ: Mapping[str, str] | None = None) -> Setup:
    """Set up what is missing, and say what there is. Never raises for what OTEL_* asks.

    Args:
        environ: decides what is exported; the process's own by default. Exporters, samplers and
            limits read the process's own in any case.
    """
    environ = os.environ if environ is None else environ
    names = tuple(signal.value.variable.lower() for signal in Signal)
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return Setup(dict.fromkeys(names, "disabled"))
    work = _Work(environ)
    missing = (
        (Signal.TRACES, _has_tracer_provider, _set_tracer_provider),
        (Signal.METRICS, _has_meter_provider, _set_meter_provider),
        (Signal.LOGS, _has_logger_provider, _set_logger_provider),
    )
    for signal, is_there, make in missing:
        if is_there():
            work.signals[signal.value.variable.lower()] = "existing"
        else:
            make(work, work.build(signal))
    if environ.get("OTEL_CONFIG_FILE") and "existing" not in work.signals.values():
        work.problems.append("OTEL_CONFIG_FILE is read by `opentelemetry-instrument` only")
    return _report(work)


def _report(work: _Work) -> Setup:
    signals = [s for s in Signal if "otlp" in work.signals[s.value.variable.lower()].split(",")]
    where = next((endpoint(s, work.environ) or "localhost" for s in signals), "")
    closer = None
    if work.exporters:
        closer = Closer(
            [provider.shutdown for provider in work.providers],
            [exporter.shutdown for exporter in work.exporters],
            quieten(where or "the exporter").tell,
        )
    return Setup(work.signals, where, tuple(work.problems), closer)


def service_name(argv: Sequence[str]) -> str:
    """Name a service after its script: ``agent`` for ``/app/agent.py``."""
    script = Path(argv[0] if argv else "")
    if script.stem == "__main__":
        return script.parent.name or "python"
    return script.stem if script.stem not in ("", "-c", "-m") else "python"


def _resource(environ: Mapping[str, str]) -> Resource:
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource

    given = "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"
    if environ.get(given[0]) or f"{SERVICE_NAME}=" in environ.get(given[1], ""):
        return Resource.create()
    return Resource.create({SERVICE_NAME: service_name(sys.argv)})


# The global proxies are private: their names are the only way to know that nothing is set.
def _is_set(provider: object) -> bool:
    return not type(provider).__name__.lstrip("_").startswith("Proxy")


def _has_tracer_provider() -> bool:
    return _is_set(trace.get_tracer_provider())


def _has_meter_provider() -> bool:
    return _is_set(metrics.get_meter_provider())


def _has_logger_provider() -> bool:
    from opentelemetry import _logs as logs

    return _is_set(logs.get_logger_provider())


def _set_tracer_provider(work: _Work, exporters: Sequence[Any]) -> None:
    if not exporters:
        return
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=_resource(work.environ), shutdown_on_exit=False)
    for exporter in exporters:
        provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    work.providers.append(provider)


def _set_meter_provider(work: _Work, exporters: Sequence[Any]) -> None:
    if not exporters:
        return
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader

    readers = [
        each if isinstance(each, MetricReader) else PeriodicExportingMetricReader(each)
        for each in exporters
    ]
    provider = MeterProvider(readers, _resource(work.environ), shutdown_on_exit=False)
    metrics.set_meter_provider(provider)
    work.providers.append(provider)


def _set_logger_provider(work: _Work, exporters: Sequence[Any]) -> None:
    if not exporters:
        return
    from opentelemetry import _logs as logs
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

    provider = LoggerProvider(resource=_resource(work.environ), shutdown_on_exit=False)
    for exporter in exporters:
        provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    logs.set_logger_provider(provider)
    work.providers.append(provider)
