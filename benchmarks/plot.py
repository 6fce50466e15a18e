"""The picture of the page: what each observer adds, as dots on a logarithmic scale, in SVG.

Drawn by hand, so that it is the same everywhere and a test can tell whether it is the numbers'.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

_WIDTH, _LEFT, _TOP, _ROW, _BOTTOM = 900, 196, 58, 27, 22
_GAP, _LABEL_ROOM = 22, 44


@dataclass(frozen=True, slots=True)
class Colours:
    """One for each thing that is drawn."""

    text: str
    muted: str
    grid: str
    ours: str
    theirs: str


THEMES = {
    "light": Colours("#1f2328", "#59636e", "#d1d9e0", "#0969da", "#818b98"),
    "dark": Colours("#f0f6fc", "#9198a1", "#3d444d", "#58a6ff", "#8b949e"),
}


@dataclass(frozen=True, slots=True)
class Panel:
    """One scale: a title, a number for each row, and a line to compare them with."""

    title: str
    values: Mapping[str, float]
    line: tuple[str, float] | None = None

    @property
    def decades(self) -> tuple[int, int]:
        """The powers of ten between which all is; what is below one is shown as that."""
        least, most = (max(1.0, one(self.values.values())) for one in (min, max))
        first = math.floor(math.log10(least))
        return first, max(first + 1, math.ceil(math.log10(most)))


def picture(
    rows: Sequence[str], ours: Container[str], panels: Sequence[Panel], colours: Colours
) -> str:
    """Draw the rows, in their order, in each panel; those that are ours stand out."""
    height = _TOP + _ROW * len(rows) + _BOTTOM
    font = 'font-family="-apple-system, Segoe UI, Helvetica, Arial, sans-serif" font-size="13"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" {font}>',
        "<title>What each library adds to a call of the OpenAI SDK</title>",
        _style(colours),
    ]
    for at, name in enumerate(rows):
        lines.append(_text(_LEFT - 12, _y(at), name, "end ours" if name in ours else "end"))
    each = (_WIDTH - _LEFT) / len(panels)
    for at, panel in enumerate(panels):
        left = _LEFT + at * each
        lines += _panel(panel, rows, ours, left, left + each - _GAP)
    return "\n".join([*lines, "</svg>"]) + "\n"


def _style(colours: Colours) -> str:
    return (
        f"<style>text{{fill:{colours.text}}} line{{stroke:{colours.grid}}}"
        f" circle{{fill:{colours.theirs}}} circle.ours{{fill:{colours.ours}}}"
        f" .muted{{fill:{colours.muted};stroke:none;font-size:11px;text-anchor:middle}}"
        f" .line{{stroke:{colours.muted};stroke-dasharray:3 3}}"
        " .ours{font-weight:600} .end{text-anchor:end}</style>"
    )


def _panel(
    panel: Panel, rows: Sequence[str], ours: Container[str], left: float, right: float
) -> Iterator[str]:
    first, last = panel.decades
    scale = (right - _LABEL_ROOM - left) / (last - first)
    bottom = _TOP + _ROW * len(rows)

    def x(value: float) -> float:
        return left + (math.log10(max(value, 10.0**first)) - first) * scale

    yield _text(left, 16, panel.title, "ours")
    for power in range(first, last + 1):
        at = x(10.0**power)
        yield _rule(at, bottom, "grid")
        yield _text(at, bottom + 14, f"{10.0**power:,g}", "muted")
    if panel.line is not None:
        what, value = panel.line
        yield _rule(x(value), bottom, "line")
        yield _text(x(value), _TOP - 18, what, "muted")
    for at, name in enumerate(rows):
        if name in panel.values:
            yield from _dot(x(panel.values[name]), at, panel.values[name], name in ours)


def _dot(x: float, row: int, value: float, is_ours: bool) -> Iterator[str]:
    look, radius = ("ours", 6.5) if is_ours else ("theirs", 5)
    yield f'<circle cx="{x:.1f}" cy="{_y(row):.1f}" r="{radius}" class="{look}"/>'
    yield _text(x + 11, _y(row), _number(value), look)


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return "< 1" if value < 1 else f"{value:.2g}"


def _y(row: int) -> float:
    return _TOP + _ROW * (row + 0.5)


def _rule(x: float, bottom: float, look: str) -> str:
    return f'<line x1="{x:.1f}" y1="{_TOP - 8}" x2="{x:.1f}" y2="{bottom}" class="{look}"/>'


def _text(x: float, y: float, said: str, look: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" dy="0.35em" class="{look}">{escape(said)}</text>'
