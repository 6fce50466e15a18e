"""The live line: what it says, and how it fits."""

from __future__ import annotations

import os

import pytest

from wflo_otel.cli import live
from wflo_otel.cli.live import LiveLine, fitted, line_of, short
from wflo_otel.cli.peek import Peek
from wflo_otel.clock import SystemClock
from wflo_otel.core.ledger import Amount
from wflo_otel.core.scope import Scope, run_key
from wflo_otel.ports import Charge, LedgerView
from wflo_otel.stores import open_store

import made_calls as made  # isort: skip

USD = 10**9


def ledger(**facts) -> LedgerView:
    given = {
        "key": "run:r",
        "limits": {"usd": 2 * USD},
        "settled": Amount(USD, 81_200, 14),
        "pending": Amount(),
        "flagged": Amount(),
        "stopped": None,
        "open_calls": 0,
    }
    return LedgerView(**given | facts)


def text(view: LedgerView | None, limit: int | None = None, elapsed_s: float = 12.0) -> str:
    return "".join(piece for piece, _ in line_of(view, limit, elapsed_s))


@pytest.fixture(autouse=True)
def _unicode(monkeypatch):
    monkeypatch.setattr(live, "speaks_unicode", lambda: True)


def test_it_shows_spend_limit_calls_time_and_tokens():
    assert text(ledger()) == (
        "wflo ████████░░░░░░░░ $1.00 of $2.00 · 14 calls · 0:12 · 81.2k tokens"
    )


def test_before_the_first_call_it_shows_the_limit_of_the_policy():
    assert text(None, 5 * USD, 0.2) == "wflo ░░░░░░░░░░░░░░░░ $0.00 of $5.00 · 0 calls · 0:00"


def test_without_a_limit_it_shows_what_was_spent():
    assert text(ledger(limits={})).startswith("wflo $1.00 · 14 calls")


def test_it_names_what_is_in_flight_refused_and_stopped():
    shown = text(ledger(open_calls=2, refused=3, stopped="usd budget exceeded"), elapsed_s=3_725)

    assert " stopped · 14 calls · 3 refused · 2 in flight · 1:02:05" in shown


@pytest.mark.parametrize(
    ("share", "style"), [(0.5, "green"), (0.8, "yellow"), (1.0, "red"), (1.5, "red")]
)
def test_the_bar_changes_its_colour_near_the_limit(share, style):
    pieces = line_of(ledger(settled=Amount(int(share * 2 * USD), 0, 1)), None, 0)

    assert pieces[1][1] == style
    assert len(pieces[1][0]) == 16


def test_signs_the_terminal_has_not_are_replaced(monkeypatch):
    monkeypatch.setattr(live, "speaks_unicode", lambda: False)

    assert text(ledger()).isascii()


def test_what_does_not_fit_is_left_out_from_the_end(monkeypatch):
    monkeypatch.setattr(live, "has_colours", lambda: False)

    assert fitted([("abc", ""), (" def", "dim"), (" ghi", "")], 8) == "abc def"


def test_colours_end_where_their_piece_ends(monkeypatch):
    monkeypatch.setattr(live, "has_colours", lambda: True)

    assert fitted([("abc", "red"), ("d", "")], 80) == "\033[31mabc\033[0md"


@pytest.mark.parametrize(
    ("number", "shown"), [(812, "812"), (81_234, "81.2k"), (3_400_000, "3.4M")]
)
def test_counts_are_short(number, shown):
    assert short(number) == shown


class Written(list):
    def __call__(self, text: str) -> None:
        self.append(text)


@pytest.fixture
def written(monkeypatch):
    found = Written()
    monkeypatch.setattr(live, "_write", found)
    monkeypatch.setattr(live, "has_colours", lambda: False)
    return found


class Ledgers:
    def __init__(self, view: LedgerView | None) -> None:
        self.view = view

    def ledger(self) -> LedgerView | None:
        return self.view


def test_it_is_written_again_only_when_it_changes(written, monkeypatch):
    monkeypatch.setattr(live, "_size", lambda: os.terminal_size((80, 24)))
    ledgers = Ledgers(ledger())
    line = LiveLine(ledgers, None)
    line.open()
    before = len(written)

    line.tick()
    assert len(written) == before
    ledgers.view = ledger(open_calls=1)
    line.tick()
    assert len(written) == before + 1


def test_a_terminal_that_changes_its_size_keeps_the_line_at_the_bottom(written, monkeypatch):
    sizes = iter([os.terminal_size((80, rows)) for rows in (24, 24, 30)])
    monkeypatch.setattr(live, "_size", lambda: next(sizes))
    line = LiveLine(Ledgers(None), None)
    line.open()

    line.tick()

    assert written[-2] == "\0337\033[1;29r\0338"
    assert written[-1].startswith("\0337\033[30;1H")


def test_the_ledger_is_read_while_others_write(tmp_path):
    path = tmp_path / "state.db"
    store = open_store(f"sqlite:///{path}", SystemClock())
    peek = Peek(path, "r")
    assert peek.ledger() is None

    store.settle(
        [Scope(run_key("r"), made.budget(10))], Charge(Amount(5, 1, 1), made.record("c", 1))
    )

    assert peek.ledger().settled == Amount(5, 1, 1)
    store.close()


def test_a_state_that_cannot_be_read_shows_nothing_new(tmp_path):
    assert Peek(tmp_path / "missing.db", "r").ledger() is None
