"""What a run cost, and who spent it: read from the state, for people and for programs.

The rule: nothing here is counted again. Every number is a sum over the records and ledgers
that the engine kept, so each breakdown adds up to the run, to the nano-dollar.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeAlias

from wflo_otel.core import attribution
from wflo_otel.core.attribution import Line
from wflo_otel.core.call import CallRecord
from wflo_otel.core.checkpoint import Checkpoint
from wflo_otel.core.dead_letter import LetterState
from wflo_otel.core.money import to_usd
from wflo_otel.core.scope import run_key
from wflo_otel.ports import LedgerView, Note, RunInfo
from wflo_otel.stores import Store

Json: TypeAlias = dict[str, object]

#: Letters that nobody has sent again with success, and more of them than are in any state.
_WAITING = frozenset(LetterState) - {LetterState.DONE}
_ALL_LETTERS = 100_000

#: Sources of a cost that no provider confirmed.
ESTIMATES = frozenset({"estimate", "reserved"})


@dataclass(frozen=True, slots=True)
class RunReport:
    """One run as it stands in the state."""

    run: RunInfo
    #: Its calls and those of its child runs, in the order they ended.
    records: tuple[CallRecord, ...]
    #: The run's own ledger first, then those of its agents and tools.
    ledgers: tuple[LedgerView, ...]
    checkpoints: tuple[Checkpoint, ...]
    #: What was counted beside its calls.
    notes: tuple[Note, ...] = ()
    #: Where traces are looked at: a URL with ``{trace_id}`` in it.
    trace_urls: str | None = None
    #: The requests it served, where each was a run of its own; their calls are in ``records``.
    requests: tuple[RunReport, ...] = ()
    #: How many of its calls, and of the runs inside it, failed for good and wait to be replayed.
    dead_letters: int = 0

    @property
    def total(self) -> Line:
        """Everything together."""
        return attribution.total(self.records)

    @property
    def cost_usd(self) -> Decimal:
        """US dollars spent, exactly."""
        return to_usd(self.total.cost)

    @property
    def estimated_usd(self) -> Decimal:
        """The part of it that no provider confirmed."""
        return to_usd(sum(each.cost for each in self.records if is_estimated(each)))

    @property
    def calls(self) -> int:
        """How many model calls were made; refused ones are none."""
        return self.total.calls

    @property
    def refused(self) -> int:
        """How many times a call was refused, whatever refused it."""
        return sum(each.refused for each in self.ledgers) + sum(self.refused_beside.values())

    @property
    def refused_beside(self) -> dict[str, int]:
        """Refusals that no budget counts, by why: ``unpriced``, ``breaker``, ``waited``, …"""
        return self._noted("refused")

    @property
    def unrecognised(self) -> dict[str, int]:
        """Requests that look like calls to a model in an API nobody knows, by address."""
        return self._noted("unrecognised")

    @property
    def unsaved(self) -> dict[str, int]:
        """States that could not be saved, by the name of the checkpoint."""
        return self._noted("unsaved")

    def _noted(self, kind: str) -> dict[str, int]:
        found: dict[str, int] = {}
        for note in (*self.notes, *(each for request in self.requests for each in request.notes)):
            if note.kind == kind:
                found[note.subject] = found.get(note.subject, 0) + note.count
        return found

    @property
    def by_agent(self) -> dict[str, Decimal]:
        """US dollars by agent."""
        return {name: to_usd(line.cost) for name, line in self.agents.items()}

    @property
    def agents(self) -> dict[str, Line]:
        """Lines by agent; each call counts for the innermost one."""
        return _dearest_first(attribution.by_agent(self.records))

    @property
    def models(self) -> dict[str, Line]:
        """Lines by model."""
        return _dearest_first(attribution.by_model(self.records))

    @property
    def tools(self) -> dict[str, Line]:
        """Lines by tool: asked for, run, and what the model calls inside cost."""
        return _dearest_first(attribution.by_tool(self.records))

    @property
    def steps(self) -> dict[str, Line]:
        """Lines by node, task or function; empty where nothing named one."""
        lines = _dearest_first(attribution.by_step(self.records))
        return {} if set(lines) == {attribution.NOBODY} else lines

    @property
    def ledger(self) -> LedgerView | None:
        """The run's own ledger; ``None`` before its first call."""
        key = run_key(self.run.run_id)
        return next((each for each in self.ledgers if each.key == key), None)

    @property
    def stops(self) -> tuple[LedgerView, ...]:
        """The scopes in which every further call is refused."""
        return tuple(each for each in self.ledgers if each.stopped is not None)

    @property
    def stopped(self) -> str | None:
        """Why the run was stopped, or a scope inside it; ``None`` where nothing was."""
        own = self.ledger
        if own is not None and own.stopped is not None:
            return own.stopped
        if not self.stops:
            return None
        return f"{self.stops[0].stopped} ({self.name_of(self.stops[0])})"

    @property
    def trace_ids(self) -> tuple[str, ...]:
        """The traces its calls are in, in the order they came."""
        return tuple(dict.fromkeys(each.trace_id for each in self.records if each.trace_id))

    @property
    def trace_url(self) -> str | None:
        """Where its first trace is looked at; ``None`` where nobody said, or there is none."""
        if self.trace_urls is None or not self.trace_ids:
            return None
        return self.trace_urls.replace("{trace_id}", self.trace_ids[0])

    def name_of(self, ledger: LedgerView) -> str:
        """Name a scope inside this run: ``run``, ``agent writer``, ``tool search_web``."""
        inner = ledger.key.removeprefix(run_key(self.run.run_id)).lstrip("/")
        kind, _, name = inner.partition(":")
        return f"{kind} {name}".replace("%2F", "/").replace("%25", "%") if inner else "run"

    def as_json(self) -> Json:
        """Everything as plain data: money in strings with all digits, times in ISO 8601."""
        total = self.total
        return {
            "run_id": self.run.run_id,
            "name": self.run.name,
            "started_at": iso(self.run.started_at),
            "ended_at": None if self.run.ended_at is None else iso(self.run.ended_at),
            "calls": total.calls,
            "cost_usd": exact(total.cost),
            "tokens": _tokens(total),
            "refused": self.refused,
            "stopped": self.stopped,
            "by_agent": [_line(line) for line in self.agents.values()],
            "by_model": [_line(line) for line in self.models.values()],
            "by_tool": [_tool_line(line) for line in self.tools.values()],
            "by_step": [_line(line) for line in self.steps.values()],
            "errors": total.errors,
            "unrecognised": [
                {"address": address, "requests": count}
                for address, count in self.unrecognised.items()
            ],
            "trace_ids": list(self.trace_ids),
            "trace_url": self.trace_url,
            "checkpoints": [checkpoint_json(each) for each in self.checkpoints],
            "unsaved": [{"name": name, "states": count} for name, count in self.unsaved.items()],
        }


