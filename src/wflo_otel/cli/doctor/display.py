"""What the doctor found, for a terminal of 80 columns and for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from wflo_otel.cli.doctor.findings import Examination, Finding, Level, Sdk, Verdict, Way
from wflo_otel.cli.doctor.probing import Tell
from wflo_otel.cli.live import is_possible
from wflo_otel.cli.terminal import WIDTH, console_for, plain, show

_STYLES = {Level.OK: "", Level.NOTE: "", Level.PROBLEM: "red"}
_COLOURS = {
    Verdict.HOLDS: "green",
    Verdict.WRAPPED: "yellow",
    Verdict.UNPROBED: "red",
    Verdict.OBSERVES: "red",
    Verdict.UNGUARDED: "red",
}


def print_json(found: Examination) -> None:
    """Print everything for programs, to standard output."""
    sys.stdout.write(json.dumps(found.as_json(), indent=2, ensure_ascii=False) + "\n")


def print_tables(found: Examination) -> None:
    """Print the verdicts as a table, then the findings, to standard output."""
    parts: list[RenderableType] = [_verdicts(found.sdks), ""]
    if found.of_sdks:
        parts += [_findings(found.of_sdks), ""]
    show([*parts, _findings(found.checks), "", _total(found)], to_stdout=True)


def _verdicts(sdks: Sequence[Sdk]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, width=WIDTH)
    table.add_column("installed", ratio=1, no_wrap=True, overflow="ellipsis")
    for each in ("version", "verdict", "guard on", "probed"):
        table.add_column(each, no_wrap=True)
    for sdk in sdks:
        shown = (plain(sdk.name), plain(sdk.version))
        for verdict, seam, ways in _grouped(sdk):
            table.add_row(*shown, Text(verdict, _COLOURS[verdict]), seam, ways)
            shown = ("", "")
    return table


def _grouped(sdk: Sdk) -> Iterator[tuple[Verdict, str, str]]:
    """The ways that are guarded alike, on one line."""
    if not sdk.ways:
        yield sdk.verdict, "", ""

    def key(way: Way) -> tuple[Verdict, str]:
        return way.verdict, way.seam

    for (verdict, seam), ways in groupby(sorted(sdk.ways, key=key), key):
        yield verdict, plain(seam), plain(" ".join(each.way for each in ways))


def _findings(findings: Sequence[Finding]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.width = WIDTH
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(ratio=1, overflow="fold")
    before = ""
    for each in findings:
        label, before = "" if each.check == before else plain(each.check), each.check
        grid.add_row(label, Text(plain(each.says), _STYLES[each.level]))
        if each.todo:
            grid.add_row("", Text(plain(f"→ {each.todo}")))
    return grid


def _total(found: Examination) -> Text:
    if not found.problems:
        return Text("all is well", "bold green")
    return Text(f"{found.problems} problem{'' if found.problems == 1 else 's'}", "bold red")


@contextmanager
def progress(total: int) -> Iterator[Tell]:
    """Say on a terminal what is being probed; gone afterwards."""
    if not is_possible():
        yield _silent
        return
    with console_for().status("looking at this machine") as status:

        def tell(names: Sequence[str], done: int) -> None:
            status.update(Text(f"{done} of {total} probed; now {', '.join(names)}"))

        yield tell


def _silent(names: Sequence[str], done: int) -> None:
    """There is no terminal to tell."""
