"""The lines under the tables: what was refused and stopped, what is not certain, where to look."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from wflo_otel.cli.tables import SHOWN_ID
from wflo_otel.cli.terminal import WIDTH, plain
from wflo_otel.core.call import Status
from wflo_otel.core.money import format_usd, to_nano_usd
from wflo_otel.report import RunReport
from wflo_otel.telemetry.exporters import Signal, endpoint, wanted

#: What is said of refusals that no budget counts.
_BESIDE = {
    "unpriced": "without a price",
    "breaker": "by a circuit breaker",
    "loop": "for going in circles",
    "unrecognised": "in an unknown API",
    "waited": "while other calls held the rest",
}
#: So many addresses of unrecognised requests are named.
_ADDRESSES = 5


def lines_under(
    report: RunReport, environ: Mapping[str, str], more: str, letters: str
) -> RenderableType:
    """Everything that a table of numbers does not say.

    Args:
        report: what is told of.
        environ: says where spans went.
        more: the command that says more.
        letters: the command that lists dead letters.
    """
    grid = Table.grid(padding=(0, 2))
    grid.width = WIDTH
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(ratio=1)
    for label, text, style in (
        *_budget(report),
        *_strangers(report),
        *_saved(report),
        *_doubts(report),
        *_failed(report, letters),
        *_traces(report, environ),
    ):
        grid.add_row(label, Text(plain(text), style=style))
    grid.add_row("more", Text(plain(more), style="", overflow="fold"))
    return grid


def _budget(report: RunReport) -> Iterator[tuple[str, str, str]]:
    ledger = report.ledger
    limit = None if ledger is None else ledger.limits.get("usd")
    spent = format_usd(report.total.cost)
    known = "" if limit is None else f" of {format_usd(limit)}"
    yield "spent", f"{spent}{known}, {_count(report.calls, 'call')}", "bold"
    refused = ", ".join(_refused(report))
    if refused:
        yield "refused", f"{refused}, before leaving this machine", "yellow"
    for each in report.stops:
        yield "stopped", f"{report.name_of(each)}: {each.stopped}", "red"
    if report.requests:
        yield "requests", _requests(report), ""
    cut = sum(each.status is Status.CUT for each in report.records)
    if cut:
        yield "cut", f"{_count(cut, 'stream')} before the end", "yellow"
    clamped = sum(each.clamped for each in report.records)
    if clamped:
        yield "clamped", f"{_count(clamped, 'call')} ran with a smaller output cap", ""


def _refused(report: RunReport) -> Iterator[str]:
    for each in report.ledgers:
        if each.refused:
            what = "budget" if each.limits else "stop"
            yield f"{each.refused:,} by the {what} of {report.name_of(each)}"
    for why, number in report.refused_beside.items():
        yield f"{number:,} {_BESIDE.get(why, why)}"


def _strangers(report: RunReport) -> Iterator[tuple[str, str, str]]:
    found = report.unrecognised
    shown = [f"{_count(count, 'request')} to {address}" for address, count in found.items()]
    if len(shown) > _ADDRESSES:
        shown[_ADDRESSES:] = [f"and to {len(shown) - _ADDRESSES:,} more"]
    if shown:
        text = f"{', '.join(shown)}: like calls to a model, but in no API that wflo knows"
        yield "unrecognised", text, "yellow"


def _saved(report: RunReport) -> Iterator[tuple[str, str, str]]:
    if report.checkpoints:
        last = report.checkpoints[-1]
        said = f"the last is {last.checkpoint_id[:SHOWN_ID]} ({last.name})"
        yield "saved", f"{_count(len(report.checkpoints), 'checkpoint')}, {said}", ""
    if report.unsaved:
        named = ", ".join(report.unsaved)
        states = _count(sum(report.unsaved.values()), "state")
        yield (
            "unsaved",
            f"{states} that could not be stored, of {named}; the log says why",
            "yellow",
        )


def _requests(report: RunReport) -> str:
    """How many requests had a run of their own, and what their budgets did."""
    refused = sum(each.refused for each in report.requests)
    stopped = sum(each.stopped is not None for each in report.requests)
    said = f"{_count(len(report.requests), 'request')} called a model, each a run of its own"
    more = [f"{refused:,} refused"] * bool(refused) + [f"{stopped:,} stopped"] * bool(stopped)
    return f"{said}: {', '.join(more)}" if more else said


def _doubts(report: RunReport) -> Iterator[tuple[str, str, str]]:
    estimated = to_nano_usd(report.estimated_usd)
    if estimated:
        text = f"~{format_usd(estimated)} of it is estimated: the provider never told the usage"
        yield "estimate", text, "yellow"
    flagged = 0 if report.ledger is None else report.ledger.flagged.usd
    if flagged:
        text = f"{format_usd(flagged)} of it for calls whose process died: their reservations"
        yield "flagged", text, "yellow"
    pending = 0 if report.ledger is None else report.ledger.pending.usd
    if pending:
        text = f"{format_usd(pending)} for calls whose process ended in the middle of them"
        yield "reserved", f"still {text}; charged when the lease ends", "yellow"


def _failed(report: RunReport, letters: str) -> Iterator[tuple[str, str, str]]:
    if report.dead_letters:
        yield "failed", f"{_count(report.dead_letters, 'dead letter')}: {letters}", "yellow"


def _traces(report: RunReport, environ: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    found = report.trace_ids
    yield "spans", spans_went(environ), ""
    if found:
        more = f" and {len(found) - 1:,} more" if len(found) > 1 else ""
        yield "trace", f"{report.trace_url or found[0]}{more}", ""


def spans_went(environ: Mapping[str, str]) -> str:
    """Say where the environment lets spans go."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return "not exported: OTEL_SDK_DISABLED is set"
    names = wanted(Signal.TRACES, environ)
    if "otlp" in names:
        return f"sent to {without_secret(endpoint(Signal.TRACES, environ) or 'localhost')}"
    if names:
        return f"exported: {', '.join(names)}"
    if "OTEL_TRACES_EXPORTER" in environ:
        return "not exported: OTEL_TRACES_EXPORTER is none"
    return "not exported: set OTEL_EXPORTER_OTLP_ENDPOINT"


def without_secret(url: str) -> str:
    """A URL without what may be a key in it: user, password and query."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}".partition("?")[0]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
