"""Who is calling, carried along with the work.

The caller travels twice: in the OpenTelemetry context, which instrumentations carry into
threads and executors, and in a plain context variable, which survives a library that replaces
the OpenTelemetry context. The first that belongs to an open run wins; a run that was closed
is ignored, so that a long-lived worker does not bill its first run for ever.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace

from opentelemetry import context as otel_context
from opentelemetry.trace import Span, SpanContext, get_current_span, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from wflo_otel.core.policy import Breaker, Budget, Loops
from wflo_otel.core.scope import Caller, agent_key, run_key
from wflo_otel.core.value import value

#: W3C trace context, the one format that OpenTelemetry defines for environment variables.
_TRACE_CONTEXT = TraceContextTextMapPropagator()

_OTEL_KEY = otel_context.create_key("wflo-caller")
#: So many open spans are remembered.
_SPANS = 8192
_frame: ContextVar[Frame | None] = ContextVar("wflo-caller", default=None)


@dataclass(eq=False, slots=True, weakref_slot=True)
class ActiveRun:
    """A run that is open in this process, and the budgets its code gives."""

    run_id: str
    name: str = ""
    base: Caller = field(default_factory=lambda: Caller(""))
    agent_budgets: Mapping[str, Budget] = field(default_factory=dict)
    #: An agent named after the program; the first real agent takes its place.
    implicit_agent: str | None = None
    is_open: bool = True
    #: Of one request (a trace) that this process serves, not of the process or a workflow.
    is_request: bool = False
    #: Called whenever a call without context falls to this run: it may not have begun yet.
    on_use: Callable[[], None] | None = None
    #: The checkpoint that was saved last, as this process knows: the next one's parent.
    last_checkpoint: str | None = None


@value
class Frame:
    """A caller, the run it belongs to, and the frame around it."""

    caller: Caller
    run: ActiveRun
    outer: Frame | None = None


class ActiveRuns:
    """The runs that are open in this process, for calls that carry no context."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._workflows: list[ActiveRun] = []
        self._declared: weakref.WeakSet[ActiveRun] = weakref.WeakSet()
        self._process: ActiveRun | None = None
        #: The run of the request that is served here, where each has one of its own.
        self.of_request: Callable[[], ActiveRun | None] = _of_no_request
        #: The trace that the environment named: the process's, not a request's.
        self.continued_trace: int | None = None

    @property
    def process(self) -> ActiveRun | None:
        """The process's own run."""
        return self._process

    @property
    def open_runs(self) -> list[ActiveRun]:
        """Every run that is open in this process."""
        process = [] if self._process is None else [self._process]
        return process + list(self._workflows)

    def join(self, run: ActiveRun) -> None:
        """Make this the run of every call that belongs to no other."""
        self._process = run

    def add(self, run: ActiveRun) -> None:
        """Open a run."""
        with self._lock:
            self._workflows.append(run)

    def declare(self, run: ActiveRun) -> None:
        """Name a run that opens on first use; it is forgotten with whoever holds it."""
        self._declared.add(run)

    def withdraw(self, run: ActiveRun) -> None:
        """Forget a run that was declared."""
        self._declared.discard(run)

    def remove(self, run: ActiveRun) -> None:
        """Close a run; whoever still carries it calls for the run around it from now on."""
        run.is_open = False
        with self._lock:
            if run in self._workflows:
                self._workflows.remove(run)

    def without_context(self) -> ActiveRun | None:
        """The only open workflow, else the only declared one, else the process's own run.

        A request that has a run of its own is no part of a workflow that another has opened.
        """
        request = self.of_request()
        if request is not None:
            declared = self._known()
            return declared[0] if len(declared) == 1 else request
        workflows = self._workflows
        if not workflows and self._declared:
            workflows = self._known()
        return workflows[0] if len(workflows) == 1 else self._process

    def _known(self) -> list[ActiveRun]:
        """The runs that are declared."""
        while True:
            try:
                return list(self._declared)
            except RuntimeError:  # another thread has declared one meanwhile
                continue

    def last_checkpoint(self, caller: Caller) -> str | None:
        """The last checkpoint of the caller's run, else of the nearest run around it."""
        run = self.last_saved(caller)
        return None if run is None else run.last_checkpoint

    def last_saved(self, caller: Caller) -> ActiveRun | None:
        """The caller's run, else the nearest run around it, that has a checkpoint."""
        here = (self._process, self.of_request(), *self._workflows, *self._known())
        saved = {run.run_id: run for run in here if run is not None and run.last_checkpoint}
        around = (caller.run_id, *reversed(caller.parent_runs))
        return next((saved[each] for each in around if each in saved), None)

    def clear(self) -> None:
        """Forget every run."""
        self._process = None
        self._workflows = []
        self.of_request = _of_no_request


