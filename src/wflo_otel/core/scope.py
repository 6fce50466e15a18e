"""Who is calling, and whose budgets that touches.

Scopes nest: tenant, workflow, run, agent, tool. A scope's key names its ledger in every store,
so it must read the same in every process.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from wflo_otel.core.policy import Breaker, Budget, Budgets, Loops, Policy, Window


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling: an id in every field, authority in none but ``limits``.

    ``limits`` are budgets given in this process's code (a workflow's or a decorator's), by
    scope key. They never travel between processes.
    """

    run_id: str
    #: The runs this one is a child of, outermost first; all are charged.
    parent_runs: tuple[str, ...] = ()
    workflow: str | None = None
    #: Outermost first: the last one is calling, the others called it.
    agents: tuple[str, ...] = ()
    tool: str | None = None
    #: The node, task or function that is at work.
    step: str | None = None
    tenant: str | None = None
    user: str | None = None
    limits: tuple[tuple[str, Budget], ...] = ()
    #: The breakers of the functions around the call, given in this process's code too.
    breakers: tuple[tuple[str, Breaker], ...] = ()
    #: The functions around the call whose turns are watched, each by a name of its invocation.
    loops: tuple[tuple[str, Loops], ...] = ()

    @property
    def agent(self) -> str | None:
        """The agent that is calling."""
        return self.agents[-1] if self.agents else None


@dataclass(frozen=True, slots=True)
class Scope:
    """A ledger's name, and the budget that holds there (``None``: only counted)."""

    key: str
    budget: Budget | None = None


def run_key(run_id: str) -> str:
    """Name the ledger of a run."""
    return f"run:{run_id}"


def agent_key(run_id: str, agent: str) -> str:
    """Name the ledger of an agent in a run."""
    return f"run:{run_id}/agent:{_plain(agent)}"


def tool_key(run_id: str, tool: str) -> str:
    """Name the ledger of a tool in a run: what the model calls inside it cost."""
    return f"run:{run_id}/tool:{_plain(tool)}"


def _plain(name: str) -> str:
    """Keep a name from reading like another scope."""
    return name.replace("%", "%25").replace("/", "%2F")


def scopes_of(caller: Caller, policy: Policy, now: float) -> tuple[Scope, ...]:
    """Name the scopes a call is charged to, outermost first.

    The run always has one, so that it can be counted and stopped, and so has an agent where
    loops are watched for; the others only where a budget holds. Where several budgets name one
    scope, the tightest of each unit holds.
    """
    found: dict[str, Budget | None] = {}
    budgets = policy.budgets

    def add(key: str, budget: Budget | None) -> None:
        found[key] = tightest(found.get(key), budget)

    for key, windowed in _windowed(caller, budgets, now):
        add(key, windowed)
    for run_id in (*caller.parent_runs, caller.run_id):
        add(run_key(run_id), budgets.run)
        for agent in caller.agents:
            per_agent = budgets.agent(agent)
            if per_agent is not None or policy.loops is not None:
                add(agent_key(run_id, agent), per_agent)
        if caller.tool and (per_tool := budgets.tool(caller.tool)) is not None:
            add(tool_key(run_id, caller.tool), per_tool)
    for key, given in caller.limits:
        add(key, given)
    return tuple(Scope(key, budget) for key, budget in found.items())


def tightest(one: Budget | None, other: Budget | None) -> Budget | None:
    """Join two budgets of one scope: the smaller limit of each unit, the options of the second."""
    return other if one is None else one if other is None else one.tightened_by(other)


def _windowed(caller: Caller, budgets: Budgets, now: float) -> list[tuple[str, Budget]]:
    found: list[tuple[str, Budget]] = []
    for kind, name, budget in (
        ("tenant", caller.tenant, budgets.tenant(caller.tenant)),
        ("workflow", caller.workflow, budgets.workflow(caller.workflow)),
    ):
        if name and budget is not None:
            found.append((f"{kind}:{_plain(name)}@{window_name(budget, now)}", budget))
    return found


_WINDOW_FORMATS = {Window.HOUR: "%Y-%m-%dT%H%z", Window.DAY: "%Y-%m-%d", Window.MONTH: "%Y-%m"}


def window_name(budget: Budget, now: float) -> str:
    """Name the window that ``now`` falls in, in the budget's own time zone.

    Local wall-clock names, so a day is a day also where a clock change makes it 23 or 25 hours;
    the hour carries its offset, so the repeated one is two.
    """
    if budget.per is None:
        return "all"
    local = datetime.fromtimestamp(now, _zone(budget.timezone))
    if budget.per is Window.WEEK:
        return (local.date() - timedelta(days=local.weekday())).isoformat() + "W"
    return local.strftime(_WINDOW_FORMATS[budget.per])


def _zone(name: str) -> tzinfo:
    # UTC must work also where no time zone database is installed.
    return UTC if name == "UTC" else ZoneInfo(name)
