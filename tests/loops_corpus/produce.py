"""Runs one scenario in its framework and makes a labelled trace of what the wire showed."""

from __future__ import annotations

from collections.abc import Sequence

from loops_corpus.frameworks import Cast, Ending, player
from loops_corpus.plan import Scenario
from loops_corpus.recorder import actions_of
from loops_corpus.script import Draft, Mark
from loops_corpus.stage import Stage
from loops_corpus.trace import Action, Header, LoopMark, Result, Trace, Turn
from loops_corpus.wire_log import WireLog
from wflo_otel.testing import ScriptedProvider

#: A prompt that has grown so much while nothing came of it is a loop.
GROWTH, GROWTH_TURNS = 4, 3


def produce(scenario: Scenario) -> Trace:
    """Run a scenario.

    Raises:
        Exception: what the framework or the script raised; no trace is made of that.
    """
    cast, stage = _cast(scenario), Stage(scenario.draft.turns)
    with ScriptedProvider() as provider, WireLog(provider.base_url) as wire:
        provider.reply_to(stage.reply)
        ended_by = player(scenario.framework)(cast, stage, wire.url)
    actions = tuple(actions_of(wire.exchanges, cast.agents))
    return Trace(_header(scenario, actions, ended_by), actions)


def _cast(scenario: Scenario) -> Cast:
    domain = scenario.domain
    return Cast(
        task=domain.task,
        agents=domain.agents if scenario.draft.several_agents else domain.agents[:1],
        tools=tuple(domain.tools.values()),
        model=scenario.model,
        limit=scenario.limit,
        streamed=scenario.draft.streamed,
    )


def _header(scenario: Scenario, actions: Sequence[Action], ended_by: Ending) -> Header:
    draft = scenario.draft
    return Header(
        id=scenario.id,
        label="loop" if draft.mark else "benign",
        kind=scenario.kind,
        domain=scenario.domain.name,
        framework=scenario.framework,
        max_iterations=draft.max_iterations,
        ended_by=ended_by,
        loop=_loop(draft, actions),
    )


def _loop(draft: Draft, actions: Sequence[Action]) -> LoopMark | None:
    mark = draft.mark
    if mark is None:
        return None
    turns = [index for index, action in enumerate(actions) if isinstance(action, Turn)]
    return LoopMark(_step(mark, actions, turns), mark.period, mark.chunk)


def _step(mark: Mark, actions: Sequence[Action], turns: Sequence[int]) -> int:
    if mark.seen_on == "growth":
        return _grown(mark.turn, actions, turns)
    step = turns[mark.turn]
    if mark.seen_on != "result":
        return step
    following = turns[mark.turn + 1] if mark.turn + 1 < len(turns) else len(actions)
    return max(i for i in range(step, following) if isinstance(actions[i], Result))


def _grown(start: int, actions: Sequence[Action], turns: Sequence[int]) -> int:
    sizes = [_tokens(actions[index]) for index in turns]
    return next(
        turns[number]
        for number in range(start + GROWTH_TURNS, len(turns))
        if sizes[number] >= GROWTH * sizes[start]
    )


def _tokens(action: Action) -> int:
    assert isinstance(action, Turn)
    return action.input_tokens