def _of_no_request() -> ActiveRun | None:
    return None


runs = ActiveRuns()


class SpanFrames:
    """Who works inside the spans that other instrumentations start. Bounded; safe from any thread.

    A span inherits the frame of its parent. What a frame of ours says more since then holds.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], tuple[Frame, Frame]] = {}

    def enter(self, span: SpanContext, around: Frame, inside: Frame) -> None:
        """Inside this span works another one than around it."""
        while len(self._known) >= _SPANS:
            self._known.pop(next(iter(self._known), (0, 0)), None)
        self._known[span.trace_id, span.span_id] = (around, inside)

    def inherit(self, parent: SpanContext | None, span: SpanContext) -> None:
        """Inside this span works whoever works inside its parent."""
        if not self._known or parent is None:
            return
        known = self._known.get((parent.trace_id, parent.span_id))
        if known is not None:
            self.enter(span, *known)

    def leave(self, span: SpanContext) -> None:
        """This span has ended."""
        self._known.pop((span.trace_id, span.span_id), None)

    def inside(self, span: SpanContext | None, frame: Frame) -> Frame:
        """The frame inside a span, where ``frame`` is what the context carries there."""
        known = None if span is None else self._known.get((span.trace_id, span.span_id))
        if known is None:
            return frame
        around, inside = known
        is_same = around.caller == frame.caller and inside.run.is_open
        return inside if is_same else frame

    def __bool__(self) -> bool:
        return bool(self._known)


span_frames = SpanFrames()


def current_frame() -> Frame | None:
    """Who is calling here: inside another instrumentation's span, else as the context says."""
    frame = context_frame()
    if frame is None or not span_frames:
        return frame
    return span_frames.inside(get_current_span().get_span_context(), frame)


def context_frame() -> Frame | None:
    """The innermost frame of an open run, or the one of the run without context."""
    frame = carried_frame()
    if frame is not None:
        return frame
    run = runs.without_context()
    if run is None:
        return None
    if run.on_use is not None:
        run.on_use()
    return Frame(run.base, run)


def carried_frame() -> Frame | None:
    """The innermost frame of an open run that came along with the work."""
    for carried in (otel_context.get_value(_OTEL_KEY), _frame.get()):
        if isinstance(carried, Frame) and (frame := _open_frame(carried)) is not None:
            return frame
    return None


def process_frame() -> Frame | None:
    """The frame of the process's own run."""
    run = runs.process
    return None if run is None else Frame(run.base, run)


def surrounding_frame() -> Frame | None:
    """The frame of the request's run, where it has one, else of the process's own."""
    run = runs.of_request() or runs.process
    return None if run is None else Frame(run.base, run)


def _open_frame(frame: Frame | None) -> Frame | None:
    while frame is not None and not frame.run.is_open:
        frame = frame.outer
    return frame


def current_caller() -> Caller | None:
    """Who is calling, ``None`` before any run was opened."""
    frame = current_frame()
    return None if frame is None else frame.caller


def run_frame(run: ActiveRun, budget: Budget | None, outer: Frame | None) -> Frame:
    """Make the frame of a run; inside another run it is a child, charged to both."""
    around = outer.caller if outer is not None else Caller("")
    parents = (*around.parent_runs, around.run_id) if around.run_id else ()
    limits = around.limits + (((run_key(run.run_id), budget),) if budget else ())
    base = replace(
        around,
        run_id=run.run_id,
        parent_runs=parents,
        workflow=run.name or around.workflow,
        limits=limits,
    )
    run.base = base
    return Frame(base, run, outer)


