"""A domain: the tools, things and phrases of one kind of work, read from a TOML file.

The rule: no two domains share a tool's name or a sentence, so neither do the two sets.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from loops_corpus.chance import Chance
from loops_corpus.script import Planned

_FILES = Path(__file__).parent / "domains"
_TYPES = {str: "string", int: "integer", bool: "boolean", list: "array"}


@dataclass(frozen=True)
class Tool:
    """A tool of a domain: its arguments and its answer are templates."""

    name: str
    about: str
    arguments: Mapping[str, Any]
    answer: str

    def call(self, **values: object) -> Planned:
        """Fill the templates in."""
        arguments = {key: _filled(value, values) for key, value in self.arguments.items()}
        return Planned(self.name, arguments, Template(self.answer).substitute(values))

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the arguments."""
        kinds = {key: {"type": _TYPES[type(value)]} for key, value in self.arguments.items()}
        return {"type": "object", "properties": kinds, "required": list(kinds)}


@dataclass(frozen=True)
class Agent:
    """An agent: its name and what it is told to be."""

    name: str
    instructions: str


@dataclass(frozen=True)
class Domain:
    """One kind of work."""

    name: str
    task: str
    agents: tuple[Agent, ...]
    #: ``read`` one thing, ``page`` a list, ``poll`` a process, ``search``, ``act`` on a thing,
    #: ``check`` the whole, ``probe`` the surroundings.
    tools: Mapping[str, Tool]
    #: A pattern of names with ``#`` for a number.
    item: str
    values: tuple[str, ...]
    facts: tuple[str, ...]
    narrowing: tuple[str, ...]
    rephrased: tuple[str, ...]
    notes: tuple[str, ...]
    reasons: tuple[str, ...]
    thoughts: tuple[str, ...]
    nothing: tuple[str, ...]
    busy: str
    finding: str
    #: What a tool says when it did what it was asked.
    done: str
    #: How the last answer ends.
    end: str

    def items(self, rng: Chance, count: int) -> list[str]:
        """Different things, numbered upwards."""
        first, step = rng.randint(100, 800), rng.randint(1, 3)
        return [self.item.replace("#", str(first + step * index)) for index in range(count)]

    def read(self, rng: Chance, item: str) -> Planned:
        """Read one thing."""
        value, other = rng.sample(self.values, 2)
        return self.tools["read"].call(
            item=item, value=value, other=other, n=rng.randint(2, 980), stamp=rng.stamp()
        )

    def search(self, query: str, hits: str) -> Planned:
        """Search for something."""
        return self.tools["search"].call(query=query, hits=hits)

    def act(self, rng: Chance, item: str, note: str) -> Planned:
        """Change one thing."""
        return self.tools["act"].call(item=item, note=note, stamp=rng.stamp())

    def poll(self, rng: Chance, ticket: str, done: int, left: int) -> Planned:
        """Ask how far a process is."""
        return self.tools["poll"].call(ticket=ticket, done=done, left=left, stamp=rng.stamp())

    def page(self, cursor: str, rows: str, following: str) -> Planned:
        """Fetch one page."""
        return self.tools["page"].call(cursor=cursor, rows=rows, next=following)

    def check(self, failing: int, detail: str) -> Planned:
        """Check the whole."""
        return self.tools["check"].call(failing=failing, detail=detail)

    def probe(self) -> Planned:
        """Look around."""
        return self.tools["probe"].call()


def load(directory: str) -> list[Domain]:
    """The domains of a set, in the order of their names."""
    return [_domain(path) for path in sorted((_FILES / directory).glob("*.toml"))]


def _domain(path: Path) -> Domain:
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    agents = tuple(Agent(**each) for each in data.pop("agents"))
    tools = {role: Tool(**each) for role, each in data.pop("tools").items()}
    lists = {key: tuple(value) for key, value in data.items() if isinstance(value, list)}
    return Domain(name=path.stem, agents=agents, tools=tools, **{**data, **lists})


def _filled(value: Any, values: Mapping[str, object]) -> Any:
    return Template(value).substitute(values) if isinstance(value, str) else value
