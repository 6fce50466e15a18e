"""A sampler that lets the policy see model, tool and agent calls which are not exported.

Decisions never depend on sampling. The rule: what is exported is what the user's own sampler
says; a span it drops is recorded if it tells of such a call, and stays out of every exporter.
"""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, get_current_span
from opentelemetry.trace.span import TraceState
from opentelemetry.util.types import Attributes

from wflo_otel.seams.spans import probe
from wflo_otel.seams.traces import requests
from wflo_otel.telemetry.dialects import operation_of
from wflo_otel.telemetry.safely import safely


class PolicySampler(Sampler):
    """Samples as another sampler does, and has spans of calls recorded all the same.

    >>> TracerProvider(sampler=PolicySampler(TraceIdRatioBased(0.01)))  # doctest: +SKIP

    Args:
        inner: the sampler that says what is exported.
    """

    def __init__(self, inner: Sampler) -> None:
        self._inner = inner

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Ask the inner sampler; keep what it drops if it tells of a call."""
        if name == probe.NAME:
            return SamplingResult(Decision.RECORD_ONLY)
        result = self._inner.should_sample(
            parent_context, trace_id, name, kind, attributes, links, trace_state
        )
        if result.decision is not Decision.DROP or not _tells_of_call(name, kind, attributes):
            _keep_request(result.decision, parent_context, trace_id, name, kind)
            return result
        # A sampler that drops gives no attributes back, and the policy needs the model.
        return SamplingResult(Decision.RECORD_ONLY, attributes, result.trace_state)

    def get_description(self) -> str:
        """Name this sampler and the one inside."""
        return f"PolicySampler({self._inner.get_description()})"


def _keep_request(
    decision: Decision,
    parent_context: Context | None,
    trace_id: int,
    name: str,
    kind: SpanKind | None,
) -> None:
    """Have a request known that no processor will see."""
    if decision is not Decision.DROP or kind not in (SpanKind.SERVER, SpanKind.CONSUMER):
        return
    parent = get_current_span(parent_context).get_span_context()
    if not parent.is_valid or parent.is_remote:
        requests.hint(trace_id, name)


def _tells_of_call(name: str, kind: SpanKind | None, attributes: Attributes) -> bool:
    with safely("sampling"):
        return operation_of("", name, kind or SpanKind.INTERNAL, attributes or {}) is not None
    return False
