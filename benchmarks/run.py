"""Measure what is ours and print one table: ``python benchmarks/run.py [--json FILE] [NAME ...]``.

It never fails for a number: a machine may be busy. Read the ratios, not the times.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

import breakers
import chunks
import decisions
import imports
import overspend
import pricing
import retries
import sdk_calls
from measure import Row
from results import keep
from rich.console import Console
from rich.table import Table

import loops

_PARTS: dict[str, Callable[[], list[Row]]] = {
    "decisions": decisions.rows,
    "pricing": pricing.rows,
    "chunks": chunks.rows,
    "sdk_calls": sdk_calls.rows,
    "imports": imports.rows,
    "breakers": breakers.rows,
    "retries": retries.rows,
    "loops": loops.rows,
    "overspend": overspend.rows,
}


def main() -> None:
    """Measure what was named, all by default."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="NAME", help=", ".join(_PARTS))
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the rows there too")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(_PARTS):
        parser.error(f"no part is called {', '.join(sorted(unknown))}; there are {list(_PARTS)}")
    rows: list[Row] = []
    for name in options.parts or _PARTS:
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        found = _PARTS[name]()
        rows += found
        if options.json is not None:
            keep(options.json, "parts", {name: [_plain(row) for row in found]})
    Console(width=None if sys.stdout.isatty() else 150).print(table(rows))


def table(rows: Iterable[Row]) -> Table:
    """Lay the rows out for people."""
    drawn = Table("what", box=None, pad_edge=False)
    for name in ("measured", "reference", "ratio", "target", "ok"):
        drawn.add_column(name, justify="right" if name != "ok" else "left")
    for row in rows:
        reference = "" if row.reference is None else f"{_number(row.reference, row.unit)}"
        drawn.add_row(
            row.what,
            _number(row.measured, row.unit),
            f"{row.against} {reference}".strip(),
            "" if row.ratio is None else f"{row.ratio:.2f}",
            "" if row.target is None else str(row.target),
            {True: "yes", False: "[bold red]no[/]", None: ""}[row.is_ok],
        )
    return drawn


def _number(value: float, unit: str) -> str:
    digits = 2 if abs(value) < 100 else 0
    return f"{value:,.{digits}f} {unit}".strip()


def _plain(row: Row) -> dict[str, object]:
    return {**asdict(row), "is_ok": row.is_ok}


if __name__ == "__main__":
    main()
