"""Runs and their calls, in memory and bounded.

The rule that holds here: what an open run has done is kept longest. Beyond
:data:`MAX_RECORDS`, records whose runs are all closed go first, oldest first, then the oldest
of open runs; beyond :data:`MAX_CLOSED_RUNS`, the runs that closed first go, and beyond
:data:`MAX_NOTES` the notes that were begun first. A ledger's numbers
do not depend on records.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import islice

from wflo_otel.core.call import CallRecord
from wflo_otel.ports import Note, RunInfo
from wflo_otel.stores.books import Standing

#: So many call records are kept.
MAX_RECORDS = 100_000
#: So many runs that have ended are kept.
MAX_CLOSED_RUNS = 10_000
#: So many notes are kept.
MAX_NOTES = 10_000
#: What is dropped at once when a bound is passed, as a share: one pass for many calls.
DROPPED_AT_ONCE = 0.1


class History:
    """Runs and call records. Not locked: its owner's lock guards it."""

    def __init__(
        self, max_records: int = MAX_RECORDS, max_closed_runs: int = MAX_CLOSED_RUNS
    ) -> None:
        self._max_records = max_records
        self._max_closed_runs = max_closed_runs
        self._runs: dict[str, RunInfo] = {}
        self._closed: dict[str, None] = {}
        self._records: dict[str, tuple[CallRecord, Standing]] = {}
        self._notes: dict[tuple[str, str, str], int] = {}

    def open_run(self, run: RunInfo) -> None:
        """Begin a run, or join it."""
        self._runs.setdefault(run.run_id, run)

    def close_run(self, run_id: str, ended_at: float) -> list[str]:
        """End a run; return the runs that were forgotten for it."""
        run = self._runs.get(run_id)
        if run is None:
            return []
        self._runs[run_id] = replace(run, ended_at=ended_at)
        self._closed[run_id] = None
        if len(self._closed) <= self._max_closed_runs:
            return []
        surplus = 1 + int(self._max_closed_runs * DROPPED_AT_ONCE)
        gone = list(self._closed)[:surplus]
        for each in gone:
            del self._closed[each], self._runs[each]
        return gone

    def runs(self, limit: int) -> list[RunInfo]:
        """List runs, newest first."""
        last_first = list(self._runs.values())[::-1]
        return sorted(last_first, key=lambda run: -run.started_at)[:limit]

    def standing(self, call_id: str) -> Standing | None:
        """Why this call's record is here."""
        kept = self._records.get(call_id)
        return None if kept is None else kept[1]

    def keep(self, record: CallRecord, standing: Standing) -> None:
        """Keep a record."""
        self._records[record.call_id] = (record, standing)
        if len(self._records) > self._max_records:
            self._drop(1 + int(self._max_records * DROPPED_AT_ONCE))

    def strike(self, call_id: str) -> None:
        """Take a record out."""
        self._records.pop(call_id, None)

    def records(self, run_id: str) -> list[CallRecord]:
        """List a run's calls and those of its child runs, in the order they ended."""
        found = [
            record
            for record, _ in self._records.values()
            if record.caller.run_id == run_id or run_id in record.caller.parent_runs
        ]
        return sorted(found, key=lambda record: record.ended_at)

    def note(self, run_ids: Iterable[str], kind: str, subject: str) -> None:
        """Count that something has happened once more."""
        for run_id in run_ids:
            noted = (run_id, kind, subject)
            self._notes[noted] = self._notes.get(noted, 0) + 1
            if len(self._notes) > MAX_NOTES:
                del self._notes[next(iter(self._notes))]

    def notes(self, run_id: str) -> list[Note]:
        """List what was counted in a run, most often first."""
        found = [
            Note(kind, subject, count)
            for (noted_in, kind, subject), count in self._notes.items()
            if noted_in == run_id
        ]
        return sorted(found, key=lambda note: (-note.count, note.kind, note.subject))

    def _drop(self, surplus: int) -> None:
        still = {run_id for run_id, run in self._runs.items() if run.ended_at is None}
        over = (
            call_id
            for call_id, (record, _) in self._records.items()
            if record.caller.run_id not in still and still.isdisjoint(record.caller.parent_runs)
        )
        gone = dict.fromkeys(islice(over, surplus))
        for call_id in islice(self._records, surplus):
            if len(gone) < surplus:
                gone[call_id] = None
        for call_id in gone:
            del self._records[call_id]
