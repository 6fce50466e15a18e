"""What the terminal can show, and writing to standard error whatever becomes of it.

The rule: nothing that is printed here changes how the program ends.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

#: No table is wider, so that it can be quoted and mailed.
WIDTH = 80


def say(text: str) -> None:
    """Write one line of our own to standard error."""
    with suppress(OSError, ValueError):  # nobody reads it any more
        sys.stderr.write(f"wflo: {plain(text)}\n")
        sys.stderr.flush()


def plain(text: str) -> str:
    """Replace signs that standard error's encoding has none for."""
    if speaks_unicode():
        return text
    for sign, instead in (("·", "-"), ("…", "..."), ("—", "-"), ("→", "->")):
        text = text.replace(sign, instead)
    return text.encode("ascii", "replace").decode("ascii")


def speaks_unicode() -> bool:
    """Whether standard error's encoding has our signs."""
    encoding = getattr(sys.stderr, "encoding", None) or "ascii"
    return encoding.lower().replace("-", "").replace("_", "") in {"utf8", "utf16", "utf32"}


def has_colours() -> bool:
    """Whether standard error is a terminal that may be coloured (``NO_COLOR``, ``TERM``)."""
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR") and is_capable()


def is_capable() -> bool:
    """Whether the terminal understands more than plain text."""
    return os.environ.get("TERM", "") not in {"", "dumb"}


def show(parts: Iterable[RenderableType], *, to_stdout: bool = False) -> None:
    """Print tables and lines, at most 80 columns wide."""
    with suppress(OSError, ValueError):
        console = console_for(to_stdout=to_stdout)
        for part in parts:
            console.print(part)


def console_for(*, to_stdout: bool = False) -> Console:
    """The console to print on."""
    from rich.console import Console

    stream = sys.stdout if to_stdout else sys.stderr
    console = Console(file=stream, highlight=False, soft_wrap=False, emoji=False, markup=False)
    console.width = min(console.width, WIDTH) if stream.isatty() else WIDTH
    return console
