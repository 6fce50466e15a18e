"""A run with a name and a budget, and everything that was done in it.

The rule: a run is open from its block's first line to its last; outside a block it opens on
first use and closes with ``close()``, ``aclose()`` or the process. Whatever happens inside is
charged to it, and to the runs around it.
"""

from __future__ import annotations

import atexit
import uuid
import weakref
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from decimal import Decimal
from functools import partial
from types import TracebackType
from typing import TypedDict

from wflo_otel.bootstrap import ensure_configured
from wflo_otel.context import (
    ActiveRun,
    Frame,
    carried_frame,
    process_frame,
    run_frame,
    runs,
    surrounding_frame,
)
from wflo_otel.core.attribution import total
from wflo_otel.core.call import CallRecord, Operation
from wflo_otel.core.checkpoint import state_of
from wflo_otel.core.money import to_usd
from wflo_otel.core.policy import Budget
from wflo_otel.core.scope import Caller, run_key
from wflo_otel.errors import ConfigError
from wflo_otel.ports import RunInfo
from wflo_otel.seams.active import Active
from wflo_otel.seams.amounts import Usd, agent_budgets_of, budget_of
from wflo_otel.seams.breakdown import AgentCost, agent_costs
from wflo_otel.seams.functions import Run
from wflo_otel.seams.outcomes import Outcome, Raised, Returned
from wflo_otel.seams.run_checkpoints import RunCheckpoints, last_checkpoint
from wflo_otel.seams.saving import branch
from wflo_otel.seams.topping_up import top_up
from wflo_otel.seams.work import Work, WorkBlock, agent_work, ignore
from wflo_otel.seams.wrapping import Wraps

__all__ = ["AgentCost", "WfloWorkflow"]


class _Given(TypedDict):
    name: str | None
    budget_usd: Usd | None
    per_agent_budgets: Mapping[str, Usd] | None
    tokens: int | None


_opened: weakref.WeakSet[WfloWorkflow] = weakref.WeakSet()


