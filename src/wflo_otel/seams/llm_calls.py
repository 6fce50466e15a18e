"""What happens around a function that calls a model.

The rule: one call is charged once. The permit is offered to what the function calls; a seam
that sees the wire takes it over and settles it. Where none does, the call is settled here, by
the usage that its result or its function tells, else by an estimate, which is marked.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager, suppress
from contextvars import ContextVar, Token
from dataclasses import dataclass, field, replace

from wflo_otel.context import Place, inner_frame
from wflo_otel.core.call import Answer, Ask, Call, Operation, Outcome, Status
from wflo_otel.engine import Permit, Refusal
from wflo_otel.errors import ConfigError, PolicyViolationError
from wflo_otel.seams.active import Active
from wflo_otel.seams.answers import answer_of, merged, text_chars, usage_of
from wflo_otel.seams.functions import Admit, Flow, Invocation, Run, is_generator, name_of
from wflo_otel.seams.http.span import CallSpan, span_for
from wflo_otel.seams.open_call import offering, outer_permit
from wflo_otel.seams.outcomes import Raised, Returned, error_type_of, status_of
from wflo_otel.seams.prompts import prompt_of
from wflo_otel.seams.refusal import dress
from wflo_otel.seams.work import frame_of_caller
from wflo_otel.telemetry.bound import BoundSpan
from wflo_otel.wire.dialects import provider_of_model

#: More than any output cap: a call that must have all it asks for.
_ALL = 10**9


@dataclass(slots=True)
class Habit:
    """Whether a function's calls are seen on the wire; ``None`` before the first has ended.

    Where they are not, nobody can write a smaller output cap into the request, so such a call
    is refused where it would need one. The first call of a function is given the benefit.
    """

    is_seen_on_the_wire: bool | None = None

    def note(self, permit: Permit) -> None:
        """Learn from a call that has ended."""
        self.is_seen_on_the_wire = self.is_seen_on_the_wire or permit.adopted

    def cannot_cap(self, permit: Permit) -> bool:
        """Whether the permit asks for a smaller cap that nobody can write."""
        return self.is_seen_on_the_wire is False and permit.cap_to_write is not None


@dataclass(frozen=True, slots=True)
class ModelCall:
    """How a decorated function calls its model; ``None`` is: found out.

    ``usage`` is given the function's result, ``prompt`` its arguments.
    """

    model: str | None = None
    provider: str | None = None
    usage: Callable[..., object] | None = None
    prompt: Callable[..., object] | None = None
    habit: Habit = field(default_factory=Habit, compare=False)


@dataclass(eq=False, slots=True)
class Told:
    """What a call in progress has said about itself so far: its chunks, ``record_usage``."""

    answer: Answer = field(default_factory=Answer)
    cut: bool = False


_told: ContextVar[Told | None] = ContextVar("wflo-told", default=None)


def tell(answer: Answer) -> None:
    """Say what the innermost call in progress has used; the last word counts.

    Raises:
        ConfigError: no decorated call is in progress here.
    """
    told = _told.get()
    if told is None:
        raise ConfigError("record_usage() is for the inside of a function under @track_llm_call")
    told.answer = replace(
        told.answer,
        usage=answer.usage,
        model=answer.model or told.answer.model,
        response_id=answer.response_id or told.answer.response_id,
        provider_cost=answer.provider_cost,
    )


def llm_flow(active: Callable[[], Active], options: ModelCall, invocation: Invocation) -> Flow:
    """What happens around a function that calls a model."""
    now, frame = active(), frame_of_caller()
    if frame.caller.step is None:
        frame = inner_frame(frame, step=name_of(invocation.fn))
    call = now.call(_ask(options, invocation), frame.caller)
    adopting = outer_permit()
    if adopting is not None:
        call = replace(call, call_id=adopting.call.call_id)
    shown = span_for(now, call)
    bound = now.telemetry.share(call, shown.span)
    try:
        permit = yield from _admitted(now, options, call, adopting)
    except BaseException:  # refused, or nobody waits for the answer any more
        bound.end()
        shown.release()
        raise
    shown.identify(permit)
    flight = _Flight(now, options, permit, shown, bound)
    inside = _Inside(Place(frame, shown.span), permit, flight.told)
    return Run(now.engine, inside, flight.seen, flight.land)


def _admitted(
    now: Active, options: ModelCall, call: Call, adopting: Permit | None
) -> Generator[Admit, Permit | Refusal, Permit]:
    answer = yield Admit(now.engine, call, adopting)
    if isinstance(answer, Permit) and options.habit.cannot_cap(answer):
        answer = yield Admit(now.engine, replace(call, least_cap=_ALL), answer)
    if isinstance(answer, Refusal):
        raise dress(answer.error())
    return answer


def _ask(options: ModelCall, invocation: Invocation) -> Ask:
    found = prompt_of(_prompts(options, invocation))
    model = options.model
    return Ask(
        Operation.CHAT,
        options.provider or provider_of_model(model) or "",
        model,
        streaming=is_generator(invocation.fn),
        messages=found.messages or 1,
        text_chars=found.chars,
        texts=tuple(found.texts),
    )


def _prompts(options: ModelCall, invocation: Invocation) -> Iterable[object]:
    if options.prompt is not None:
        return (options.prompt(*invocation.args, **invocation.kwargs),)
    return (*invocation.args, *invocation.kwargs.values())


class _Inside(AbstractContextManager[None]):
    """Where the function works: its place, its offered permit, and where it can tell usage."""

    def __init__(self, place: Place, permit: Permit, told: Told) -> None:
        self._place, self._permit, self._told = place, permit, told
        self._offer: AbstractContextManager[None] | None = None
        self._token: Token[Told | None] | None = None

    def __enter__(self) -> None:
        self._place.__enter__()
        self._token = _told.set(self._told)
        self._offer = None if self._permit.adopted else offering(self._permit)
        if self._offer is not None:
            self._offer.__enter__()

    def __exit__(self, *raised: object) -> None:
        if self._offer is not None:
            self._offer.__exit__(None, None, None)
        if self._token is not None:
            with suppress(ValueError):  # closed from another context, by a finalizer
                _told.reset(self._token)
        self._place.__exit__()


class _Flight:
    """A model call that was admitted, until it is settled."""

    def __init__(
        self,
        now: Active,
        options: ModelCall,
        permit: Permit,
        shown: CallSpan,
        bound: BoundSpan,
    ) -> None:
        self._now, self._options, self._permit = now, options, permit
        self._shown, self._bound = shown, bound
        self.told = Told()

    def seen(self, chunk: object) -> None:
        """Count a chunk; cut the stream when its reservation is spent and cannot grow."""
        so_far = self.told.answer
        self.told.answer = replace(
            so_far,
            usage=merged(so_far.usage, usage_of(chunk)),
            output_chars=so_far.output_chars + text_chars(chunk),
            output_chunks=so_far.output_chunks + 1,
        )
        if self._permit.adopted or self._now.engine.may_go_on(self._permit, self.told.answer):
            return
        self.told.cut = True
        raise dress(self._now.engine.cut(self._permit).error(sent=True))

    def land(self, outcome: Returned | Raised) -> None:
        """Settle the call, unless a seam inside has taken it over, and let go of its span."""
        self._options.habit.note(self._permit)
        try:
            self._close(outcome)
        finally:
            self._bound.end()
            self._shown.release()

    def _close(self, outcome: Returned | Raised) -> None:
        if self._permit.adopted:
            self._fail(outcome)
        elif isinstance(outcome, Raised) and self._never_ran(outcome):
            self._give_back(outcome)
        else:
            self._charge(outcome)

    def _charge(self, outcome: Returned | Raised) -> None:
        answer = self.told.answer
        try:
            if isinstance(outcome, Returned):
                answer = self._answered(outcome.value)
        finally:
            ended = Outcome(self._status(outcome), answer, error_type=error_type_of(outcome))
            record = self._now.engine.settle(self._permit, ended)
            if record is not None:
                self._shown.charged(record, answer, self._permit.price.catalogue)

    def _answered(self, result: object) -> Answer:
        """What the result says, and over it what the function has told by itself."""
        told, read = self.told.answer, answer_of(result)
        if self._options.usage is not None:
            read = replace(read, usage=usage_of(self._options.usage(result)))
        return replace(
            told,
            usage=told.usage or read.usage,
            model=told.model or read.model,
            response_id=told.response_id or read.response_id,
            output_chars=told.output_chars + read.output_chars,
            output_chunks=told.output_chunks + read.output_chunks,
            complete=True,
        )

    def _status(self, outcome: Returned | Raised) -> Status:
        return Status.CUT if self.told.cut else status_of(outcome)

    def _never_ran(self, outcome: Raised) -> bool:
        """An error of which nothing was seen before: it may never have reached the provider."""
        answer = self.told.answer
        nothing_seen = answer.usage is None and not answer.output_chunks
        return nothing_seen and status_of(outcome) is Status.ERROR

    def _give_back(self, outcome: Raised) -> None:
        """Charge nothing, and keep a line of the failure; refusals inside have their own."""
        failed = Outcome(Status.ERROR, error_type=error_type_of(outcome))
        is_ours = isinstance(outcome.error, PolicyViolationError)
        self._now.engine.void(self._permit, None if is_ours else failed)
        self._fail(outcome)
        if not is_ours:
            self._now.engine.keep_failure(self._permit, failed)

    def _fail(self, outcome: Returned | Raised) -> None:
        """Say on the span that the function failed; what it cost is told elsewhere."""
        if (kind := error_type_of(outcome)) is not None:
            self._shown.failed(kind)
