"""Wrapping what is there already: each execution is a run of its own.

>>> import wflo_otel as wflo
>>> wflo_workflow = wflo.wrap(workflow)  # doctest: +SKIP
>>> result = await wflo_workflow.execute()  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from wflo_otel.seams.amounts import Usd, agent_budgets_of, budget_of
from wflo_otel.seams.functions import Run
from wflo_otel.seams.wrapping import Wrapped, wrapped
from wflo_otel.workflow import WfloWorkflow

__all__ = ["Wrapped", "wrap"]

T = TypeVar("T")


def wrap(
    target: T,
    *,
    name: str | None = None,
    budget_usd: Usd | None = None,
    per_agent_budgets: Mapping[str, Usd] | None = None,
    tokens: int | None = None,
) -> Wrapped[T]:
    """Return an object with all its methods, where each execution is a run of its own.

    The object itself is not changed. Inside another run the runs are its children.

    Args:
        target: a compiled LangGraph graph, another LangChain runnable, or a function.
        name: what spans and reports call it; by default its own name.
        budget_usd: US dollars for each execution.
        per_agent_budgets: US dollars for each agent in an execution, by name.
        tokens: input and output tokens for each execution.

    Raises:
        ConfigError: it is none of these, or an amount is none.
    """

    budget_of(budget_usd, tokens), agent_budgets_of(per_agent_budgets)  # says what is no amount

    def begin(own_name: str) -> tuple[WfloWorkflow, Run]:
        workflow = WfloWorkflow(
            name or own_name,
            budget_usd=budget_usd,
            per_agent_budgets=per_agent_budgets,
            tokens=tokens,
        )
        return workflow, workflow._begin()  # noqa: SLF001  # a block, entered step by step

    return wrapped(target, begin)
