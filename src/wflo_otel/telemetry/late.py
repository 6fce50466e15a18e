"""Providers that are set up with the first span, not before.

The rule: a program that sets up OpenTelemetry itself keeps what it sets up, for it does so
before it calls a model. Where it never does and nothing is to be exported, spans come from a
provider of our own, so that they have ids; the global one stays unset.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.trace import Span, Tracer, TracerProvider

from wflo_otel.telemetry.scope import SCHEMA_URL, SCOPE_NAME, version
from wflo_otel.telemetry.setup import Setup, ensure_providers

if TYPE_CHECKING:
    from opentelemetry.util._decorator import _AgnosticContextManager

log = logging.getLogger("wflo_otel")


class LateProviders:
    """Sets up what is missing, once, when it is first needed."""

    def __init__(self, ensure: Callable[[], Setup] = ensure_providers) -> None:
        self._ensure = ensure
        self._lock = threading.Lock()
        #: What was found or made; ``None`` before it was needed.
        self.setup: Setup | None = None

    def ensure(self) -> Setup:
        """Set up what is missing, and log what could not be set up."""
        with self._lock:
            if self.setup is None:
                self.setup = self._ensure()
                for problem in self.setup.problems:
                    log.warning("wflo: %s", problem)
            return self.setup

    def close(self) -> None:
        """Export what is left of what was made here."""
        if self.setup is not None and self.setup.closer is not None:
            self.setup.closer.close()


class LateTracer(Tracer):
    """A tracer of the global provider, whichever that is when a span begins."""

    def __init__(self, ensure: Callable[[], object]) -> None:
        self._ensure = ensure
        self._provider: TracerProvider | None = None
        self._tracer: Tracer = trace.NoOpTracer()

    def start_span(self, *args: Any, **kwargs: Any) -> Span:
        """Start a span."""
        return self._current().start_span(*args, **kwargs)

    def start_as_current_span(self, *args: Any, **kwargs: Any) -> _AgnosticContextManager[Span]:
        """Start a span and make it current inside the block."""
        return self._current().start_as_current_span(*args, **kwargs)

    def _current(self) -> Tracer:
        provider = trace.get_tracer_provider()
        if provider is not self._provider:
            if self._provider is None:
                self._ensure()
                provider = trace.get_tracer_provider()
            source = self._own if isinstance(provider, trace.ProxyTracerProvider) else provider
            self._tracer = source.get_tracer(SCOPE_NAME, version(), schema_url=SCHEMA_URL)
            self._provider = provider
        return self._tracer

    @cached_property
    def _own(self) -> TracerProvider:
        from opentelemetry.sdk.trace import TracerProvider as SdkTracerProvider

        return SdkTracerProvider(shutdown_on_exit=False)
