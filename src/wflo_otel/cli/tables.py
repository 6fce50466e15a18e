"""Reports as tables for a terminal: 80 columns, the dearest first, numbers aligned.

The rule: a sum that no provider confirmed carries a ``~``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from rich import box
from rich.console import RenderableType
from rich.table import Table

from wflo_otel.cli.terminal import WIDTH, plain
from wflo_otel.core.attribution import NOBODY, Line
from wflo_otel.core.call import CallRecord
from wflo_otel.core.checkpoint import Checkpoint
from wflo_otel.core.dead_letter import DeadLetter, LetterState
from wflo_otel.core.decision import Phase
from wflo_otel.core.ledger import ZERO, Unit
from wflo_otel.core.money import to_usd
from wflo_otel.ports import CircuitView, LedgerView
from wflo_otel.report import RunReport, is_estimated, iso

_LEAST_SHOWN = 50_000
#: Beyond this many lines a table only hides its own end.
_MOST_LINES = 20
#: So much of a checkpoint's id is shown.
SHOWN_ID = 12


def tables_of(report: RunReport) -> Iterable[RenderableType]:
    """The breakdowns of a run; only those that say something."""
    if not report.records:
        return
    yield _agents(report)
    yield _breakdown("model", report.models, _estimated(report, lambda record: record.model))
    if report.steps:
        steps = _estimated(report, lambda record: record.caller.step)
        yield _breakdown("step", report.steps, steps)
    if report.tools:
        yield _tools(report)


def _table(first: str, *numbers: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, width=WIDTH)
    table.add_column(first, ratio=1, no_wrap=True, overflow="ellipsis")
    for each in numbers:
        table.add_column(each, justify="right", no_wrap=True)
    return table


def _agents(report: RunReport) -> Table:
    limits = {report.name_of(each): each for each in report.ledgers}
    held = [each for name, each in limits.items() if name != "run" and each.limits]
    columns = ("calls", "errors", "input", "output", "cost", *(("budget",) if held else ()))
    table = _table("agent", *columns)
    estimated = _estimated(report, lambda record: record.caller.agent)
    for line in _shown(report.agents):
        ledger = limits.get(f"agent {line.name}")
        budget = (_limit(ledger),) if held else ()
        stopped = ledger is not None and ledger.stopped is not None
        style = "red" if stopped else ""
        table.add_row(*_cells(line, line.name in estimated), *budget, style=style)
    table.add_section()
    total = _cells(report.total, any(estimated))
    own = report.ledger
    table.add_row(*total, *((_limit(own),) if held else ()), style="bold")
    return table


def _limit(ledger: LedgerView | None) -> str:
    return "" if ledger is None or "usd" not in ledger.limits else money(ledger.limits["usd"])


def _breakdown(kind: str, lines: Mapping[str, Line], estimated: Collection[str]) -> Table:
    table = _table(kind, "calls", "errors", "input", "output", "cost")
    for line in _shown(lines):
        table.add_row(*_cells(line, line.name in estimated))
    return table


def _tools(report: RunReport) -> Table:
    table = _table("tool", "asked for", "ran", "errors", "calls inside", "cost inside")
    estimated = _estimated(report, lambda record: record.caller.tool)
    for line in _shown(report.tools):
        # An unmodified program runs its tools where nobody sees them.
        inside = ("-",) * 4
        if line.tool_calls or line.calls:
            cost = _cost(line, line.name in estimated)
            inside = f"{line.tool_calls:,}", f"{line.errors:,}", f"{line.calls:,}", cost
        table.add_row(plain(line.name), f"{line.requested:,}", *inside)
    return table


def _shown(lines: Mapping[str, Line]) -> list[Line]:
    """The lines of a table; beyond the most that fit, the rest as one."""
    found = list(lines.values())
    if len(found) <= _MOST_LINES:
        return found
    rest = Line(f"{len(found) - _MOST_LINES + 1} more")
    for each in found[_MOST_LINES - 1 :]:
        for name in ("calls", "errors", "cost", "input_tokens", "output_tokens", "requested"):
            setattr(rest, name, getattr(rest, name) + getattr(each, name))
    return [*found[: _MOST_LINES - 1], rest]


def _cells(line: Line, estimated: bool) -> tuple[str, ...]:
    return (
        plain(line.name) if line.name != NOBODY else "(no name)",
        f"{line.calls:,}",
        f"{line.errors:,}",
        f"{line.input_tokens:,}",
        f"{line.output_tokens:,}",
        _cost(line, estimated),
    )


def _cost(line: Line, estimated: bool) -> str:
    return f"~{money(line.cost)}" if estimated else money(line.cost)


def _estimated(report: RunReport, name_of: Callable[[CallRecord], str | None]) -> set[str]:
    return {name_of(each) or NOBODY for each in report.records if is_estimated(each)}


def money(nano_usd: int) -> str:
    """Write an amount for a column: four digits after the point."""
    if 0 < nano_usd < _LEAST_SHOWN:
        return "<$0.0001"
    return f"${to_usd(nano_usd):,.4f}"


def runs_table(reports: Iterable[RunReport]) -> Table:
    """List runs, one a line."""
    table = _table("name", "run", "started (UTC)", "calls", "errors", "cost", "")
    for each in reports:
        total = each.total
        table.add_row(
            plain(each.run.name),
            _short(each.run.run_id),
            iso(each.run.started_at)[:16].replace("T", " "),
            f"{total.calls:,}",
            f"{total.errors:,}",
            money(total.cost),
            "stopped" if each.stops else "",
            style="red" if each.stops else "",
        )
    return table


def _short(run_id: str) -> str:
    """A request's run has a trace id, too long for a column; half of it names the run as well."""
    return run_id[:16] if re.fullmatch("[0-9a-f]{32}", run_id) else run_id


