"""Being told of the spans that serve requests, where nothing is decided by spans.

The rule: it only looks; no span is changed and nothing is raised.
"""

from __future__ import annotations

import weakref

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.trace import TracerProvider as AnyTracerProvider

from wflo_otel.seams.traces import requests

_watched: weakref.WeakSet[TracerProvider] = weakref.WeakSet()


class RequestSpanProcessor(SpanProcessor):
    """Tells which requests are served, so that each can have a run of its own."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Look whether this span serves a request."""
        if span.context is not None:
            requests.begin(span)

    def on_end(self, span: ReadableSpan) -> None:
        """Look whether a request is over."""
        if span.context is not None:
            requests.end(span.context)


def watch_requests(provider: AnyTracerProvider) -> None:
    """Put the processor on an SDK's provider, once."""
    if isinstance(provider, TracerProvider) and provider not in _watched:
        _watched.add(provider)
        provider.add_span_processor(RequestSpanProcessor())