def agent_frame(frame: Frame, name: str, budget: Budget | None = None) -> Frame:
    """Make the frame of an agent inside another frame; it inherits what is left there."""
    key = agent_key(frame.caller.run_id, name)
    given = (budget, frame.run.agent_budgets.get(name, frame.run.agent_budgets.get("*")))
    limits = tuple((key, each) for each in given if each is not None)
    agents = frame.caller.agents
    if agents == (frame.run.implicit_agent,):
        agents = ()
    if not agents or agents[-1] != name:
        agents = (*agents, name)
    caller = replace(frame.caller, agents=agents, limits=frame.caller.limits + limits)
    return Frame(caller, frame.run, frame)


def guarded_frame(frame: Frame, key: str, options: Breaker) -> Frame:
    """Make the frame of a function under a circuit breaker: what is called inside counts there."""
    breakers = (*frame.caller.breakers, (key, options))
    return Frame(replace(frame.caller, breakers=breakers), frame.run, frame)


def watched_frame(frame: Frame, key: str, options: Loops) -> Frame:
    """Make the frame of a function whose turns are watched, by a key of this invocation."""
    loops = (*frame.caller.loops, (key, options))
    return Frame(replace(frame.caller, loops=loops), frame.run, frame)


def inner_frame(
    frame: Frame,
    *,
    tool: str | None = None,
    step: str | None = None,
    tenant: str | None = None,
    user: str | None = None,
) -> Frame:
    """Make a frame that says more about who is calling."""
    caller = frame.caller
    more = replace(
        caller,
        tool=tool or caller.tool,
        step=step or caller.step,
        tenant=tenant or caller.tenant,
        user=user or caller.user,
    )
    return Frame(more, frame.run, frame)


@contextmanager
def entered(frame: Frame) -> Iterator[Frame]:
    """Be this caller inside the block."""
    with Place(frame):
        yield frame


class Place:
    """Where a piece of work is: its caller and its span, current in a ``with`` block.

    It can be left and entered again, by a generator around each of its steps; what the work
    had made current in between (an inner span across a ``yield``) is then current again.
    """

    __slots__ = ("_context", "_frame", "_tokens")

    def __init__(self, frame: Frame, span: Span | None = None) -> None:
        around = None if span is None else set_span_in_context(span)
        self._context = otel_context.set_value(_OTEL_KEY, frame, around)
        self._frame: Frame | None = frame

    def __enter__(self) -> None:
        self._tokens = (otel_context.attach(self._context), _frame.set(self._frame))

    def __exit__(self, *raised: object) -> None:
        token, own = self._tokens
        context, frame = otel_context.get_current(), _frame.get()
        try:
            _frame.reset(own)
        except ValueError:  # closed from another context, by a finalizer: it holds nothing of ours
            return
        self._context, self._frame = context, frame
        otel_context.detach(token)


def trace_environ(span: Span) -> dict[str, str]:
    """What a child process needs in its environment to continue a span's trace."""
    carrier: dict[str, str] = {}
    _TRACE_CONTEXT.inject(carrier, set_span_in_context(span))
    return {name.upper(): value for name, value in carrier.items()}


def continue_trace(environ: Mapping[str, str]) -> None:
    """Continue, from here to the end of the process, the trace that the environment names."""
    if environ.get("TRACEPARENT"):
        continued = _extracted(environ)
        runs.continued_trace = get_current_span(continued).get_span_context().trace_id
        otel_context.attach(continued)


@contextmanager
def carried_trace(environ: Mapping[str, str]) -> Iterator[None]:
    """Continue the trace that the environment names inside the block."""
    token = otel_context.attach(_extracted(environ))
    try:
        yield
    finally:
        otel_context.detach(token)


def _extracted(environ: Mapping[str, str]) -> otel_context.Context:
    names = ("traceparent", "tracestate")
    carrier = {name: environ.get(name.upper(), "") for name in names}
    found: otel_context.Context = _TRACE_CONTEXT.extract(carrier)
    return found
