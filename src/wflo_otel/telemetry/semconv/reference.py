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

_SPANS = """\
## Spans

| span | kind | `openinference.span.kind` |
|---|---|---|
| `chat {model}`, `text_completion {model}` | CLIENT | LLM |
| `embeddings {model}` | CLIENT | EMBEDDING |
| `execute_tool {tool}` | INTERNAL | TOOL |
| `invoke_agent {agent}` | INTERNAL | AGENT |
| `invoke_workflow {workflow}` | INTERNAL | CHAIN |

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
