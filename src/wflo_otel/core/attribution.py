"""Who spent what: a run's records, summed by agent, model, tool or step.

Costs stand on model calls only, so any breakdown that gives each model call one name sums to
the run, to the nano-dollar.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from wflo_otel.core.call import MODEL_CALLS, CallRecord, Operation, Status
from wflo_otel.core.usage import Usage

#: The name of what no name was given.
NOBODY = "-"


@dataclass(slots=True)
class Line:
    """One line of a breakdown. ``cost`` is in nano-USD, durations in seconds."""

    name: str
    calls: int = 0
    errors: int = 0
    cost: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    duration_s: float = 0.0
    tool_calls: int = 0
    #: How often the model asked for it; tools only.
    requested: int = 0
    models: set[str] = field(default_factory=set)

    def add(self, record: CallRecord) -> None:
        """Count one call."""
        failed = record.status not in (Status.OK, Status.ABANDONED)
        self.errors += failed
        self.duration_s += record.ended_at - record.started_at
        if record.operation not in MODEL_CALLS:
            self.tool_calls += record.operation is Operation.EXECUTE_TOOL
            return
        self.calls += 1
        self.cost += record.cost
        if record.model:
            self.models.add(record.model)
        self._add_tokens(record.usage)

    def _add_tokens(self, usage: Usage) -> None:
        for each in (usage, *(extra.usage for extra in usage.extra)):
            self.input_tokens += each.input_tokens
            self.output_tokens += each.output_tokens
            self.cached_tokens += each.cache_read_tokens
            self.reasoning_tokens += each.reasoning_tokens


def is_model_call(record: CallRecord) -> bool:
    """Whether this is a call that costs by itself."""
    return record.operation in MODEL_CALLS


def total(records: Iterable[CallRecord], name: str = "total") -> Line:
    """Sum everything."""
    line = Line(name)
    for record in records:
        line.add(record)
    return line


def by_agent(records: Iterable[CallRecord]) -> dict[str, Line]:
    """Sum by the agent that called; each call counts for one agent, the innermost."""
    return _breakdown(_without_workflows(records), lambda record: record.caller.agent)


def by_step(records: Iterable[CallRecord]) -> dict[str, Line]:
    """Sum by node, task or function."""
    return _breakdown(_without_workflows(records), lambda record: record.caller.step)


def by_model(records: Iterable[CallRecord]) -> dict[str, Line]:
    """Sum model calls by model."""
    return _breakdown(filter(is_model_call, records), lambda record: record.model or None)


def by_tool(records: Iterable[CallRecord]) -> dict[str, Line]:
    """Sum by tool: its own calls, the model calls inside it, how often it was asked for."""
    records = list(records)
    lines = _breakdown((r for r in records if r.caller.tool), lambda record: record.caller.tool)
    for record in records:
        for name in record.tool_calls:
            lines.setdefault(name, Line(name)).requested += 1
    return lines


def _without_workflows(records: Iterable[CallRecord]) -> Iterator[CallRecord]:
    """A workflow's own record is no agent's work, and no step of itself."""
    return (record for record in records if record.operation is not Operation.INVOKE_WORKFLOW)


def _breakdown(
    records: Iterable[CallRecord], name_of: Callable[[CallRecord], str | None]
) -> dict[str, Line]:
    lines: dict[str, Line] = {}
    for record in records:
        name = name_of(record) or NOBODY
        lines.setdefault(name, Line(name)).add(record)
    return lines
