"""Budgets, brakes and a black box for LLM agents, as plain OpenTelemetry.

    >>> import wflo_otel as wflo
    >>> wflo.configure(policy="wflo.yaml")  # doctest: +SKIP

Everything public is named here and imported when it is first used, so that importing the package
costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wflo_otel.after_agent import checkpoint_after_agent
    from wflo_otel.bootstrap import configure, shutdown
    from wflo_otel.bootstrap.instrumentor import WfloInstrumentor
    from wflo_otel.bootstrap.processor import PolicySpanProcessor
    from wflo_otel.decorators import (
        checkpoint,
        circuit_breaker,
        detect_infinite_loop,
        record_usage,
        scope,
        track_agent_cost,
        track_llm_call,
        track_tool_call,
    )
    from wflo_otel.errors import (
        BudgetExceededError,
        CheckpointCodecError,
        CheckpointConflictError,
        CheckpointNotFoundError,
        CircuitOpenError,
        ConfigError,
        DeadLetterError,
        InfiniteLoopDetectedError,
        PolicyViolationError,
        StateUnavailableError,
        StoreError,
        UnpricedModelError,
        UnrecognisedCallError,
        WfloError,
    )
    from wflo_otel.retries import dead_letters, with_retry
    from wflo_otel.seams.spans.sampler import PolicySampler
    from wflo_otel.workflow import WfloWorkflow
    from wflo_otel.wrapping import Wrapped, wrap

__version__ = "0.1.0"

__all__ = [
    "BudgetExceededError",
    "CheckpointCodecError",
    "CheckpointConflictError",
    "CheckpointNotFoundError",
    "CircuitOpenError",
    "ConfigError",
    "DeadLetterError",
    "InfiniteLoopDetectedError",
    "PolicySampler",
    "PolicySpanProcessor",
    "PolicyViolationError",
    "StateUnavailableError",
    "StoreError",
    "UnpricedModelError",
    "UnrecognisedCallError",
    "WfloError",
    "WfloInstrumentor",
    "WfloWorkflow",
    "Wrapped",
    "checkpoint",
    "checkpoint_after_agent",
    "circuit_breaker",
    "configure",
    "dead_letters",
    "detect_infinite_loop",
    "record_usage",
    "scope",
    "shutdown",
    "track_agent_cost",
    "track_llm_call",
    "track_tool_call",
    "with_retry",
    "wrap",
]

_MODULES = {
    "PolicySampler": "seams.spans.sampler",
    "PolicySpanProcessor": "bootstrap.processor",
    "WfloInstrumentor": "bootstrap.instrumentor",
    "WfloWorkflow": "workflow",
    "checkpoint_after_agent": "after_agent",
    "configure": "bootstrap",
    "shutdown": "bootstrap",
    "dead_letters": "retries",
    "with_retry": "retries",
    **dict.fromkeys(["Wrapped", "wrap"], "wrapping"),
    **dict.fromkeys(
        [
            "checkpoint",
            "circuit_breaker",
            "detect_infinite_loop",
            "record_usage",
            "scope",
            "track_agent_cost",
            "track_llm_call",
            "track_tool_call",
        ],
        "decorators",
    ),
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_MODULES.get(name, 'errors')}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