class WfloWorkflow(
    RunCheckpoints,
    Wraps,
    AbstractContextManager["WfloWorkflow"],
    AbstractAsyncContextManager["WfloWorkflow"],
):
    """One run of a workflow: its budget, its agents, its checkpoints.

    Use it as ``with WfloWorkflow(...) as workflow:`` or ``async with``; each block is one run.
    Without a block it opens on first use: while it is the only one in the process, calls that
    belong to no other run are charged to it. Inside another run it is a child, charged to both.

    Args:
        name: what spans and reports call it.
        budget_usd: US dollars for the run.
        per_agent_budgets: US dollars for each agent in the run, by name; ``"*"`` gives every
            other agent one of its own.
        tokens: input and output tokens for the run.
        run_id: a run to join, so that several processes share its budget.

    Raises:
        ConfigError: an amount is none.
    """

    def __init__(
        self,
        name: str | None = None,
        *,
        budget_usd: Usd | None = None,
        per_agent_budgets: Mapping[str, Usd] | None = None,
        tokens: int | None = None,
        run_id: str | None = None,
    ) -> None:
        self._given = _Given(
            name=name, budget_usd=budget_usd, per_agent_budgets=per_agent_budgets, tokens=tokens
        )
        self._name = name or ""
        self._budget = budget_of(budget_usd, tokens)
        self._agents = agent_budgets_of(per_agent_budgets)
        self._joins = run_id
        self._work: Work | None = None
        self._opened_in: Active | None = None
        self._run = self._declared_run()

    @property
    def name(self) -> str | None:
        """The workflow's name."""
        return self._name or None

    @property
    def run_id(self) -> str:
        """The id of the run; each block begins a new one, unless a run is joined."""
        return self._run.run_id

    @property
    def cost_usd(self) -> Decimal:
        """What the run has cost so far, in US dollars, with its child runs."""
        return to_usd(total(self._records()).cost)

    def get_cost_breakdown_by_agent(self) -> dict[str, AgentCost]:
        """Say what each agent cost and did; the costs sum to the run's.

        Calls outside any agent stand under ``"-"``. An agent with a budget appears before its
        first call.
        """
        engine = ensure_configured().engine
        return agent_costs(
            self.run_id,
            self._records(),
            self._agents,
            engine.policy.budgets,
            engine.ledgers(run_key(self.run_id)),
        )

    # -- agents and branches --------------------------------------------------------------------

    def agent(self, name: str, budget_usd: Usd | None = None) -> WorkBlock:
        """Say that the block (``with`` or ``async with``) is this agent's work.

        Args:
            name: the agent.
            budget_usd: US dollars for this agent in the run; the tightest of several holds.

        Raises:
            ConfigError: ``budget_usd`` is no amount.
        """
        return WorkBlock(partial(self._agent_work, name, budget_of(budget_usd)))

    def top_up(self, usd: Usd, *, scope: str | None = None) -> None:
        """Raise a limit in US dollars by so much, and lift the stop that it had made.

        Args:
            usd: how much more.
            scope: what is raised, such as an error's ``scope``; by default this run.

        Raises:
            ConfigError: ``usd`` is no amount above zero, or no call has met that scope.
            StoreError: the state cannot answer.
        """
        top_up(self._open(), self.run_id, scope, usd)

    def hints(self) -> tuple[str, ...]:
        """What agents of the run were warned of: that they go in circles. Oldest first.

        Each is one sentence for the agent, and could be its next message; the policy's ``loops``
        with ``hint: inject`` writes it there. The last twenty are kept.
        """
        return ensure_configured().engine.loops.hints(self.run_id)

    def fork(self, checkpoint_id: str) -> WfloWorkflow:
        """Begin another run at a checkpoint of any run, with the same name and budgets.

        The new run's first checkpoint holds that state; its parent is the one it comes from.

        Raises:
            CheckpointNotFoundError: there is none with that id.
            CheckpointCodecError: it was saved by another codec.
            StoreError: the store cannot answer.
        """
        active = self._open()
        source, encoded = active.checkpoints.load(checkpoint_id)
        state_of(source, encoded)  # what cannot be read begins no run
        forked = WfloWorkflow(**self._given)
        branch(forked._open(), forked._run, source, encoded)
        return forked

    # -- open and close -------------------------------------------------------------------------

    def _begin(self) -> Run:
        """Open the run as a block does, for work that is entered step by step.

        Raises:
            ConfigError: it is open already.
        """
        if self._work is not None:
            raise ConfigError("this WfloWorkflow is open already; make one for each run")
        active = ensure_configured()
        if not self._run.is_open:
            self._run = self._declared_run()
        runs.withdraw(self._run)
        frame = self._announce(active, carried_frame() or surrounding_frame())
        runs.add(self._run)
        span = active.telemetry.workflow_span(self._name, frame.caller)
        self._work = Work.begin(active, frame, span, Operation.INVOKE_WORKFLOW)
        return Run(active.engine, self._work.place, ignore, self._end)

    def __enter__(self) -> WfloWorkflow:
        self._begin().inside.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._work is not None:
            self._work.place.__exit__()
        self._end(Returned(None) if error is None else Raised(error))

    async def __aenter__(self) -> WfloWorkflow:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, traceback)

    def _end(self, outcome: Outcome) -> None:
        work, self._work = self._work, None
        if work is not None:
            work.active.engine.tend()
            work.end(outcome)
        self.close()

    def close(self) -> None:
        """Close the run. What it did can still be read. Idempotent."""
        run, active = self._run, self._opened_in
        if not run.is_open:
            return
        runs.withdraw(run)
        runs.remove(run)
        if active is not None:
            active.engine.tend()
            active.runs.close_run(run.run_id, active.clock.time())

    async def aclose(self) -> None:
        """Close the run, from a coroutine."""
        self.close()

    def _declared_run(self) -> ActiveRun:
        run = ActiveRun(
            self._joins or uuid.uuid4().hex[:16], self._name, agent_budgets=self._agents
        )
        run.base = Caller(run.run_id, workflow=self.name)
        this = weakref.ref(self)  # a run that kept its workflow alive would stay declared

        def on_use() -> None:
            workflow = this()
            if workflow is not None:
                workflow._open()  # noqa: SLF001  # it is this object

        run.on_use = on_use
        runs.declare(run)
        return run

    def _open(self) -> Active:
        """Open the run, where no block has; again after a new ``configure()``."""
        active = ensure_configured()
        if self._work is None and self._run.is_open and self._opened_in is not active:
            self._announce(active, process_frame())
        return active

    def _announce(self, active: Active, around: Frame | None) -> Frame:
        frame = run_frame(self._run, self._budget, around)
        parents = frame.caller.parent_runs
        parent = parents[-1] if parents else None
        info = RunInfo(self.run_id, self._name, active.clock.time(), parent=parent)
        active.runs.open_run(info)
        if self._joins is not None and self._run.last_checkpoint is None:
            self._run.last_checkpoint = last_checkpoint(active.checkpoints, self.run_id)
            active.results.take_up(self.run_id)
        self._opened_in = active
        _opened.add(self)
        return frame

    def _frame(self) -> Frame:
        """Who is calling in this run: as the context says, where it is in this run at all."""
        around = carried_frame()
        if around is not None and around.run is self._run:
            return around
        return Frame(self._run.base, self._run, around)

    def _agent_work(self, name: str, budget: Budget | None) -> Work:
        return agent_work(self._open(), self._frame(), name, budget)

    def _records(self) -> list[CallRecord]:
        active = self._open()
        active.engine.tend()
        return active.runs.records(self.run_id)


@atexit.register
def _close_all() -> None:
    for workflow in list(_opened):
        workflow.close()
