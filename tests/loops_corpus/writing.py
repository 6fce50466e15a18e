"""Writing a script turn by turn, in the words of a domain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from loops_corpus.chance import Chance
from loops_corpus.domain import Domain
from loops_corpus.frameworks import hand_off_tool
from loops_corpus.script import Draft, Mark, ModelTurn, Planned


class Writing:
    """A script that grows."""

    def __init__(self, domain: Domain, rng: Chance) -> None:
        self.domain = domain
        self.rng = rng
        self.turns: list[ModelTurn] = []

    @property
    def position(self) -> int:
        """The index of the next turn."""
        return len(self.turns)

    def ask(self, *calls: Planned, agent: int = 0, failures: Sequence[int] = ()) -> None:
        """A turn with tool calls; now and then the model says something beside them."""
        text = self.rng.choice(self.domain.thoughts) if self.rng.random() < 0.2 else ""
        self.turns.append(ModelTurn(text, calls, agent, tuple(failures)))

    def say(self, text: str, agent: int = 0) -> None:
        """A turn without calls: the end of the run."""
        self.turns.append(ModelTurn(text, (), agent))

    def hand_off(self, source: int, target: int, reason: str) -> None:
        """A turn in which one agent hands the work to another."""
        agents = self.domain.agents
        call = Planned(
            hand_off_tool(agents[target]).name,
            {"reason": reason},
            f"{agents[target].name} takes over",
        )
        self.turns.append(ModelTurn("", (call,), source))

    def opening(self, most: int) -> None:
        """Work that leads somewhere, as it stands before many a loop."""
        count = self.rng.randint(0, most)
        for index, item in enumerate(self.domain.items(self.rng, count)):
            if index % 3 == 1:
                self.ask(self.domain.search(f"{self.domain.narrowing[0]} {item}", self.hit(item)))
            else:
                self.ask(self.domain.read(self.rng, item))

    def hit(self, item: str) -> str:
        """Something a search finds."""
        return f"{item}: {self.rng.choice(self.domain.facts)} ({self.rng.randint(3, 97)})"

    def rows(self, items: Sequence[str]) -> str:
        """A few rows of a page."""
        return "; ".join(f"{item} {self.rng.choice(self.domain.values)}" for item in items)

    def loop(self, mark: Mark, *, several_agents: bool = False) -> Draft:
        """What is written so far, as a loop."""
        return Draft(tuple(self.turns), self._bound(), mark, several_agents=several_agents)

    def benign(self, *, several_agents: bool = False) -> Draft:
        """What is written so far, with an answer, as work that comes to its end."""
        self.say(self.domain.end)
        return self.finished(several_agents=several_agents)

    def finished(self, *, several_agents: bool = False) -> Draft:
        """What is written so far, as work that has come to its end."""
        return Draft(tuple(self.turns), self._bound(), several_agents=several_agents)

    def _bound(self) -> int:
        """A bound that the run stays under, closely or not."""
        return self.position + self.rng.randint(2, 15)


def reordered(planned: Planned) -> Planned:
    """The same call with its arguments in the opposite order."""
    return replace(planned, arguments=dict(reversed(list(planned.arguments.items()))))


def answered(planned: Planned, result: str) -> Planned:
    """The same call with another answer."""
    return replace(planned, result=result)
