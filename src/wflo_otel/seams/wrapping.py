"""Somebody else's object with its own methods, where each execution is the work of a run.

The rule: the object is not changed, and what runs it runs inside a run; everything else of it is
reached as ever. What the frameworks' objects are is a table here; no framework is imported.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any, Generic, Protocol, TypeVar, cast

from wflo_otel.core.call import Operation
from wflo_otel.core.checkpoint import Checkpoint
from wflo_otel.errors import ConfigError
from wflo_otel.seams.breakdown import AgentCost
from wflo_otel.seams.functions import Invocation, Run, in_flow, name_of, rewrap
from wflo_otel.seams.in_run import InRun
from wflo_otel.seams.kinds import Kind, kind_of
from wflo_otel.seams.work import Work, ignore

T = TypeVar("T")


class Executed(Protocol):
    """The run of an execution, as its workflow shows it."""

    @property
    def run_id(self) -> str: ...

    @property
    def cost_usd(self) -> Decimal: ...

    def get_cost_breakdown_by_agent(self) -> dict[str, AgentCost]: ...

    def checkpoints(self) -> list[Checkpoint]: ...


#: Begins an execution of what goes by this name: the run that shows it, and what is done around.
Begin = Callable[[str], tuple[Executed, Run]]


@dataclass(frozen=True, slots=True)
class Form:
    """A kind of object that can be wrapped."""

    called: str
    #: Its class or a base of it, by module and name.
    base: str
    #: The methods that run it.
    entries: Mapping[str, Kind]
    execute: str
    execute_sync: str
    #: What it is run with where nothing is given.
    default: tuple[object, ...] = ()
    #: Options with which a method returns what is run later, out of sight.
    unseen: Mapping[str, object] = field(default_factory=dict)


_RUNNABLE = Form(
    called="a compiled LangGraph graph or another LangChain runnable",
    base="langchain_core.runnables.base.Runnable",
    entries={
        "invoke": Kind.PLAIN,
        "ainvoke": Kind.COROUTINE,
        "batch": Kind.PLAIN,
        "abatch": Kind.COROUTINE,
        "batch_as_completed": Kind.GENERATOR,
        "abatch_as_completed": Kind.ASYNC_GENERATOR,
        "stream": Kind.GENERATOR,
        "astream": Kind.ASYNC_GENERATOR,
        "transform": Kind.GENERATOR,
        "atransform": Kind.ASYNC_GENERATOR,
        "stream_events": Kind.GENERATOR,
        "astream_events": Kind.ASYNC_GENERATOR,
        "astream_log": Kind.ASYNC_GENERATOR,
    },
    execute="ainvoke",
    execute_sync="invoke",
    default=({},),
    unseen={"version": "v3"},
)
FORMS = (_RUNNABLE,)


class Wrapped(ABC, Generic[T]):
    """An object with all its attributes and methods, where each execution is work of a run.

    What is read of a run here is of the execution that began last.
    """

    __slots__ = ("_begin", "_last", "inner")

    def __init__(self, inner: T, begin: Begin) -> None:
        #: The object itself.
        self.inner = inner
        self._begin = begin
        self._last: Executed | None = None

    @property
    def run_id(self) -> str | None:
        """The run of the last execution, ``None`` before the first."""
        return None if self._last is None else self._last.run_id

    @property
    def cost_usd(self) -> Decimal:
        """What the run of the last execution has cost so far, in US dollars."""
        return Decimal(0) if self._last is None else self._last.cost_usd

    def get_cost_breakdown_by_agent(self) -> dict[str, AgentCost]:
        """Say what each agent in that run cost and did; the costs sum to the run's."""
        return {} if self._last is None else self._last.get_cost_breakdown_by_agent()

    def checkpoints(self) -> list[Checkpoint]:
        """List the checkpoints of that run, oldest first."""
        return [] if self._last is None else self._last.checkpoints()

    @abstractmethod
    async def execute(self, *args: Any, **kwargs: Any) -> Any:
        """Run the object with what it takes, and return its result."""

    @abstractmethod
    def execute_sync(self, *args: Any, **kwargs: Any) -> Any:
        """Run the object from code that is not async, as :meth:`execute` does."""

    def __getattr__(self, name: str) -> Any:
        if name in {"inner", "_begin", "_last", "_form"}:  # while it is being made, or copied
            raise AttributeError(name)
        return getattr(self.inner, name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *dir(self.inner)})

    def __repr__(self) -> str:
        return f"Wrapped({self.inner!r})"

    def _entry(self, method: Callable[..., Any], kind: Kind) -> Callable[..., Any]:
        return rewrap(method, lambda each: in_flow(each, self._run, kind))

    def _run(self, _: Invocation) -> Run:
        name = getattr(self.inner, "name", None)
        self._last, run = self._begin(name if isinstance(name, str) else name_of(self.inner))
        return run


