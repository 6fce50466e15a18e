"""What a user asks for: frozen options, declared once.

The names here are the keys of ``wflo.yaml`` and the keywords of the API; units are in the
name. ``config.py`` reads the file, ``docs/policy.md`` lists each option.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum


class Mode(StrEnum):
    """Whether a refusal is raised, or only recorded."""

    ENFORCE = "enforce"
    SHADOW = "shadow"


class OnExceeded(StrEnum):
    """What happens when settled spend leaves no room."""

    #: Refuse the call and stop the scope: every further call in it is refused.
    STOP = "stop"
    #: Like ``stop``, and the run goes back to its last checkpoint: a branch begins there.
    ROLLBACK = "rollback"
    #: Refuse that call only; a cheaper one may still fit.
    REFUSE = "refuse"


class OnStateError(StrEnum):
    """What happens when the state cannot answer."""

    REFUSE = "refuse"
    ALLOW = "allow"


class Reserve(StrEnum):
    """How much output a call reserves."""

    #: The most it can use: a hard ceiling.
    WORST = "worst"
    #: What calls like it have used (their 99th percentile): more at once, a soft ceiling.
    EXPECTED = "expected"


class Unknown(StrEnum):
    """What happens to a model without a price."""

    REFUSE = "refuse"
    FALLBACK = "fallback"


class Unrecognised(StrEnum):
    """What happens to a request that looks like a call to a model in an API nobody knows."""

    #: It is let through, uncharged; it is counted and warned of.
    ALLOW = "allow"
    REFUSE = "refuse"


class RunPer(StrEnum):
    """What a run is, where the program's code opens none."""

    #: All that a process does.
    PROCESS = "process"
    #: One request or message that a process serves: a trace.
    TRACE = "trace"


class Window(StrEnum):
    """A calendar window after which a budget starts anew."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Backoff(StrEnum):
    """How the delay grows from one attempt to the next."""

    EXPONENTIAL = "exponential"
    LINEAR = "linear"
    CONSTANT = "constant"


@dataclass(frozen=True, slots=True)
class Retry:
    """How often, and how soon, something that failed is tried again."""

    #: All attempts, the first included.
    max_attempts: int = 3
    backoff: Backoff = Backoff.EXPONENTIAL
    initial_delay_ms: float = 100.0
    max_delay_ms: float = 30_000.0
    #: Whether a delay is drawn at random from nothing up to its full length.
    jitter: bool = True
    #: From the first attempt on; ``None``: no deadline.
    deadline_s: float | None = None
    #: Retries as a share of the calls; ``None``: as many as the attempts allow.
    retry_budget: float | None = 0.1


@dataclass(frozen=True, slots=True)
class Budget:
    """A ceiling for one scope. ``usd`` is in nano-USD; ``None`` is no limit in that unit."""

    usd: int | None = None
    tokens: int | None = None
    calls: int | None = None
    #: The share of a limit at which ``wflo.budget.warning`` is written, once.
    warn_at: float = 0.8
    on_exceeded: OnExceeded = OnExceeded.STOP
    #: Whether a call that does not fit even alone may run with a smaller output cap.
    clamp: bool = True
    #: How long a call waits for others to settle, in seconds.
    wait_s: float = 60.0
    reserve: Reserve = Reserve.WORST
    per: Window | None = None
    timezone: str = "UTC"

    def tightened_by(self, other: Budget) -> Budget:
        """Take the other's options, and the smaller limit of each unit."""
        return replace(
            other,
            usd=_smaller(self.usd, other.usd),
            tokens=_smaller(self.tokens, other.tokens),
            calls=_smaller(self.calls, other.calls),
        )


