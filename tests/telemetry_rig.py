"""Telemetry that ends in memory, and values to feed it with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import (
    InMemoryLogRecordExporter,
    SimpleLogRecordProcessor,
)
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler

from genai_rules import Conventions, metric_violations
from wflo_otel.core.call import Ask, Call, CallRecord, Operation, Status
from wflo_otel.core.decision import Exceeded
from wflo_otel.core.scope import Caller
from wflo_otel.core.usage import Usage
from wflo_otel.ports import Refused
from wflo_otel.telemetry.otel import OTelTelemetry
from wflo_otel.telemetry.semconv.instruments import Profile

CALLER = Caller(
    "run-1",
    parent_runs=("root", "middle"),
    workflow="report",
    agents=("lead", "writer"),
    tool="search",
    step="draft",
    tenant="acme",
    user="ada",
)
ASK = Ask(Operation.CHAT, "openai", "gpt-4o", output_cap=512)
CALL = Call("call-1", ASK, CALLER)
USAGE = Usage(
    input_tokens=1000,
    output_tokens=200,
    cache_read_tokens=900,
    cache_write_tokens=50,
    reasoning_tokens=64,
)
RECORD = CallRecord(
    call_id="call-1",
    caller=CALLER,
    operation=Operation.CHAT,
    status=Status.OK,
    started_at=100.0,
    ended_at=102.5,
    provider="openai",
    model="gpt-4o-2024-08-06",
    usage=USAGE,
    cost=1_250_000_000,
    cost_source="price",
    response_id="resp-1",
)
EXCEEDED = Exceeded(
    "run:run-1/agent:writer",
    "usd",
    limit=5_000_000_000,
    settled=4_980_000_000,
    pending=10_000_000,
    needed=102_500_000,
    stops=True,
)
REFUSED = Refused(CALL, "budget", "agent writer: $4.98 of $5.00 is spent", False, EXCEEDED)
SHADOWED = replace(REFUSED, shadow=True)


def failed(record: CallRecord = RECORD, status: Status = Status.ERROR, **more: Any) -> CallRecord:
    """The record of a call that failed."""
    return replace(record, status=status, **more)


@dataclass
class Rig:
    """One engine's telemetry, and what came out of it."""

    sampler: Sampler = ALWAYS_ON
    profile: Profile = Profile.RELEASED
    finished: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)
    reader: InMemoryMetricReader = field(default_factory=InMemoryMetricReader)
    written: InMemoryLogRecordExporter = field(default_factory=InMemoryLogRecordExporter)

    def __post_init__(self) -> None:
        resource = Resource({})
        self.provider = TracerProvider(self.sampler, resource, shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self.finished))
        self.meters = MeterProvider([self.reader], resource, shutdown_on_exit=False)
        self.loggers = LoggerProvider(resource, shutdown_on_exit=False)
        self.loggers.add_log_record_processor(SimpleLogRecordProcessor(self.written))
        self.telemetry = OTelTelemetry(
            self.provider, self.meters, self.loggers, profile=self.profile
        )
        self.tracer = self.telemetry.tracer

    @property
    def spans(self) -> dict[str, ReadableSpan]:
        """The spans that ended, by name."""
        return {span.name: span for span in self.finished.get_finished_spans()}

    @property
    def span(self) -> ReadableSpan:
        """The only span that ended."""
        (span,) = self.finished.get_finished_spans()
        return span

    @property
    def logs(self) -> list[Any]:
        """The log records that were written."""
        return [each.log_record for each in self.written.get_finished_logs()]

    def metrics(self) -> dict[str, Any]:
        """The metrics, by name; each keeps the rules of the conventions."""
        data = self.reader.get_metrics_data()
        if data is None:
            return {}
        found = {
            metric.name: metric
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }
        version = Conventions(self.profile)
        broken = {name: metric_violations(each, version) for name, each in found.items()}
        assert not any(broken.values()), broken
        return found

    def points(self) -> dict[tuple[str, frozenset[tuple[str, Any]]], Any]:
        """The value of each time series: a number, or a histogram's ``(count, sum)``."""
        return {
            (name, frozenset(point.attributes.items())): (
                (point.count, point.sum) if hasattr(point, "count") else point.value
            )
            for name, metric in self.metrics().items()
            for point in metric.data.data_points
        }

    def value(self, name: str, **attributes: Any) -> Any:
        """The only value of a metric whose attributes contain these (dots as ``__``)."""
        wanted = {key.replace("__", "."): value for key, value in attributes.items()}
        (found,) = (
            value
            for (each, series), value in self.points().items()
            if each == name and wanted.items() <= dict(series).items()
        )
        return found


def types(attributes: Mapping[str, Any] | None) -> dict[str, str]:
    """The type of each attribute, as the reference page names it."""
    names = {str: "string", bool: "boolean", int: "int", float: "double", tuple: "string[]"}
    return {key: names[type(value)] for key, value in (attributes or {}).items()}
