"""Write ``docs/benchmarks.md`` and its picture from the results that are kept.

``python benchmarks/page.py [FOLDER]``, by default into this repository. The rule: each number of
the page is one of the results; the words say what is measured, and where a target is missed, they
say by how much.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from measure import Row, Target
from observers import OBSERVERS
from plot import THEMES, Panel, picture
from results import LATEST, load

_PAGE = Path("docs/benchmarks.md")
_TEXTS = Path(__file__).parent / "texts"
_CALL, _MANY, _CHUNK = "call, 1 kB", "64 async calls at once, 1 kB", "stream chunk"
_OURS = "wflo-otel"
_SPAN = "one bare OTel span"

Found = Mapping[str, Any]


def main() -> None:
    """Write all."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1]
    for path, text in written(load(LATEST)).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")


def written(results: Found) -> dict[Path, str]:
    """The page and its pictures, by path."""
    observers = {name: each["found"] for name, each in results["observers"].items()}
    rows = [_row(each) for part in results["parts"].values() for each in part["found"]]
    images = {
        Path(f"docs/images/added-{theme}.svg"): _picture(observers, theme) for theme in THEMES
    }
    values = {
        "machine": _machine(results),
        "cpu": _added(observers, "cpu"),
        "wall": _added(observers, "wall"),
        "ratios": _ratios(observers),
        "memory": _memory(observers),
        "calls": f"{observers['wflo_otel']['memory']['calls']:,}",
        "ours": _ours(rows),
        "missed": _missed(rows),
        "why": (_TEXTS / "why.md").read_text(encoding="utf-8").strip(),
        "versions": _versions(observers),
    }
    page = (_TEXTS / "page.md").read_text(encoding="utf-8")
    for name, value in values.items():
        page = page.replace(f"{{{name}}}", value)
    return {_PAGE: page, **images}


def _row(plain: Found) -> Row:
    fields = {name: value for name, value in plain.items() if name != "is_ok"}
    return Row(**{**fields, "target": plain["target"] and Target(**plain["target"])})


