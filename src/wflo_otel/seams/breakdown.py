"""What each agent of a run cost, as users read it.

The rule: every model call counts for one agent, the innermost, so the costs sum to the run's,
to the nano-dollar.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TypedDict

from wflo_otel.core.attribution import NOBODY, Line, by_agent, is_model_call
from wflo_otel.core.call import CallRecord, Operation
from wflo_otel.core.money import to_usd
from wflo_otel.core.policy import Budget, Budgets
from wflo_otel.core.scope import agent_key, tightest
from wflo_otel.ports import LedgerView


class AgentCost(TypedDict):
    """One agent's line. Money is in US dollars, exact; durations are in seconds."""

    cost_usd: Decimal
    budget_usd: Decimal | None
    remaining_usd: Decimal | None
    calls: int
    errors: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    #: How often each tool ran.
    tools: dict[str, int]
    duration_s: float
    models: list[str]


def agent_costs(
    run_id: str,
    records: Iterable[CallRecord],
    given: Mapping[str, Budget],
    policy: Budgets,
    ledgers: Iterable[LedgerView],
) -> dict[str, AgentCost]:
    """Break a run down by agent; agents that ``given`` names appear before their first call.

    ``ledgers`` are the run's: they know what decorators and other processes gave an agent.
    """
    limits = {view.key: view.limits["usd"] for view in ledgers if "usd" in view.limits}
    records = list(records)
    named = {name: Line(name) for name in given if name != "*"}
    invoked = {r.caller.agent: Line(r.caller.agent) for r in records if r.caller.agent}
    worked = by_agent(r for r in records if is_model_call(r) or _is(r, Operation.EXECUTE_TOOL))
    return {
        name: _cost(line, [r for r in records if (r.caller.agent or NOBODY) == name], budget)
        for name, line in {**named, **invoked, **worked}.items()
        for budget in (_budget(run_id, name, limits, given, policy),)
    }


def _budget(
    run_id: str,
    name: str,
    limits: Mapping[str, int],
    given: Mapping[str, Budget],
    policy: Budgets,
) -> Budget | None:
    """The tightest of what the policy, the workflow and the ledger give this agent."""
    if name == NOBODY:
        return None
    found = tightest(policy.agent(name), given.get(name, given.get("*")))
    told = limits.get(agent_key(run_id, name))
    return tightest(found, None if told is None else Budget(usd=told))


def _cost(line: Line, records: list[CallRecord], budget: Budget | None) -> AgentCost:
    limit = None if budget is None else budget.usd
    return AgentCost(
        cost_usd=to_usd(line.cost),
        budget_usd=None if limit is None else to_usd(limit),
        remaining_usd=None if limit is None else to_usd(max(0, limit - line.cost)),
        calls=line.calls,
        errors=line.errors,
        input_tokens=line.input_tokens,
        output_tokens=line.output_tokens,
        cached_tokens=line.cached_tokens,
        reasoning_tokens=line.reasoning_tokens,
        tools=_tools(records),
        duration_s=_duration(line, records),
        models=sorted(line.models),
    )


def _tools(records: Iterable[CallRecord]) -> dict[str, int]:
    ran = (r.caller.tool for r in records if _is(r, Operation.EXECUTE_TOOL))
    return dict(Counter(name for name in ran if name is not None))


def _duration(line: Line, records: Iterable[CallRecord]) -> float:
    """How long the agent was at work; of one that nobody invoked, how long its calls took."""
    invoked = [r for r in records if _is(r, Operation.INVOKE_AGENT)]
    return sum(r.ended_at - r.started_at for r in invoked) if invoked else line.duration_s


def _is(record: CallRecord, operation: Operation) -> bool:
    return record.operation is operation
