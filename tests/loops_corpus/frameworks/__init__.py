"""The agent loops that run the scripts: bare SDK loops, and frameworks as their users run them.

Each module has ``play(cast, stage, url)``, which runs until the model gives an answer without
tool calls, or the framework's own limit ends the run, and tells which of them it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Literal

from loops_corpus.domain import Agent, Tool
from loops_corpus.stage import Stage

Ending = Literal["answer", "limit"]

#: Module, and what it needs to be installed.
FRAMEWORKS = {
    "openai_chat": "openai",
    "openai_responses": "openai",
    "anthropic_messages": "anthropic",
    "langgraph_react": "langgraph",
    "langgraph_graph": "langgraph",
    "openai_agents": "agents",
    "pydantic_ai_agent": "pydantic_ai",
}


@dataclass(frozen=True)
class Cast:
    """Who plays: what every framework needs to know of a scenario."""

    task: str
    agents: tuple[Agent, ...]
    tools: tuple[Tool, ...]
    model: str
    limit: int
    streamed: bool

    def hand_offs(self, agent: Agent) -> list[Agent]:
        """To whom an agent can hand over."""
        return [each for each in self.agents if each != agent]


def hand_off_tool(agent: Agent) -> Tool:
    """The tool by which an agent is given the work."""
    about = f"Hand the work to {agent.name}"
    return Tool(f"transfer_to_{agent.name}", about, {"reason": ""}, "")


def receiver(cast: Cast, tool: str) -> Agent | None:
    """The agent that a call hands the work to."""
    named = {hand_off_tool(agent).name: agent for agent in cast.agents}
    return named.get(tool)


def is_installed(framework: str) -> bool:
    """Whether this environment can run it."""
    return find_spec(FRAMEWORKS[framework]) is not None


def player(framework: str) -> Callable[[Cast, Stage, str], Ending]:
    """The ``play`` function of a framework."""
    return import_module(f"loops_corpus.frameworks.{framework}").play
