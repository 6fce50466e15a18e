"""Everything wflo raises, as one tree.

::

    WfloError
    ├── ConfigError                 a policy, an option or the environment is wrong; nothing ran
    ├── CheckpointNotFoundError     no checkpoint has that id
    ├── CheckpointConflictError     another run has gone on in the same thread of LangGraph
    ├── CheckpointCodecError        a value cannot be stored as plain data
    ├── DeadLetterError             a dead letter is not there, or cannot be replayed
    ├── StoreError                  a state store cannot answer
    └── PolicyViolationError        wflo stopped this call
        ├── BudgetExceededError        a budget leaves no room for it, or its run is stopped
        ├── CircuitOpenError           a circuit breaker keeps calls away from a component
        ├── InfiniteLoopDetectedError  an agent goes in circles
        ├── UnpricedModelError         nobody knows what the model costs; the policy refuses that
        ├── UnrecognisedCallError      nobody knows the API it goes to, and the policy refuses that
        └── StateUnavailableError      the state cannot answer, and the policy refuses that

A message is one line and names the scope, the limit and the number. The facts are attributes
too, so that nobody has to parse a message. Every error pickles as the class it is declared as:
the bases that a seam adds when it raises (:mod:`wflo_otel.seams.refusal`) stay in the process.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

__all__ = [
    "BudgetExceededError",
    "CheckpointCodecError",
    "CheckpointConflictError",
    "CheckpointNotFoundError",
    "CircuitOpenError",
    "ConfigError",
    "DeadLetterError",
    "InfiniteLoopDetectedError",
    "PolicyViolationError",
    "StateUnavailableError",
    "StoreError",
    "UnpricedModelError",
    "UnrecognisedCallError",
    "WfloError",
]


class WfloError(Exception):
    """The base of everything wflo raises."""


class ConfigError(WfloError):
    """A policy file, an option or the environment is wrong.

    The message names the place and the remedy.
    """


class CheckpointNotFoundError(WfloError, KeyError):
    """No checkpoint has this id, or none of the run that is to go back to it.

    Attributes:
        checkpoint_id: what was asked for.
        run_id: the run it is not one of, where there is a checkpoint, but of another run.
    """

    def __init__(self, checkpoint_id: str, run_id: str | None = None) -> None:
        super().__init__(checkpoint_id, run_id)
        self.checkpoint_id = checkpoint_id
        self.run_id = run_id

    def __str__(self) -> str:
        if self.run_id is not None:
            return (
                f"checkpoint {self.checkpoint_id!r} is not one of the run {self.run_id}; "
                "`workflow.fork()` begins a new run from it"
            )
        return (
            f"no checkpoint {self.checkpoint_id!r}; `workflow.checkpoints()` or "
            "`wflo checkpoints list` lists them"
        )


class CheckpointConflictError(WfloError):
    """Two writers save in one thread of LangGraph, and another one has overtaken this one.

    Attributes:
        thread_id: the thread.
        checkpoint_ns: the subgraph in it; empty for the graph itself.
    """

    def __init__(self, thread_id: str, checkpoint_ns: str = "") -> None:
        super().__init__(thread_id, checkpoint_ns)
        self.thread_id = thread_id
        self.checkpoint_ns = checkpoint_ns

    def __str__(self) -> str:
        return (
            f"another run has gone on in thread {self.thread_id!r} since this one saved there; "
            "give each run a thread of its own, or run one after the other"
        )


class CheckpointCodecError(WfloError, TypeError):
    """A value in the state cannot be stored as plain data."""


class DeadLetterError(WfloError):
    """A dead letter is not there, or cannot be replayed; the message says why."""


class StoreError(WfloError):
    """A state store cannot answer: gone, full, locked beyond its patience.

    On the path of a call it never reaches the caller as such: the policy's ``on_state_error``
    decides.
    """


class PolicyViolationError(WfloError):
    """wflo stopped this call.

    Attributes:
        sent: whether a request had left the machine (a stream that was cut).
        charged_usd: what this call was charged before it was stopped.
        partial: what had been received when it was stopped, where there is such a thing.
    """

    def __init__(
        self,
        message: str,
        *,
        sent: bool = False,
        charged_usd: Decimal = Decimal(0),
        partial: Any = None,
        **facts: Any,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.sent = sent
        self.charged_usd = charged_usd
        self.partial = partial
        self._facts = facts
        for name, value in facts.items():
            setattr(self, name, value)

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        facts = dict(
            self._facts, sent=self.sent, charged_usd=self.charged_usd, partial=self.partial
        )
        return _rebuild, (declared_class(type(self)), self.message, facts)


class BudgetExceededError(PolicyViolationError):
    """A budget leaves no room for this call, or stopped the run it belongs to.

    Attributes:
        scope: the scope whose limit was hit, such as ``run:3f2a/agent:writer``.
        unit: ``usd``, ``tokens`` or ``calls``.
        limit, settled, pending, needed: the numbers, in that unit (``Decimal`` for USD).
        stopped: the run (or agent, or window) is stopped; every further call in it is refused.
        checkpoint: the id of the last checkpoint of the run, or of the nearest run around it
            that has one; ``None`` where nothing was saved.
    """

    scope: str
    unit: str
    limit: Decimal
    settled: Decimal
    pending: Decimal
    needed: Decimal
    stopped: bool
    checkpoint: str | None = None


class CircuitOpenError(PolicyViolationError):
    """A circuit breaker keeps calls away from a component that fails, dawdles or costs too much.

    Attributes:
        component: what is kept from being called, such as ``provider:openai``.
        reason: why it opened, such as ``error_rate`` or ``by_hand``.
        retry_after: when to ask again, in seconds; ``None`` until a person closes it.
    """

    component: str
    reason: str
    retry_after: float | None


class InfiniteLoopDetectedError(PolicyViolationError):
    """An agent goes in circles: what it does brings nothing new, and would not end by itself.

    Attributes:
        scope: what is stopped, such as ``run:3f2a/agent:writer``.
        kind: ``identical``, ``cycle``, ``near_duplicate``, ``no_progress``, ``ping_pong``,
            ``context_growth``, ``repeated_chunks`` or ``iteration_cap``.
        count: how often: rounds, answers, hand-offs or turns.
        period: how many steps a round has.
        cycle: a round, step by step, such as ``("search(31 chars)", "open(12 chars)")``: tools
            and the size of their arguments, or agents.
    """

    scope: str
    kind: str
    count: int
    period: int
    cycle: tuple[str, ...]


class UnpricedModelError(PolicyViolationError):
    """The price of this model is unknown, and ``prices.unknown_model`` is ``refuse``."""

    provider: str
    model: str


class UnrecognisedCallError(PolicyViolationError):
    """It looks like a call to a model in an API that wflo does not know.

    Raised where ``unrecognised`` is ``refuse``.

    Attributes:
        address: the host and the path it was for, such as ``llm.example/v3/generate``.
    """

    address: str


class StateUnavailableError(PolicyViolationError):
    """The state store cannot answer, and ``on_state_error`` is ``refuse``."""


def declared_class(cls: type[PolicyViolationError]) -> type[PolicyViolationError]:
    """Return the class as declared here, without the bases a seam added."""
    return next(
        base
        for base in cls.__mro__
        if issubclass(base, PolicyViolationError) and _is_declared(base)
    )


def _is_declared(cls: type) -> bool:
    here: object = globals().get(cls.__name__)
    return here is cls


def _rebuild(
    cls: type[PolicyViolationError], message: str, facts: dict[str, Any]
) -> PolicyViolationError:
    return cls(message, **facts)
