"""Which traces there are: for each set and kind how many, of which domains, in which frameworks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module

from loops_corpus.chance import Chance
from loops_corpus.domain import Domain, load
from loops_corpus.script import Draft
from loops_corpus.trace import BENIGN_KINDS, LOOP_KINDS

_ALONE = (
    "openai_chat",
    "langgraph_react",
    "anthropic_messages",
    "openai_agents",
    "openai_responses",
    "pydantic_ai_agent",
)
_SEVERAL = ("langgraph_graph", "openai_agents", "openai_chat", "anthropic_messages")
#: Frameworks whose history is in the request, so that a prompt's size is seen.
_WHOLE_PROMPT = tuple(name for name in _ALONE if name != "openai_responses")
_STREAMED = ("openai_chat", "anthropic_messages", "langgraph_react", "openai_responses")

_FRAMEWORKS = {
    "ping_pong": _SEVERAL,
    "advancing_handoffs": _SEVERAL,
    "context_growth": _WHOLE_PROMPT,
    "repeated_chunks": _STREAMED,
    "long_answer": _STREAMED,
}
_MODELS = {
    "openai": ("gpt-4o-mini", "gpt-4o", "gpt-4.1", "gpt-4.1-mini"),
    "anthropic": ("claude-haiku-4-5", "claude-sonnet-4-5"),
}

#: How many traces of each kind: as many loops as benign runs in each set.
COUNTS = {
    "tuning": dict.fromkeys(LOOP_KINDS, 6)
    | {
        "polling": 6,
        "paging": 6,
        "retries": 5,
        "batch": 6,
        "narrowing_search": 5,
        "code_and_test": 5,
        "advancing_handoffs": 5,
        "refinement": 5,
        "long_answer": 5,
    },
    "holdout": dict.fromkeys(LOOP_KINDS, 14)
    | {
        "polling": 16,
        "paging": 16,
        "retries": 12,
        "batch": 14,
        "narrowing_search": 12,
        "code_and_test": 12,
        "advancing_handoffs": 12,
        "refinement": 10,
        "long_answer": 8,
    },
}


@dataclass(frozen=True)
class Scenario:
    """One trace to produce."""

    id: str
    kind: str
    domain: Domain
    framework: str
    model: str
    #: The framework's own bound on turns.
    limit: int
    draft: Draft


def scenarios(name: str) -> Iterator[Scenario]:
    """The scenarios of a set, in the order of their kinds."""
    domains = load(name)
    for offset, kind in enumerate((*LOOP_KINDS, *BENIGN_KINDS)):
        for index in range(COUNTS[name][kind]):
            yield _scenario(name, kind, index, domains[(index + offset) % len(domains)])


def _scenario(name: str, kind: str, index: int, domain: Domain) -> Scenario:
    rng = Chance(f"{name}/{kind}/{index}")
    frameworks = _FRAMEWORKS.get(kind, _ALONE)
    # One further on in each round, so that a shape is not tied to a framework.
    framework = frameworks[(index + index // len(frameworks)) % len(frameworks)]
    maker = "anthropic" if framework.startswith("anthropic") else "openai"
    model = rng.choice(_MODELS[maker])
    draft: Draft = import_module(f"loops_corpus.families.{kind}").draft(domain, rng, index)
    limit = len(draft.turns) if draft.mark else max(60, draft.max_iterations)
    return Scenario(f"{name}-{kind}-{index:02}", kind, domain, framework, model, limit, draft)