def report_of(run: RunInfo, store: Store, trace_urls: str | None = None) -> RunReport:
    """Read a run from a store; ``trace_urls`` is where its traces are looked at.

    Raises:
        StoreError: the store cannot answer.
    """
    key = run_key(run.run_id)
    # The records first: reading them charges what dead processes had reserved.
    records = tuple(store.records(run.run_id))
    views = [each for each in store.ledgers(key) if each.key == key or each.key[len(key)] == "/"]
    checkpoints, notes = store.checkpoints(run.run_id), store.notes(run.run_id)
    return RunReport(run, records, tuple(views), tuple(checkpoints), tuple(notes), trace_urls)


def with_requests(report: RunReport, runs: Iterable[RunInfo], store: Store) -> RunReport:
    """Add to a process's run what the requests cost that it served, each as a run of its own.

    The dead letters of all of them are counted, too.

    Raises:
        StoreError: the store cannot answer.
    """
    inside = [each for each in runs if each.parent == report.run.run_id]
    found = tuple(report_of(each, store) for each in inside)
    # The calls of a workflow inside the run are charged to the run, and in its records already.
    records = {each.call_id: each for part in (report, *found) for each in part.records}
    counted = {each.call_id for each in report.records}
    requests = tuple(
        each for each in found if not counted.issuperset(call.call_id for call in each.records)
    )
    in_order = sorted(records.values(), key=lambda record: record.ended_at)
    left = _letters_of({report.run.run_id, *(each.run_id for each in inside)}, store)
    return replace(report, records=tuple(in_order), requests=requests, dead_letters=left)


def _letters_of(run_ids: set[str], store: Store) -> int:
    waiting = store.dead_letters.letters(_WAITING, limit=_ALL_LETTERS)
    return sum(each.run_id in run_ids for each in waiting)


def title_of(run: RunInfo) -> str:
    """Name a run, and say when it was."""
    began = iso(run.started_at)[:19].replace("T", " ")
    if run.ended_at is None:
        return f"run {run.run_id} · {run.name or 'unnamed'} · began {began} UTC · not ended"
    took = run.ended_at - run.started_at
    return f"run {run.run_id} · {run.name or 'unnamed'} · began {began} UTC · {took:.1f} s"


def is_estimated(record: CallRecord) -> bool:
    """Whether the provider never told what this call used."""
    return record.cost_source in ESTIMATES and record.cost > 0


def exact(nano_usd: int) -> str:
    """Write US dollars with all nine digits: ``1.020500000``."""
    return f"{to_usd(nano_usd):.9f}"


def iso(at: float) -> str:
    """Write a time since the epoch as ISO 8601 in UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def _dearest_first(lines: Mapping[str, Line]) -> dict[str, Line]:
    ordered: Iterable[Line] = sorted(lines.values(), key=lambda line: (-line.cost, line.name))
    return {line.name: line for line in ordered}


def _tokens(line: Line) -> Json:
    return {
        "input": line.input_tokens,
        "output": line.output_tokens,
        "cached": line.cached_tokens,
        "reasoning": line.reasoning_tokens,
        "total": line.input_tokens + line.output_tokens,
    }


def _line(line: Line) -> Json:
    return {
        "name": line.name,
        "calls": line.calls,
        "cost_usd": exact(line.cost),
        "tokens": _tokens(line),
        "errors": line.errors,
        "duration_s": round(line.duration_s, 6),
        "models": sorted(line.models),
    }


def _tool_line(line: Line) -> Json:
    return _line(line) | {"requested": line.requested, "ran": line.tool_calls}


def checkpoint_json(checkpoint: Checkpoint) -> Json:
    """A checkpoint without its state, for programs."""
    return {
        "id": checkpoint.checkpoint_id,
        "parent": checkpoint.parent,
        "name": checkpoint.name,
        "step": checkpoint.step,
        "agent": checkpoint.agent,
        "created_at": iso(checkpoint.created_at),
        "size": checkpoint.size,
        "digest": checkpoint.digest,
    }