class WrappedObject(Wrapped[T]):
    """An object of a framework, run by its methods."""

    __slots__ = ("_form",)

    def __init__(self, inner: T, begin: Begin, form: Form) -> None:
        super().__init__(inner, begin)
        self._form = form

    async def execute(self, *args: Any, **kwargs: Any) -> Any:
        """Run the object with what it takes (by default nothing), and return its result."""
        method = getattr(self, self._form.execute)
        return await method(*(args or self._form.default), **kwargs)

    def execute_sync(self, *args: Any, **kwargs: Any) -> Any:
        """Run the object from code that is not async, as :meth:`execute` does."""
        method = getattr(self, self._form.execute_sync)
        return method(*(args or self._form.default), **kwargs)

    def __getattr__(self, name: str) -> Any:
        found = super().__getattr__(name)
        kind = self._form.entries.get(name)
        return found if kind is None else self._entry(found, kind)

    def _run(self, invocation: Invocation) -> Run:
        for option, value in self._form.unseen.items():
            if invocation.kwargs.get(option) == value:
                raise ConfigError(
                    f"wrap: {name_of(invocation.fn)}({option}={value!r}) returns what is run out "
                    "of sight; take another version, or a `with WfloWorkflow()` block around it"
                )
        return super()._run(invocation)


class WrappedFunction(Wrapped[T]):
    """A function, run by calling it."""

    __slots__ = ()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function: what comes back is what it returns, of the same kind."""
        fn = cast("Callable[..., Any]", self.inner)
        return self._entry(fn, kind_of(fn))(*args, **kwargs)

    async def execute(self, *args: Any, **kwargs: Any) -> Any:
        """Run the function and return its result; of a generator, the list of what it yields.

        A function that is not async runs in a thread, so that the event loop goes on.
        """
        from asyncio import to_thread

        kind = kind_of(self.inner)
        if kind in {Kind.PLAIN, Kind.GENERATOR}:
            return await to_thread(self.execute_sync, *args, **kwargs)
        result = self(*args, **kwargs)
        return await (_listed(result) if kind is Kind.ASYNC_GENERATOR else result)

    def execute_sync(self, *args: Any, **kwargs: Any) -> Any:
        """Run the function from code that is not async, as :meth:`execute` does."""
        from asyncio import run

        result = self(*args, **kwargs)
        match kind_of(self.inner):
            case Kind.ASYNC_GENERATOR:
                return run(_listed(result))
            case Kind.GENERATOR:
                return list(result)
            case _:
                return run(result) if inspect.iscoroutine(result) else result


async def _listed(stream: AsyncIterator[Any]) -> list[Any]:
    return [each async for each in stream]


def wrapped(target: T, begin: Begin) -> Wrapped[T]:
    """Wrap an object whose executions begin like this.

    Raises:
        ConfigError: it is none that can be wrapped.
    """
    bases = {f"{each.__module__}.{each.__qualname__}" for each in type(target).__mro__}
    for form in FORMS:
        if form.base in bases:
            return WrappedObject(target, begin, form)
    if inspect.isroutine(target) or isinstance(target, partial):
        return WrappedFunction(target, begin)
    known = ", ".join(form.called for form in FORMS)
    raise ConfigError(
        f"wrap: a {type(target).__name__} cannot be wrapped; {known} can, or a function"
    )


class Wraps(InRun):
    """Whoever has a run runs others' objects in it."""

    def wrap(self, target: T) -> Wrapped[T]:
        """Return an object with all its methods, where each execution is work of this run.

        Args:
            target: a compiled LangGraph graph, another LangChain runnable, or a function.

        Raises:
            ConfigError: it is none of these.
        """
        shown = cast("Executed", self)
        return wrapped(target, lambda name: (shown, self._execution(name)))

    def _execution(self, name: str) -> Run:
        active, frame = self._open(), self._frame()
        span = active.telemetry.workflow_span(name, frame.caller)
        work = Work.begin(active, frame, span, Operation.INVOKE_WORKFLOW)
        return Run(active.engine, work.place, ignore, work.end)
