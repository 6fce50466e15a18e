"""Whether the agents of a run go in circles.

A loop is work that brings nothing new and would not end by itself. The rule: what counts is what
the tools answer. An answer that was not heard in this run before is progress, and so are a new
thing that is worked on and a turn that asks for no tool. Answers to calls of one turn count once:
whoever asks twice at the same time has not seen the first answer.

Memory is bounded, and an action costs the same after ten actions and after a hundred thousand.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Sequence
from typing import TypeAlias

from wflo_otel.core.actions import Action, Similarity, action_of
from wflo_otel.core.answers import Said, said_of
from wflo_otel.core.finding import Finding, Kind, Rung, rung_of
from wflo_otel.core.policy import Loops
from wflo_otel.core.window import Remembered, Window

#: Agents whose actions are remembered in a run.
AGENTS = 64

#: A tool call and what came of it: name, arguments as on the wire, result (``None``: not seen).
Deed: TypeAlias = tuple[str, str | None, str | None]


class LoopWatch:
    """Watches the agents of one run. Not thread-safe."""

    def __init__(self, options: Loops, similarity: Similarity) -> None:
        self._options = options
        self._near = similarity
        self._agents: OrderedDict[str | None, Window] = OrderedDict()
        self._heard = Remembered(options.window * 10)
        self._agent: str | None = None
        self._hops: Counter[tuple[str | None, str | None]] = Counter()
        #: How much new was heard in the run.
        self._news = 0

    def turning(self, agent: str | None, size: int, *, begins: bool = False) -> Finding | None:
        """An agent is about to ask its model: a hand-off where another agent asked before.

        Args:
            agent: who.
            size: how long its prompt is, in characters or tokens.
            begins: the agent was asked something new: what it did before does not count.
        """
        if begins:
            self._agents.pop(agent, None)
        window = self._window(agent)
        window.iterations += 1
        window.size = size
        hop = self._hopped(agent)
        cap = self._options.max_iterations
        if cap is not None and window.iterations > cap:
            return Finding(Kind.ITERATION_CAP, Rung.STOP, agent, window.iterations, 1, ())
        return hop

    def turned(self, agent: str | None, *, asks_for_tools: bool) -> None:
        """The model has answered: without asking for tools, and that is news, or with."""
        self._window(agent).is_done = not asks_for_tools
        if not asks_for_tools:
            self._news_came()

    def is_done(self, agent: str | None) -> bool:
        """Whether an agent's last turn was its answer, or it had none yet."""
        window = self._agents.get(agent)
        return window is None or window.is_done

    def did(self, agent: str | None, deeds: Sequence[Deed]) -> Finding | None:
        """What the tools answered to one turn; the gravest finding."""
        window = self._window(agent)
        window.is_done = False
        findings: list[Finding] = []
        seen: set[tuple[int, int]] = set()
        for name, arguments, result in deeds:
            if result is None:
                continue
            action, said = action_of(name, arguments), said_of(result)
            if (action.key, said.key) not in seen:
                seen.add((action.key, said.key))
                findings += self._heard_of(window, action, said, is_first=len(seen) == 1)
        return max(findings, key=lambda each: each.rung, default=None)

    def _heard_of(
        self, window: Window, action: Action, said: Said, *, is_first: bool
    ) -> list[Finding]:
        is_new = self._heard.add(said.key)
        if is_new and not action.hands_on:
            self._news_came()
        news = self._news if action.hands_on else 0
        return window.heard(action, said, news, is_new=is_new, is_first=is_first)

    def _news_came(self) -> None:
        self._news += 1
        self._hops.clear()

    def _hopped(self, agent: str | None) -> Finding | None:
        source, self._agent = self._agent, agent
        if source is None or source == agent:
            return None
        self._hops[source, agent] += 1
        rounds = min(self._hops.values())
        rung = rung_of(rounds, self._options.repeats)
        if rung is None:
            return None
        cycle = tuple(str(target) for _, target in self._hops)
        return Finding(Kind.PING_PONG, rung, agent, rounds, len(cycle), cycle)

    def _window(self, agent: str | None) -> Window:
        window = self._agents.get(agent)
        if window is None:
            window = self._agents[agent] = Window(agent, self._options, self._near)
            if len(self._agents) > AGENTS:
                self._agents.popitem(last=False)
        self._agents.move_to_end(agent)
        return window
