"""The line at the bottom of the terminal while a program runs.

The rule: the program's output is its own. The terminal's last row is taken out of the region
that scrolls, as package managers do it; the program writes above, straight to the terminal,
and every change of the last row is one write that puts the cursor back.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from typing import Protocol

from wflo_otel.cli.terminal import has_colours, is_capable, speaks_unicode
from wflo_otel.core.money import format_usd
from wflo_otel.ports import LedgerView

_SAVE, _RESTORE = "\0337", "\0338"
_BAR_CELLS = 16
_FEWEST_ROWS, _FEWEST_COLUMNS = 4, 24
#: Shares of the limit from which the bar is yellow, and red.
_YELLOW, _RED = 0.8, 1.0


class Ledgers(Protocol):
    """Where the line reads its numbers."""

    def ledger(self) -> LedgerView | None:
        """The run's ledger."""
        ...


def is_possible() -> bool:
    """Whether standard error is a terminal that can keep a line at its bottom."""
    if not sys.stderr.isatty() or not is_capable():
        return False
    size = _size()
    return size.lines >= _FEWEST_ROWS and size.columns >= _FEWEST_COLUMNS


class LiveLine:
    """The line: ``open`` it, ``tick`` it a few times a second, ``close`` it."""

    def __init__(self, ledgers: Ledgers, limit: int | None) -> None:
        """``limit`` is in nano-USD: what to show before the first call has made a ledger."""
        self._ledgers = ledgers
        self._limit = limit
        self._began = time.monotonic()
        self._rows = 0
        self._shown = ""

    def open(self) -> None:
        """Take the last row out of the region that scrolls."""
        self._rows = _size().lines
        region = f"{_SAVE}\033[1;{self._rows - 1}r{_RESTORE}"
        # The line feed makes room where the cursor is in the last row.
        _write(f"\n\033[1A{region}")
        self.tick()

    def tick(self) -> None:
        """Write the line anew."""
        size = _size()
        if size.lines != self._rows:
            self._rows, self._shown = size.lines, ""
            _write(f"{_SAVE}\033[1;{self._rows - 1}r{_RESTORE}")
        text = line_of(self._ledgers.ledger(), self._limit, time.monotonic() - self._began)
        row = fitted(text, size.columns)
        if row != self._shown:
            self._shown = row
            _write(f"{_SAVE}\033[{self._rows};1H\033[2K{row}{_RESTORE}")

    def close(self) -> None:
        """Give the last row back, empty."""
        _write(f"{_SAVE}\033[r\033[{self._rows};1H\033[2K{_RESTORE}")


def line_of(
    ledger: LedgerView | None, limit: int | None, elapsed_s: float
) -> list[tuple[str, str]]:
    """Make the line of pieces of text, each with its style; they are dropped from the end."""
    settled = 0 if ledger is None else ledger.settled.usd
    if ledger is not None:
        limit = ledger.limits.get("usd", limit)
    pieces = [("wflo ", "dim"), *_spend(settled, limit)]
    if ledger is not None and ledger.stopped is not None:
        pieces.append((" stopped", "bold red"))
    calls = 0 if ledger is None else ledger.settled.calls
    pieces.append((f"{_dot()}{calls:,} call{'' if calls == 1 else 's'}", ""))
    if ledger is not None and ledger.refused:
        pieces.append((f"{_dot()}{ledger.refused:,} refused", "red"))
    if ledger is not None and ledger.open_calls:
        pieces.append((f"{_dot()}{ledger.open_calls} in flight", ""))
    pieces.append((f"{_dot()}{_clock(elapsed_s)}", "dim"))
    if ledger is not None:
        pieces.append((f"{_dot()}{short(ledger.settled.tokens)} tokens", "dim"))
    return pieces


def _spend(settled: int, limit: int | None) -> list[tuple[str, str]]:
    if not limit:
        return [(format_usd(settled), "bold")]
    share = settled / limit
    style = "red" if share >= _RED else "yellow" if share >= _YELLOW else "green"
    filled = min(_BAR_CELLS, round(share * _BAR_CELLS))
    full, empty = ("█", "░") if speaks_unicode() else ("#", ".")
    bar = full * filled + empty * (_BAR_CELLS - filled)
    return [(bar, style), (f" {format_usd(settled)}", "bold"), (f" of {format_usd(limit)}", "")]


def short(number: int) -> str:
    """Write a count for a glance: ``812``, ``81.2k``, ``3.4M``."""
    for size, sign in ((1_000_000, "M"), (1_000, "k")):
        if number >= size:
            return f"{number / size:.1f}{sign}"
    return str(number)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _dot() -> str:
    return " · " if speaks_unicode() else " - "


_CODES = {"dim": "2", "bold": "1", "red": "31", "green": "32", "yellow": "33", "bold red": "1;31"}


def fitted(pieces: list[tuple[str, str]], columns: int) -> str:
    """Put the pieces into a row of this width, with colours where the terminal has them."""
    row, used, colours = "", 0, has_colours()
    for text, style in pieces:
        used += len(text)
        if used >= columns:
            break
        row += f"\033[{_CODES[style]}m{text}\033[0m" if colours and style else text
    return row


def _size() -> os.terminal_size:
    try:
        return os.get_terminal_size(sys.stderr.fileno())
    except (OSError, ValueError):
        return os.terminal_size((80, 24))


def _write(text: str) -> None:
    # One system call, past any buffer: the program writes to the same terminal.
    with suppress(OSError):
        os.write(sys.stderr.fileno(), text.encode(errors="replace"))
