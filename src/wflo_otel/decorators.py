"""Decorators for functions, coroutine functions, generators and async generators.

Each keeps the kind, the signature and the type of what it decorates, may be written bare or
with options, and works without any set-up: nothing is refused then, calls are only counted.

    >>> import wflo_otel as wflo
    >>> @wflo.track_llm_call(model="gpt-4")
    ... async def ask(messages): ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from typing import ParamSpec, TypedDict, TypeVar, Unpack, overload

from wflo_otel.bootstrap import ensure_configured
from wflo_otel.config.keywords import options_of
from wflo_otel.config.options import BREAKER, LOOPS
from wflo_otel.context import entered, inner_frame
from wflo_otel.core.call import Answer
from wflo_otel.core.policy import Breaker, Loops
from wflo_otel.core.usage import Usage
from wflo_otel.errors import ConfigError
from wflo_otel.seams.amounts import budget_of, nano_usd_of
from wflo_otel.seams.breaking import Guarded, breaker_flow
from wflo_otel.seams.functions import name_of, wrap
from wflo_otel.seams.kinds import kind_of
from wflo_otel.seams.llm_calls import ModelCall, llm_flow, tell
from wflo_otel.seams.looping import Watched, loop_flow
from wflo_otel.seams.saving import Saved, checkpoint_flow, save
from wflo_otel.seams.work import agent_flow, frame_of_caller, recorded_tool_flow, tool_flow

__all__ = [
    "checkpoint",
    "circuit_breaker",
    "detect_infinite_loop",
    "record_usage",
    "scope",
    "track_agent_cost",
    "track_llm_call",
    "track_tool_call",
]

P = ParamSpec("P")
R = TypeVar("R")

#: What goes into the request is the policy's to say.
_LOOPS = [option for option in LOOPS if option.key != "hint"]


@overload
def track_llm_call(fn: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def track_llm_call(
    *,
    model: str | None = None,
    provider: str | None = None,
    usage: Callable[..., object] | None = None,
    prompt: Callable[..., object] | None = None,
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def track_llm_call(
    fn: Callable[P, R] | None = None,
    /,
    *,
    model: str | None = None,
    provider: str | None = None,
    usage: Callable[..., object] | None = None,
    prompt: Callable[..., object] | None = None,
) -> Callable[P, R] | Callable[[Callable[P, R]], Callable[P, R]]:
    """Guard a function that calls a model: one call, with its tokens, cost and duration.

    Where the call goes out through a guarded HTTP client, that is where it is measured. Where
    it does not, usage comes from what is returned (responses of OpenAI, Anthropic, LangChain
    and Google are understood), from ``usage=``, or from :func:`record_usage`; else it is
    estimated from the lengths of prompt and answer, and marked as an estimate.

    Args:
        model: what is asked; may be left out where the response, or the request, names it.
        provider: who answers, such as ``openai``; by default found by the model's name.
        usage: takes the function's result; returns a response, a usage object or a mapping.
        prompt: takes the function's arguments; returns the text, or the messages. By default
            arguments that are text or messages are taken.

    Raises:
        BudgetExceededError: when called: a budget leaves no room. The function did not run.
        UnpricedModelError: when called: nobody knows the model's price, and the policy
            refuses that.
    """
    flow = partial(llm_flow, ensure_configured, ModelCall(model, provider, usage, prompt))
    return _decorated(fn, lambda each: wrap(each, flow))


@overload
def track_tool_call(fn: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def track_tool_call(
    *, tool_name: str | None = None, replay: bool = True
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def track_tool_call(
    fn: Callable[P, R] | None = None, /, *, tool_name: str | None = None, replay: bool = True
) -> Callable[P, R] | Callable[[Callable[P, R]], Callable[P, R]]:
    """Count a tool's calls, their duration and their failures; model calls inside are its own.

    Args:
        tool_name: by default the function's name.
        replay: whether a run that goes back, or is taken up again, may meet what the tool has
            answered before, where the policy keeps results; False: it works each time.

    Raises:
        BudgetExceededError: when called: the run was stopped. The tool did not run.
    """

    flow = recorded_tool_flow if replay else tool_flow

    def decorate(each: Callable[P, R]) -> Callable[P, R]:
        name = tool_name or name_of(each)
        return wrap(each, partial(flow, ensure_configured, name))

    return _decorated(fn, decorate)


@overload
def track_agent_cost(fn: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def track_agent_cost(
    *, agent_name: str | None = None, budget_usd: Decimal | float | str | None = None
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def track_agent_cost(
    fn: Callable[P, R] | None = None,
    /,
    *,
    agent_name: str | None = None,
    budget_usd: Decimal | float | str | None = None,
) -> Callable[P, R] | Callable[[Callable[P, R]], Callable[P, R]]:
    """Say that a function is an agent: what is called inside it is the agent's to pay.

    Args:
        agent_name: by default the function's name.
        budget_usd: US dollars for this agent in each run; the tightest of several holds.

    Raises:
        ConfigError: ``budget_usd`` is no amount in US dollars.
    """
    budget = budget_of(usd=budget_usd)

    def decorate(each: Callable[P, R]) -> Callable[P, R]:
        name = agent_name or name_of(each)
        return wrap(each, partial(agent_flow, ensure_configured, name, budget))

    return _decorated(fn, decorate)


@overload
def checkpoint(fn: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def checkpoint(
    *, checkpoint_name: str | None = None
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
@overload
def checkpoint(name: str, state: object, /) -> Saved: ...
def checkpoint(
    fn: Callable[P, R] | str | None = None,
    state: object = None,
    /,
    *,
    checkpoint_name: str | None = None,
) -> Callable[P, R] | Callable[[Callable[P, R]], Callable[P, R]] | Saved:
    """Save the state that a function returns; or, called with a name and a state, save that.

    As a decorator it saves what the function returned, or its first argument where it returns
    ``None`` (of a generator, the value it yielded last), under the function's name. A state
    that cannot be saved there is logged, and the function's result is returned all the same.

    Args:
        checkpoint_name: by default the function's name.

    Raises:
        CheckpointCodecError: called with a state that cannot be stored as plain data.
        StoreError: called while the store cannot take it.
    """
    if isinstance(fn, str):
        return Saved(save(ensure_configured(), frame_of_caller(), fn, state))
    return _decorated(
        fn,
        lambda each: wrap(
            each, partial(checkpoint_flow, ensure_configured, checkpoint_name or name_of(each))
        ),
    )


def record_usage(
    *,
    input_tokens: int = 0,
    output_tokens: int = 0,
    cache_read_tokens: int = 0,
    cache_write_tokens: int = 0,
    reasoning_tokens: int = 0,
    model: str | None = None,
    cost_usd: Decimal | float | str | None = None,
) -> None:
    """Say what the model call in progress has used; called inside ``@track_llm_call``.

    Args:
        input_tokens: all input, with what was read from or written to a cache.
        output_tokens: all output, with reasoning.
        cache_read_tokens, cache_write_tokens, reasoning_tokens: the parts of those.
        model: the model that answered.
        cost_usd: what the provider itself says the call cost, in US dollars.

    Raises:
        ConfigError: no decorated call is in progress here, or ``cost_usd`` is no amount.
    """
    usage = Usage(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cache_read_tokens=cache_read_tokens,
        cache_write_tokens=cache_write_tokens,
        reasoning_tokens=reasoning_tokens,
    )
    tell(Answer(usage=usage, model=model, provider_cost=nano_usd_of("cost_usd", cost_usd)))


class BreakerOptions(TypedDict, total=False):
    """The options of a circuit breaker: those of a component in the policy, see docs/policy.md."""

    error_threshold: float
    min_calls: int
    consecutive_failures: int
    window_s: float
    cooldown_s: float
    max_cooldown_s: float
    slow_call_s: float
    slow_threshold: float
    token_budget: int
    usd_budget: Decimal | float | str
    half_open_calls: int


def circuit_breaker(
    name: str,
    *,
    fallback: Callable[..., object] | None = None,
    **options: Unpack[BreakerOptions],
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Stop calling a function that fails, dawdles or burns too much, for a while.

    All functions under this name share the circuit, also those of other processes with the same
    state. What model calls inside the function use counts there; once that has opened the
    circuit, further model calls inside are refused too.

    Args:
        name: what the circuit is called; ``wflo breakers list`` shows it as ``function:NAME``.
        fallback: called with the same arguments while it is open; a function of the same kind.
        options: when it opens and closes, :class:`BreakerOptions`: the share of failed calls
            (``error_threshold``, of at least ``min_calls``), ``consecutive_failures``, the share
            of calls slower than ``slow_call_s`` (``slow_threshold``), tokens (``token_budget``)
            and US dollars (``usd_budget``), each within ``window_s``; ``cooldown_s`` and
            ``max_cooldown_s`` until ``half_open_calls`` try it out. Times are in seconds.

    Raises:
        ConfigError: an option is unknown or out of range, or the fallback is of another kind.
        CircuitOpenError: when called: it is open, and there is no fallback.
    """
    if not name.strip() or not name.isprintable():
        raise ConfigError(f"circuit_breaker: {name!r} is no name; write one that can be shown")
    breaker = Breaker(**options_of(BREAKER, "circuit_breaker", options))
    guarded = Guarded(f"function:{name}", breaker, fallback)

    def decorate(fn: Callable[P, R]) -> Callable[P, R]:
        if fallback is not None and kind_of(fn) is not kind_of(fallback):
            raise ConfigError(
                f"circuit_breaker: the fallback {name_of(fallback)} must be of the same kind as "
                f"{name_of(fn)}: async for async, a generator for a generator"
            )
        return wrap(fn, partial(breaker_flow, ensure_configured, guarded))

    return decorate


