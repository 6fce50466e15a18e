"""Every option of ``wflo.yaml``, once: the parser, the table in the docs and the JSON Schema
are all made from here.

Names and defaults come from the dataclasses in :mod:`wflo_otel.core.policy`; this module adds
what a dataclass cannot say: the kind, the unit, the keyword in Python, a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields

from wflo_otel.config import values
from wflo_otel.config.values import Kind, choice, choices, whole
from wflo_otel.core.policy import (
    After,
    Backoff,
    Breaker,
    Budget,
    Checkpoints,
    Hint,
    Loops,
    Mode,
    Notify,
    OnExceeded,
    OnStateError,
    Policy,
    PriceOverride,
    Prices,
    Reserve,
    Retry,
    RunPer,
    Unknown,
    Unrecognised,
    Window,
)

#: The versions of the file that this release reads.
VERSIONS = (1,)
#: The limits of a budget; it must have one.
LIMITS = ("usd", "tokens", "calls")
#: The options of a budget that lasts for a calendar window, and the sections that have those.
WINDOW_OPTIONS = frozenset({"per", "timezone"})
WINDOW_SECTIONS = frozenset({"workflows", "tenants"})

#: Keys that the design knows and this release does not read: they are no misspellings.
LATER_SECTIONS = frozenset(
    {
        "approvals",
        "consensus",
        "hints",
    }
)
LATER_BUDGET_OPTIONS = frozenset({"ask", "downgrade", "throttle"})


@dataclass(frozen=True, slots=True)
class Note:
    """What the dataclass does not say about an option."""

    kind: Kind
    what: str
    unit: str = ""
    #: The key in the file, where it is not the field's name.
    key: str = ""
    #: What the default means, where the value alone does not say it.
    default: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """What a group of budgets is for, and the keyword of ``WfloWorkflow`` that means the same."""

    what: str
    keyword: str = ""


@dataclass(frozen=True, slots=True)
class Option:
    """An option: its key in the file and its field in the dataclass."""

    key: str
    field: str
    default: object
    required: bool
    note: Note

    @property
    def kind(self) -> Kind:
        """How it is written."""
        return self.note.kind


def _options(declared: type, notes: Mapping[str, Note]) -> tuple[Option, ...]:
    return tuple(
        Option(
            notes[each.name].key or each.name,
            each.name,
            None if each.default is MISSING else each.default,
            each.default is MISSING,
            notes[each.name],
        )
        for each in fields(declared)
        if each.name in notes
    )


def _price(what: str, default: str = "", *, key: str) -> Note:
    return Note(values.PRICE, what, "USD per million tokens", key=key, default=default)


POLICY = _options(
    Policy,
    {
        "mode": Note(
            choice(Mode),
            "Whether a refusal is raised (`enforce`) or only recorded (`shadow`).",
        ),
        "on_state_error": Note(
            choice(OnStateError),
            "What happens to a call when the state store cannot answer.",
        ),
        "unrecognised": Note(
            choice(Unrecognised),
            "What happens to a request that looks like a call to a model in an API that wflo does "
            "not know: let through and counted (`allow`) or refused (`refuse`).",
        ),
        "run_per": Note(
            choice(RunPer),
            "What a run is: all that the process does, or each request or message that it serves "
            "(a trace that begins here with a SERVER or CONSUMER span).",
            default="`process` where a run is joined, as under `wflo run`, else `trace`",
        ),
        "store_content": Note(
            values.SWITCH,
            "Whether dead letters keep the arguments of the call and the messages of its errors; "
            "without arguments they cannot be replayed.",
        ),
    },
)

BUDGET = _options(
    Budget,
    {
        "usd": Note(values.AMOUNT, "The most that may be spent.", "USD", default="no limit"),
        "tokens": Note(
            values.COUNT,
            "The most tokens, input and output together.",
            "tokens",
            default="no limit",
        ),
        "calls": Note(values.COUNT, "The most model calls.", "calls", default="no limit"),
        "warn_at": Note(
            values.SHARE,
            "The share of a limit at which a warning event is written, once.",
            "share of the limit",
        ),
        "on_exceeded": Note(
            choice(OnExceeded),
            "When what is spent leaves no room: `stop` refuses this call and all that follow, "
            "`rollback` too, and the run goes back to its last checkpoint, `refuse` refuses this "
            "call only, and a cheaper one may still fit.",
        ),
        "clamp": Note(
            values.SWITCH,
            "Whether a call that does not fit even alone is sent with a smaller output cap; "
            "if not, it is refused.",
        ),
        "wait_s": Note(
            values.SECONDS,
            "How long a call waits for running calls to give back what they do not use.",
            "seconds",
        ),
        "reserve": Note(
            choice(Reserve),
            "How much output a call holds back before it runs: the most it can use (`worst`, a "
            "hard ceiling) or what calls like it have used (`expected`, a soft one).",
        ),
        "per": Note(
            choice(Window),
            "The calendar window after which the budget starts anew; `tenants` and `workflows` "
            "only.",
            default="never",
        ),
        "timezone": Note(
            values.TIMEZONE,
            "The IANA time zone in which the window begins; only beside `per`.",
        ),
    },
)

BREAKER = _options(
    Breaker,
    {
        "error_threshold": Note(
            values.SHARE,
            "The share of failed calls in the window at which it opens.",
            "share of the calls",
        ),
        "min_calls": Note(
            values.COUNT, "Below so many calls in the window no share is looked at.", "calls"
        ),
        "consecutive_failures": Note(
            values.COUNT, "So many failures in a row open it, however few calls there are.", "calls"
        ),
        "window_s": Note(
            values.SPAN, "How far back calls, tokens and money are counted.", "seconds"
        ),
        "cooldown_s": Note(
            values.SPAN,
            "How long it stays open; doubled each time it opens again, and as long as the "
            "provider's `Retry-After` asks.",
            "seconds",
        ),
        "max_cooldown_s": Note(
            values.SPAN, "How far the doubling goes; `Retry-After` may go beyond.", "seconds"
        ),
        "slow_call_s": Note(
            values.SPAN, "A call that takes so long is slow.", "seconds", default="none is slow"
        ),
        "slow_threshold": Note(
            values.SHARE,
            "The share of slow calls in the window at which it opens.",
            "share of the calls",
        ),
        "token_budget": Note(
            values.COUNT, "So many tokens in the window open it.", "tokens", default="no limit"
        ),
        "usd_budget": Note(
            values.AMOUNT, "So much spent in the window opens it.", "USD", default="no limit"
        ),
        "half_open_calls": Note(
            values.COUNT,
            "How many calls probe a component before all are let in again; each must succeed.",
            "calls",
        ),
    },
)

PRICES = _options(
    Prices,
    {
        "unknown_model": Note(
            choice(Unknown),
            "What happens to a call whose model has no price: refused, or priced by `fallback`.",
            default="`refuse` where a budget in USD holds, else `fallback`",
        )
    },
)

PRICE = _options(
    PriceOverride,
    {
        "input": _price("A token of input.", key="input_usd_per_mtok"),
        "output": _price("A token of output, reasoning included.", key="output_usd_per_mtok"),
        "cache_read": _price(
            "A token of input read from the cache.", "as input", key="cache_read_usd_per_mtok"
        ),
        "cache_write": _price(
            "A token of input written to the cache.", "as input", key="cache_write_usd_per_mtok"
        ),
        "cache_write_1h": _price(
            "The same, kept for an hour.", "as cache write", key="cache_write_1h_usd_per_mtok"
        ),
        "request": Note(
            values.AMOUNT, "Each request, beside its tokens.", "USD", key="usd_per_request"
        ),
    },
)

NOTIFY = _options(
    Notify,
    {
        "webhook": Note(values.WEBHOOK, "Where a notice is posted to, as JSON.", default="nobody"),
        "command": Note(
            values.WORDS,
            "What is started for a notice, without a shell: the program and its arguments. The "
            "event's name is added to them; the notice is its standard input, as JSON.",
            default="nothing",
        ),
    },
)

RETRY = _options(
    Retry,
    {
        "max_attempts": Note(values.COUNT, "All attempts of a call, the first included."),
        "backoff": Note(choice(Backoff), "How the delay grows from one attempt to the next."),
        "initial_delay_ms": Note(
            values.MILLISECONDS, "The delay after the first attempt.", "milliseconds"
        ),
        "max_delay_ms": Note(
            values.MILLISECONDS,
            "The longest delay; a provider that asks for a longer pause gets it.",
            "milliseconds",
        ),
        "jitter": Note(
            values.SWITCH, "Whether a delay is drawn at random from nothing up to its full length."
        ),
        "deadline_s": Note(
            values.SECONDS,
            "Give up rather than pause beyond so many seconds after the first attempt.",
            "seconds",
            default="none",
        ),
        "retry_budget": Note(
            values.SHARE,
            "So many of a provider's calls may be tried again, beyond the first ten retries.",
            "share of the calls",
        ),
    },
)

LOOPS = _options(
    Loops,
    {
        "max_iterations": Note(
            values.COUNT,
            "The most turns an agent takes for one question before it is stopped.",
            "model turns",
            default="no limit",
        ),
        "similarity_threshold": Note(
            values.SHARE,
            "From which similarity on two calls of a tool are the same in other words.",
            "from 0 to 1",
        ),
        "repeats": Note(
            whole(2, 1_000),
            "How often a round of calls brings the same answers before the agent is stopped; one "
            "call may once more, and twice as often where it is waited for.",
            "rounds",
        ),
        "window": Note(
            whole(10, 10_000), "How many calls of each agent are remembered.", "tool calls"
        ),
        "hint": Note(
            choice(Hint),
            "One round before the stop: tell the span and `workflow.hints()` (`event`), or also "
            "the model, by a message in the next request (`inject`).",
        ),
    },
)

CHECKPOINTS = _options(
    Checkpoints,
    {
        "after": Note(
            choices(After),
            "What a checkpoint is saved after, with no line of code: an agent's task (CrewAI), a "
            "node (LangGraph).",
            default="nothing",
        ),
        "keep": Note(
            values.COUNT, "So many checkpoints of each run are kept, the newest.", "checkpoints"
        ),
        "max_age_days": Note(values.DAYS, "Older checkpoints are dropped, of all runs.", "days"),
        "replay": Note(
            values.SWITCH,
            "Whether what models and tools have answered is kept too, and not paid for again by a "
            "run that goes back or is taken up again.",
        ),
    },
)

#: The sections of ``budgets``; ``run`` is one budget, the others many, by name.
BUDGET_SECTIONS: Mapping[str, Section] = {
    "run": Section("One run: all its calls together.", "budget_usd"),
    "agents": Section("Each agent, in each run.", "per_agent_budgets"),
    "tools": Section("The model calls inside each tool, in each run."),
    "workflows": Section("All runs of each workflow together."),
    "tenants": Section("All runs for each tenant together."),
}
#: What ``breakers`` are for.
BREAKERS = (
    "Each component: a provider (`openai`), `model:NAME`, `agent:NAME` (its model calls) or "
    "`tool:NAME`; `*` as the name gives each a breaker of its own."
)
#: The sections of ``prices`` and what they hold.
PRICE_SECTIONS: Mapping[str, str] = {
    "overrides": "Prices of your own, by model or `provider/model`.",
    "aliases": "Other names of a model: the name you call it by, and the one that has a price.",
    "fallback": "The price of a model that nobody knows; without it, the dearest one known.",
}