def _machine(results: Found) -> str:
    here, sections = results["machine"], (results["parts"], results["observers"])
    days = sorted({each["date"] for section in sections for each in section.values()})
    when = days[0] if len(days) == 1 else f"{days[0]}&ndash;{days[-1]}"
    what = f"{here['processor']}, {here['cores']} cores, {here['system']}, Python {here['python']}"
    return f"Measured on {when}: {what}."


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    titles = list(head)
    lines = [titles, ["---", *["---:"] * (len(titles) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _title(name: str) -> str:
    of = OBSERVERS[name]
    return f"**{of.title}**" if of.package == _OURS else of.title


def _ways(observers: Mapping[str, Found]) -> list[str]:
    return list(observers["wflo_otel"]["times"]["ways"])


def _added(observers: Mapping[str, Found], clock: str) -> str:
    """Microseconds, with the quartiles."""
    ways = _ways(observers)

    def cells(found: Found, side: str) -> list[str]:
        return [_quartiles(found["times"]["ways"][way][side][clock]) for way in ways]

    ours = observers["wflo_otel"]
    rows = [
        ["the SDK alone, itself", *cells(ours, "raw")],
        [_SPAN, *cells(ours, "span")],
        *[[_title(name), *cells(found, "observed")] for name, found in observers.items()],
    ]
    return _table(["µs", *ways], rows)


def _quartiles(found: list[float]) -> str:
    low, middle, high = found
    digits = 0 if abs(middle) >= 20 else 1
    return f"{middle:,.{digits}f} <sub>{low:,.{digits}f}&ndash;{high:,.{digits}f}</sub>"


def _ratios(observers: Mapping[str, Found]) -> str:
    """Beside one bare span, and as a share of the call that it is put around."""
    ways = [way for way in _ways(observers) if way != _CHUNK]

    def cell(found: Found) -> str:
        raw, span, added = (found[side]["cpu"][1] for side in ("raw", "span", "observed"))
        return f"{added / span:.1f} x <sub>{added / raw:+.0%}</sub>"

    def chunk(found: Found) -> str:
        added, parse = found["ways"][_CHUNK]["observed"]["cpu"][1], found["parse_chunk"]
        return f"{added / parse:.1f} x"

    rows = [
        [
            _title(name),
            *[cell(found["times"]["ways"][way]) for way in ways],
            chunk(found["times"]),
        ]
        for name, found in observers.items()
    ]
    return _table(["", *ways, f"{_CHUNK}, beside `json.loads`"], rows)


def _memory(observers: Mapping[str, Found]) -> str:
    held = ("resident, MB", "open call, kB", "open stream, kB", "kept by a call, B")

    def cells(found: Found) -> list[str]:
        memory = found["memory"]
        return [
            f"{memory['resident'] / 1e6:.1f}",
            f"{memory['open call'] / 1e3:.1f}",
            f"{memory['open stream'] / 1e3:.1f}",
            f"{memory['kept by each']:,.0f}, then {memory['by each of as many more']:,.0f}",
            f"{found['import']['added_ms']:,.0f}",
        ]

    return _table(
        ["", *held, "start, ms"],
        [[_title(name), *cells(found)] for name, found in observers.items()],
    )


def _ours(rows: Iterable[Row]) -> str:
    lines = [
        [
            row.what,
            _amount(row.measured, row.unit),
            "" if row.reference is None else f"{row.against} {_amount(row.reference, row.unit)}",
            "" if row.ratio is None else f"{row.ratio:.2f}",
            "" if row.target is None else str(row.target),
            {True: "yes", False: "**no**", None: ""}[row.is_ok],
        ]
        for row in rows
    ]
    return _table(["", "measured", "beside", "ratio", "target", "holds"], lines)


def _amount(value: float, unit: str) -> str:
    digits = 2 if abs(value) < 100 else 0
    return f"{value:,.{digits}f} {unit}".strip()


def _missed(rows: Iterable[Row]) -> str:
    lines = [_wrapped(f"- {_by_how_much(row)}.") for row in rows if row.is_ok is False]
    return "\n".join(lines) or "None."


def _by_how_much(row: Row) -> str:
    assert row.target is not None
    if row.target.of != "ratio":
        return f"{row.what}: {_amount(row.measured, row.unit)} instead of {row.target}"
    assert row.ratio is not None
    return f"{row.what}: {row.ratio:.2f} x {row.against} instead of {row.target}"


def _versions(observers: Mapping[str, Found]) -> str:
    named = {name: each for found in observers.values() for name, each in found["versions"].items()}
    return _wrapped(", ".join(f"{name} {version}" for name, version in sorted(named.items())))


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 96, subsequent_indent="  ", break_on_hyphens=False)


def _picture(observers: Mapping[str, Found], theme: str) -> str:
    def panel(title: str, way: str, line: tuple[str, float] | None = None) -> Panel:
        values = {
            OBSERVERS[name].title: found["times"]["ways"][way]["observed"]["cpu"][1]
            for name, found in observers.items()
        }
        span = observers["wflo_otel"]["times"]["ways"][way]["span"]["cpu"][1]
        return Panel(title, values if line else {_SPAN: span, **values}, line)

    parse = observers["wflo_otel"]["times"]["parse_chunk"]
    panels = [
        panel("one call, µs added", _CALL),
        panel("each of 64 at once, µs", _MANY),
        panel("each stream chunk, µs", _CHUNK, ("parsing it once", parse)),
    ]
    ours = {each.title for each in OBSERVERS.values() if each.package == _OURS}
    rows = sorted(panels[0].values, key=panels[0].values.__getitem__)
    return picture(rows, ours, panels, THEMES[theme])


if __name__ == "__main__":
    main()
