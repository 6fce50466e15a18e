"""From the exchanges on the wire to the actions of a trace."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from loops_corpus.dialects import Asked, Entry, Said, WireCall, dialect_of
from loops_corpus.domain import Agent
from loops_corpus.trace import (
    Action,
    CallAction,
    Failure,
    HandOff,
    PromptSize,
    Result,
    Turn,
    UserInput,
    digest_of,
)
from loops_corpus.wire_log import WireExchange

#: Longer results and texts are cut to so many characters.
BOUND = 160


def actions_of(exchanges: Iterable[WireExchange], agents: Sequence[Agent]) -> Iterator[Action]:
    """Write down what each request brought that is new, and what was answered."""
    return _Recorder(agents).actions(exchanges)


class _Recorder:
    """Knows what has been seen before: calls by their ids, inputs by their number."""

    def __init__(self, agents: Sequence[Agent]) -> None:
        self._agents = agents
        self._open: dict[str, CallAction] = {}
        self._count = 0
        self._inputs: list[str] = []
        self._speaker: str | None = None

    def actions(self, exchanges: Iterable[WireExchange]) -> Iterator[Action]:
        for exchange in exchanges:
            dialect = dialect_of(exchange.path)
            asked = dialect.asked(exchange.request)
            new = list(self._new(asked.entries))
            yield from new
            agent = self._agent(asked)
            if self._speaker not in (None, agent):
                yield HandOff(str(self._speaker), agent)
            self._speaker = agent
            if exchange.status >= 400:
                yield Failure(agent, exchange.status)
            else:
                model = exchange.request["model"]
                said = dialect.said(exchange.response)
                yield self._turn(agent, model, _size(asked, new), said)

    def _new(self, entries: Sequence[Entry]) -> Iterator[UserInput | Result]:
        inputs = [entry.text for entry in entries if entry.kind == "user"]
        fresh = inputs[len(self._inputs) :] if inputs[:1] == self._inputs[:1] else inputs
        self._inputs += fresh
        yield from (UserInput(text[:BOUND]) for text in fresh)
        for entry in entries:
            if entry.kind == "result" and entry.call in self._open:
                call = self._open.pop(entry.call)
                text = entry.text
                yield Result(call.id, call.tool, text[:BOUND], len(text), digest_of(text))

    def _agent(self, asked: Asked) -> str:
        return next(each.name for each in self._agents if each.instructions in asked.system)

    def _turn(self, agent: str, model: str, prompt: PromptSize, said: Said) -> Turn:
        calls = tuple(self._call(each) for each in said.calls)
        tokens = said.input_tokens, said.output_tokens
        return Turn(agent, model, prompt, said.text[:BOUND], calls, *tokens, said.chunks)

    def _call(self, call: WireCall) -> CallAction:
        self._count += 1
        self._open[call.call] = CallAction(f"c{self._count}", call.tool, call.arguments)
        return self._open[call.call]


def _size(asked: Asked, new: Sequence[UserInput | Result]) -> PromptSize:
    texts = [entry.text for entry in asked.entries]
    whole = json.dumps([asked.system, *([each.kind, each.text] for each in asked.entries)])
    brought = [each.digest if isinstance(each, Result) else digest_of(each.text) for each in new]
    return PromptSize(
        len(texts), sum(map(len, texts)), digest_of(whole), digest_of(json.dumps(brought))
    )