def _smaller(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else min(one, other)


@dataclass(frozen=True, slots=True)
class Budgets:
    """Budgets by scope; ``"*"`` gives each unmatched name a ledger of its own."""

    run: Budget | None = None
    agents: Mapping[str, Budget] = field(default_factory=dict)
    tools: Mapping[str, Budget] = field(default_factory=dict)
    workflows: Mapping[str, Budget] = field(default_factory=dict)
    tenants: Mapping[str, Budget] = field(default_factory=dict)

    def agent(self, name: str | None) -> Budget | None:
        """The budget of this agent in each run."""
        return _named(self.agents, name)

    def tool(self, name: str | None) -> Budget | None:
        """The budget of the model calls inside this tool, in each run."""
        return _named(self.tools, name)

    def workflow(self, name: str | None) -> Budget | None:
        """The budget of all runs of this workflow together."""
        return _named(self.workflows, name)

    def tenant(self, name: str | None) -> Budget | None:
        """The budget of all runs for this tenant together."""
        return _named(self.tenants, name)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is limited."""
        return not any(getattr(self, each.name) for each in fields(self))


def _named(budgets: Mapping[str, Budget], name: str | None) -> Budget | None:
    return None if name is None else budgets.get(name, budgets.get("*"))


@dataclass(frozen=True, slots=True)
class Breaker:
    """When a component is no longer called. ``usd_budget`` is in nano-USD."""

    #: The share of failed calls in the window at which it opens.
    error_threshold: float = 0.5
    #: Below so many calls in the window no share is looked at.
    min_calls: int = 10
    #: So many failures in a row open it, however few calls there are.
    consecutive_failures: int = 5
    #: How far back calls, tokens and money are counted, in seconds.
    window_s: float = 60.0
    #: How long it stays open, in seconds; doubled each time it opens again.
    cooldown_s: float = 30.0
    max_cooldown_s: float = 600.0
    #: A call that takes so long, in seconds, is slow.
    slow_call_s: float | None = None
    #: The share of slow calls in the window at which it opens.
    slow_threshold: float = 0.5
    #: So many tokens in the window open it.
    token_budget: int | None = None
    #: So much spent in the window opens it.
    usd_budget: int | None = None
    #: How many calls probe a component before all are let in again; each must succeed.
    half_open_calls: int = 1


class Hint(StrEnum):
    """Who is told that an agent is about to be stopped for going in circles."""

    #: Its span, and whoever asks for the workflow's hints.
    EVENT = "event"
    #: Its model too, by a message in the next request.
    INJECT = "inject"


@dataclass(frozen=True, slots=True)
class Loops:
    """When an agent that goes in circles is stopped."""

    #: Model turns in one invocation of an agent.
    max_iterations: int | None = None
    #: From which similarity on, from 0 to 1, two calls of a tool are the same in other words.
    similarity_threshold: float = 0.9
    #: How often a round of calls brings the same before the agent is stopped. One call may bring
    #: it once more, as what failed may be tried again; twice as often where it is waited for.
    repeats: int = 3
    #: How many calls are remembered.
    window: int = 50
    hint: Hint = Hint.EVENT


@dataclass(frozen=True, slots=True)
class PriceOverride:
    """A price of the user's own, in pico-USD per token. ``None``: as the next wider kind."""

    input: int
    output: int
    cache_read: int | None = None
    cache_write: int | None = None
    cache_write_1h: int | None = None
    #: In nano-USD for each request.
    request: int = 0


@dataclass(frozen=True, slots=True)
class Prices:
    """What models cost, beside the catalogue."""

    #: By model, or ``provider/model``.
    overrides: Mapping[str, PriceOverride] = field(default_factory=dict)
    #: A model's other names: ``{"my-deployment": "gpt-4o"}``.
    aliases: Mapping[str, str] = field(default_factory=dict)
    #: ``None``: refuse where a budget in USD holds, else the fallback price.
    unknown_model: Unknown | None = None
    #: What an unknown model costs under ``fallback``; ``None``: the dearest in the catalogue.
    fallback: PriceOverride | None = None


@dataclass(frozen=True, slots=True)
class Notify:
    """Who is told when a budget stops something, or a model has no price."""

    #: Where it is posted to. The URL may hold a token, so it is not shown.
    webhook: str | None = field(default=None, repr=False)
    #: The program that is started, and its arguments.
    command: tuple[str, ...] = ()


class After(StrEnum):
    """What a checkpoint is saved after, where no code asks for one."""

    #: An agent that is done with a task of its crew.
    AGENT = "agent"
    #: A node of a LangGraph graph, and each superstep of a graph with a saver.
    NODE = "node"


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """What is saved, and which are kept; the others are dropped when the next one is saved."""

    after: tuple[After, ...] = ()
    #: So many of each run, the newest.
    keep: int = 100
    #: Those of all runs that are no older, in days.
    max_age_days: float = 30.0
    #: Whether results that were paid for are kept too, and not paid again by a run that goes back
    #: or is taken up again.
    replay: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything a user decides. The default refuses nothing: it only counts."""

    mode: Mode = Mode.ENFORCE
    on_state_error: OnStateError = OnStateError.REFUSE
    unrecognised: Unrecognised = Unrecognised.ALLOW
    #: ``None``: by trace, but by process where a run was joined, as under ``wflo run``.
    run_per: RunPer | None = None
    #: Whether dead letters keep arguments and messages of errors.
    store_content: bool = True
    budgets: Budgets = field(default_factory=Budgets)
    #: By component: ``provider:openai``, ``model:gpt-4o``, ``agent:writer``, ``tool:*``.
    breakers: Mapping[str, Breaker] = field(default_factory=dict)
    #: How model calls are tried again on the wire; ``None``: that is left to the SDKs.
    retries: Retry | None = None
    #: When an agent is stopped that goes in circles; ``None``: nobody looks.
    loops: Loops | None = None
    checkpoints: Checkpoints = field(default_factory=Checkpoints)
    prices: Prices = field(default_factory=Prices)
    notify: Notify | None = None
