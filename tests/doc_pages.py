"""The pages of the documentation, as the tests read them: blocks, markers, prose, links.

A block may have markers in the lines above it, which readers do not see:

``<!-- file: agent.py -->``      it is written to a file of that name, and not run by itself
``<!-- provider: {...} -->``     the scripted provider takes over this script first
``<!-- exit: 1 -->``             its commands end with this exit code, else with 0
``<!-- not run: why -->``        nothing is run; only its form is checked
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = (ROOT / "README.md", *sorted(DOCS.glob("*.md")))
#: Pages that only link, or quote commands for contributors.
LINKING = (*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", ROOT / "CHANGELOG.md")

_MARKER = re.compile(r"<!-- ([a-z ]+): (.*?) -->")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`[^`]*`")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, what else stands behind the fence, its text."""

    language: str
    flags: tuple[str, ...]
    text: str
    line: int
    markers: dict[str, str] = field(default_factory=dict)

    @property
    def is_run(self) -> bool:
        return "not run" not in self.markers


def blocks(page: str) -> list[Block]:
    return list(_blocks(page.split("\n")))


def _blocks(lines: Sequence[str]) -> Iterator[Block]:
    markers: dict[str, str] = {}
    fenced: list[str] | None = None
    info: list[str] = []
    for number, line in enumerate(lines, 1):
        if fenced is not None:
            if line.startswith("```"):
                text = "".join(f"{each}\n" for each in fenced)
                yield Block(info[0], tuple(info[1:]), text, number - len(fenced), markers)
                fenced, markers = None, {}
            else:
                fenced.append(line)
        elif line.startswith("```"):
            fenced, info = [], line[3:].split() or [""]
        elif found := _MARKER.fullmatch(line):
            markers[found[1]] = found[2]
        elif line.strip():
            markers = {}


def prose(page: str) -> str:
    """A page without its blocks; lines keep their numbers."""
    kept, fenced = [], False
    for line in page.split("\n"):
        is_fence = line.startswith("```")
        kept.append("" if fenced or is_fence else line)
        fenced ^= is_fence
    return "\n".join(kept)


def links(page: str) -> list[str]:
    return _LINK.findall(_CODE.sub("", prose(page)))


def anchors(page: str) -> set[str]:
    """What a link may name behind ``#``, as code hosts make it of a heading."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


@dataclass(frozen=True)
class Command:
    """A line that begins with ``$``, and the lines that follow it."""

    line: str
    output: str


def commands(block: Block) -> list[Command]:
    found: list[tuple[str, list[str]]] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:].partition("  #")[0].strip(), []))
        else:
            found[-1][1].append(line)
    return [Command(line, "\n".join(output)) for line, output in found]


#: What differs from run to run.
_VARIES = (
    (re.compile(r"\b[0-9a-f]{32}\b"), "TRACE"),
    (re.compile(r"\b(?<!\.)(?=\w*\d)[0-9a-f]{8,16}\b"), "ID"),
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?(\.\d+)?"), "TIME"),
    (re.compile(r"\b\d+(\.\d+)? ?s\b"), "SECONDS"),
    (re.compile(r"\s+"), " "),
)


def _lines(text: str) -> list[str]:
    found = []
    for line in text.splitlines():
        same = line
        for pattern, name in _VARIES:
            same = pattern.sub(name, same)
        if same.strip():
            found.append(same.strip())
    return found


def shows(written: str, printed: str) -> bool:
    """Whether a page's output is what was printed; a line ``...`` stands for any lines."""
    expected, got = _lines(written), _lines(printed)
    pattern = "".join(
        r"(?:[^\n]*\n)*?" if each == "..." else re.escape(each) + "\n" for each in expected
    )
    return re.fullmatch(pattern, "".join(f"{each}\n" for each in got)) is not None
