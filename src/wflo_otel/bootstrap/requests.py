"""Having the global provider tell which requests are served, without loading an SDK for it."""

from __future__ import annotations

import sys

from opentelemetry import trace


def watch_global_provider() -> None:
    """Put the processor that looks for requests on the global provider, where it is an SDK's."""
    if "opentelemetry.sdk.trace" in sys.modules:
        from wflo_otel.seams.spans.roots import watch_requests

        watch_requests(trace.get_tracer_provider())