class LoopOptions(TypedDict, total=False):
    """When a function is stopped: as under ``loops`` in the policy, see docs/policy.md."""

    max_iterations: int
    similarity_threshold: float
    repeats: int
    window: int


@overload
def detect_infinite_loop(fn: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def detect_infinite_loop(
    **options: Unpack[LoopOptions],
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def detect_infinite_loop(
    fn: Callable[P, R] | None = None, /, **options: Unpack[LoopOptions]
) -> Callable[P, R] | Callable[[Callable[P, R]], Callable[P, R]]:
    """Stop an agent that goes in circles inside a function.

    The model turns and the tool calls inside one invocation are watched. An invocation with less
    than two model turns is a step of its run, and counts itself as one iteration there.

    Args:
        options: when it is stopped, :class:`LoopOptions`: after ``max_iterations`` model turns;
            after a round of tool calls has brought the same answers ``repeats`` times, where
            texts of a ``similarity_threshold`` (0 to 1) are the same; ``window`` calls are
            remembered.

    Raises:
        ConfigError: an option is unknown or out of range.
        InfiniteLoopDetectedError: when called, or from a call inside: it goes in circles.
    """
    given = options_of(_LOOPS, "detect_infinite_loop", options)
    loops = Loops(**given)
    return _decorated(
        fn,
        lambda each: wrap(
            each,
            partial(loop_flow, ensure_configured, Watched(f"function:{name_of(each)}", loops)),
        ),
    )


@contextmanager
def scope(
    *, tenant: str | None = None, user: str | None = None, step: str | None = None
) -> Iterator[None]:
    """Say for whom, and in which step, the calls inside the block are made.

    Args:
        tenant: whose budget under ``budgets.tenants`` they are charged to.
        user: ``user.id`` on spans.
        step: the node or task, for the breakdown by step.
    """
    ensure_configured()
    with entered(inner_frame(frame_of_caller(), tenant=tenant, user=user, step=step)):
        yield


def _decorated(
    fn: Callable[P, R] | None, decorate: Callable[[Callable[P, R]], Callable[P, R]]
) -> Callable[P, R] | Callable[[Callable[P, R]], Callable[P, R]]:
    return decorate if fn is None else decorate(fn)
