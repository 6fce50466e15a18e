"""A tool that is called over MCP in the same process is no request of its own."""

from __future__ import annotations

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags

from wflo_otel.seams.traces import Requests

METHOD = {"mcp.method.name": "tools/call"}
tracer = TracerProvider(shutdown_on_exit=False).get_tracer("mcp-python-sdk")


def seen_from_afar(span):
    """A context as it arrives in a message."""
    context = span.get_span_context()
    arrived = SpanContext(
        context.trace_id, context.span_id, is_remote=True, trace_flags=TraceFlags(1)
    )
    return trace.set_span_in_context(NonRecordingSpan(arrived))


def served(client):
    return tracer.start_span(
        "tools/call search", seen_from_afar(client), kind=SpanKind.SERVER, attributes=METHOD
    )


def test_the_server_s_side_of_a_call_that_is_made_here_serves_no_request():
    requests = Requests()
    client = tracer.start_span("MCP send", kind=SpanKind.CLIENT, attributes=METHOD)
    requests.begin(client)
    server = served(client)
    requests.begin(server)

    assert requests.around(server) is None
    assert not requests.is_open(client.get_span_context().trace_id)


def test_a_call_that_is_over_is_forgotten():
    requests = Requests()
    client = tracer.start_span("MCP send", kind=SpanKind.CLIENT, attributes=METHOD)
    requests.begin(client)
    requests.end(client.get_span_context())
    server = served(client)
    requests.begin(server)

    assert requests.around(server) is not None


def test_the_server_s_side_of_a_call_from_afar_serves_a_request():
    requests = Requests()
    server = served(tracer.start_span("MCP send", kind=SpanKind.CLIENT, attributes=METHOD))
    requests.begin(server)

    assert requests.around(server) is not None


def test_a_client_of_something_else_makes_no_difference():
    requests = Requests()
    client = tracer.start_span("POST", kind=SpanKind.CLIENT)
    requests.begin(client)
    server = served(client)
    requests.begin(server)

    assert requests.around(server) is not None
