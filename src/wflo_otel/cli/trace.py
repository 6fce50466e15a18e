"""One trace for one run: the span around everything that the program does.

The program's processes continue it by ``TRACEPARENT``, the environment variable that
OpenTelemetry has for that. The rule: it exists only where spans are exported by the environment,
so that a sampler's choice is made once, here, with the program's own settings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from wflo_otel.cli.launch import Launch
from wflo_otel.core.scope import Caller
from wflo_otel.telemetry.exporters import Signal, wanted


@dataclass(slots=True)
class RunSpan:
    """The span of a run. ``environ`` is what a child process needs to continue its trace."""

    environ: Mapping[str, str]
    exit_code: int = 0


@contextmanager
def run_span(launch: Launch) -> Iterator[RunSpan]:
    """Put the run that happens in the block in one trace, where traces are exported."""
    if launch.disabled or not _is_exported(launch.environ):
        yield RunSpan({})
        return
    from wflo_otel.context import carried_trace, trace_environ
    from wflo_otel.telemetry.late import LateProviders
    from wflo_otel.telemetry.otel import OTelTelemetry
    from wflo_otel.telemetry.outcomes import fail

    providers = LateProviders()
    telemetry = OTelTelemetry(before_first_span=providers.ensure)
    with carried_trace(launch.environ):
        span = telemetry.workflow_span(launch.name, Caller(launch.run_id, workflow=launch.name))
    made = RunSpan(trace_environ(span))
    try:
        yield made
    finally:
        if made.exit_code:
            fail(span, f"exit_{made.exit_code}")
        span.end()
        providers.close()


def _is_exported(environ: Mapping[str, str]) -> bool:
    disabled = environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    return not disabled and bool(wanted(Signal.TRACES, environ))
