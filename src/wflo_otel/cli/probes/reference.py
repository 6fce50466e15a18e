"""The table of SDKs in ``docs/guard.md``, written from the doctor's own."""

from __future__ import annotations

from wflo_otel.cli.probes import SUBJECTS, Subject

_HEAD = ("SDK", "Probed", "Guarded on", "A refusal is also", "Oldest tried", "What is not guarded")


def sdk_table() -> str:
    """Write the table in Markdown."""
    rows = (_HEAD, ("---",) * len(_HEAD), *map(_row, SUBJECTS))
    return "".join(f"| {' | '.join(cells)} |\n" for cells in rows)


def _row(subject: Subject) -> tuple[str, ...]:
    also = f"`{subject.refused_as}`" if subject.refused_as else "-"
    ways = ", ".join(subject.ways)
    return f"`{subject.name}`", ways, subject.seam, also, subject.tested, subject.limits or "-"
