"""The reference page ``docs/telemetry.md``, written from the tables: never edited by hand."""

from __future__ import annotations

from collections.abc import Iterable

from wflo_otel.telemetry.semconv.attributes import ATTRIBUTES
from wflo_otel.telemetry.semconv.events import EVENTS
from wflo_otel.telemetry.semconv.instruments import Instrument, Profile, instruments

_HEAD = """\
# Telemetry reference

Generated from the tables in `wflo_otel.telemetry.semconv`:
`python -m wflo_otel.telemetry.semconv > docs/telemetry.md`.

Prompts, completions, tool arguments and results, keys and headers are on no span, in no log
and in no metric. Cost is on model calls only: a sum over all spans counts each charge once.
"""

_WHERE = """\
## Where it goes

A provider that the program or `opentelemetry-instrument` has set is used as it is. Where there
is none, the standard variables decide:

- `OTEL_EXPORTER_OTLP_ENDPOINT` (or `_TRACES_`, `_METRICS_`, `_LOGS_ENDPOINT`) turns OTLP on.
  `OTEL_EXPORTER_OTLP_PROTOCOL` says `grpc` or `http/protobuf`; without it port 4317 is gRPC.
- `OTEL_TRACES_EXPORTER`, `OTEL_METRICS_EXPORTER`, `OTEL_LOGS_EXPORTER`: `otlp`, `console`,
  `none`, or the name of an exporter that is installed.
- `OTEL_SERVICE_NAME` names the service; without it the script's name does.
- `OTEL_SDK_DISABLED=true` sets nothing up. Sampler, limits and headers as in any SDK.

With none of these, spans have ids and go nowhere. An exporter that cannot deliver says so in
one line, and makes the program end at most two seconds late. No decision depends on it.
"""

_SPANS = """\
## Spans

| span | kind | `openinference.span.kind` |
|---|---|---|
| `chat {model}`, `text_completion {model}` | CLIENT | LLM |
| `embeddings {model}` | CLIENT | EMBEDDING |
| `execute_tool {tool}` | INTERNAL | TOOL |
| `invoke_agent {agent}` | INTERNAL | AGENT |
| `invoke_workflow {workflow}` | INTERNAL | CHAIN |
| `attempt {component}` | INTERNAL | CHAIN |

The status stays UNSET on success. Where another instrumentation has a span for the same model
call, that span is completed with what it lacks, and none is added.
"""

_METRICS = """\
Recorded whatever the sampler says. `OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental`
switches the names of the GenAI metrics from the released conventions to the latest ones.
"""


def markdown() -> str:
    """Write the page."""
    released = instruments(Profile.RELEASED)
    latest = [each for each in instruments(Profile.LATEST) if each not in released]
    return "\n".join(
        (
            _HEAD,
            _WHERE,
            _SPANS,
            "## Attributes\n",
            _table(
                ("attribute", "type", "meaning"),
                ((f"`{each.key}`", each.type, each.description) for each in ATTRIBUTES.values()),
            ),
            "## Events\n\nOn the call's span, and as log records with that event name.\n",
            _table(
                ("event", "severity", "when", "attributes"),
                ((f"`{e.name}`", e.severity, e.description, _keys(e.attributes)) for e in EVENTS),
            ),
            f"## Metrics\n\n{_METRICS}",
            _metrics(released),
            "### The latest conventions instead\n",
            _metrics(latest).rstrip("\n"),
            "",
        )
    )


def _metrics(rows: Iterable[Instrument]) -> str:
    return _table(
        ("metric", "kind", "unit", "meaning", "attributes"),
        ((f"`{m.name}`", m.kind, m.unit, m.description, _keys(m.attributes)) for m in rows),
    )


def _keys(keys: Iterable[str]) -> str:
    return ", ".join(f"`{key}`" for key in keys)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