def letters_table(letters: Iterable[DeadLetter]) -> Table:
    """List dead letters, one a line."""
    table = _table("what", "letter", "state", "since (UTC)", "error")
    error = table.columns[-1]
    error.justify, error.ratio, error.overflow = "left", 1, "ellipsis"
    for each in letters:
        table.add_row(
            plain(each.name),
            each.letter_id,
            each.state.value,
            iso(each.created_at)[:16].replace("T", " "),
            plain(each.errors[0].type) if each.errors else "",
            style="dim" if each.state is LetterState.DONE else "",
        )
    return table


def checkpoints_table(checkpoints: Iterable[Checkpoint]) -> Table:
    """List checkpoints, one a line; the start of an id names it."""
    table = _table("name", "checkpoint", "follows", "step", "agent", "saved (UTC)", "bytes")
    for column in table.columns[3:5]:
        column.justify, column.ratio, column.overflow = "left", 1, "ellipsis"
    for each in checkpoints:
        table.add_row(
            plain(each.name),
            each.checkpoint_id[:SHOWN_ID],
            (each.parent or "")[:SHOWN_ID],
            plain(each.step or ""),
            plain(each.agent or ""),
            iso(each.created_at)[5:16].replace("T", " "),
            f"{each.size:,}",
        )
    return table


def ledgers_table(ledgers: Sequence[LedgerView]) -> Table:
    """Show ledgers: one line for each unit that is limited, or for what is only counted."""
    flagged = ("flagged",) if any(each.flagged != ZERO for each in ledgers) else ()
    table = _table("scope", "limit", "spent", "reserved", *flagged, "refused", "")
    # A scope's name is what people copy: it is folded, never cut.
    table.columns[0].overflow, table.columns[0].no_wrap = "fold", False
    for each in ledgers:
        units: tuple[Unit, ...] = tuple(each.limits) or ("usd",)
        for unit in units:
            cells = _ledger_cells(each, unit, with_flagged=bool(flagged))
            table.add_row(*cells, style="red" if each.stopped else "")
    return table


def circuits_table(circuits: Sequence[CircuitView], now: float) -> Table:
    """Show where circuits stand; ``now`` is in seconds since the epoch."""
    table = _table("component", "phase", "because", "lets in again", "refused")
    table.columns[0].overflow, table.columns[0].no_wrap = "fold", False
    for each in circuits:
        is_open = each.phase in (Phase.OPEN, Phase.FORCED_OPEN)
        table.add_row(
            plain(each.key),
            each.phase.replace("_", " "),
            each.reason.replace("_", " ") if each.phase is not Phase.CLOSED else "",
            _again(each, now),
            f"{each.refused:,}",
            style="red" if is_open else "",
        )
    return table


def _again(circuit: CircuitView, now: float) -> str:
    if circuit.phase is Phase.FORCED_OPEN:
        return "by hand"
    if circuit.phase is Phase.OPEN:
        return f"in {circuit.until - now:,.0f} s" if circuit.until > now else "now"
    return f"{circuit.probes} on trial" if circuit.phase is Phase.HALF_OPEN else ""


def _ledger_cells(ledger: LedgerView, unit: Unit, *, with_flagged: bool) -> tuple[str, ...]:
    show = money if unit == "usd" else lambda number: f"{number:,} {unit}"
    limit = ledger.limits.get(unit)
    return (
        plain(ledger.key),
        "-" if limit is None else show(limit),
        show(ledger.settled.of(unit)),
        show(ledger.pending.of(unit)),
        *((show(ledger.flagged.of(unit)),) if with_flagged else ()),
        f"{ledger.refused:,}",
        "stopped" if ledger.stopped else "",
    )
