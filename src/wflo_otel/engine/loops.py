"""The loop watches of the runs of this process, and who is told what they find.

The rules: a tool call counts once, by what the next request brings of it where the wire shows
that, else by what its own seam saw; whoever asks again for the same call has taken no new turn.
A run that was not seen for long is forgotten, and what was stopped in it stays stopped.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator
from typing import TypeAlias

from wflo_otel.core.actions import Similarity
from wflo_otel.core.call import Answer, Call, Heard, Operation, ToolCall
from wflo_otel.core.decision import Circling
from wflo_otel.core.finding import Finding, Kind, Rung, hint_of
from wflo_otel.core.loop import Deed, LoopWatch
from wflo_otel.core.policy import Loops, Policy
from wflo_otel.core.scope import Caller, agent_key, run_key
from wflo_otel.core.stutter import ROUNDS

#: So many runs are watched at once; the one that was seen longest ago is forgotten.
RUNS = 256
#: So many calls of a run, and tool calls that were asked for, are known again.
KNOWN = 512
#: So many characters of the arguments of those are kept.
KEPT_CHARS = 1 << 21
#: So many functions' steps, each in its run, are counted.
STEPS = 1_024
#: An invocation with so many turns is an agent's own loop, and no step of another one.
OWN_LOOP = 2
#: So many hints of a run are kept.
HINTS = 20

#: Asks a model to go on with a conversation.
_TURNS = frozenset({Operation.CHAT, Operation.TEXT_COMPLETION})

#: How providers say, as a reason to end, that the model asks for tools.
_ASKS = frozenset({"tool_calls", "tool_call", "tool_use", "function_call"})


class LoopWatches:
    """Watches over every run, and over every invocation of a function that asks for it.

    Thread-safe. It says what it found; the engine refuses, and stops scopes.
    """

    def __init__(self, policy: Callable[[], Policy], similarity: Similarity) -> None:
        self._policy = policy
        self._similarity = similarity
        self._lock = threading.Lock()
        self._watched: OrderedDict[str, _Watched] = OrderedDict()
        self._steps: OrderedDict[tuple[str, str], int] = OrderedDict()

    def turning(self, call: Call) -> Circling | None:
        """A model is about to be asked: what the request brings, and one more turn."""
        if call.ask.operation not in _TURNS:
            return None
        return _gravest(
            each.found(call.caller, each.turning(call)) for each in self._over(call.caller)
        )

    def turned(self, call: Call, answer: Answer) -> None:
        """The model has answered."""
        if call.ask.operation in _TURNS:
            for each in self._over(call.caller):
                each.turned(call, answer)

    def did(self, caller: Caller, deed: Deed, source: str) -> Circling | None:
        """A tool has answered, as a seam of its own, or another's span, saw it."""
        return _gravest(
            each.found(caller, each.did(caller, deed, source)) for each in self._over(caller)
        )

    def stuttered(self, caller: Caller) -> Circling | None:
        """A streamed answer repeats one phrase on and on."""
        finding = Finding(Kind.REPEATED_CHUNKS, Rung.STOP, caller.agent, ROUNDS, 1, ())
        return _gravest(each.found(caller, finding) for each in self._over(caller))

    def stopped(self, caller: Caller) -> Circling | None:
        """Say which function's invocation around a caller was stopped."""
        for key, _ in caller.loops:
            watched = self._watched.get(key)
            if watched is not None and watched.stopped is not None:
                return watched.stopped
        return None

    def stepping(self, caller: Caller, name: str, options: Loops) -> Circling | None:
        """A function is about to be called in a run: once more than it may?"""
        cap, steps = options.max_iterations, self._steps.get((caller.run_id, name), 0)
        if cap is None or steps < cap:
            return None
        finding = Finding(Kind.ITERATION_CAP, Rung.STOP, caller.agent, steps + 1, 1, ())
        return Circling(name, finding)

    def stepped(self, caller: Caller, name: str, key: str) -> None:
        """An invocation has ended. It was a step of its run, unless an agent looped inside."""
        with self._lock:
            watched = self._watched.pop(key, None)
            if watched is not None and watched.turns >= OWN_LOOP:
                return
            step = caller.run_id, name
            self._steps[step] = self._steps.pop(step, 0) + 1
            if len(self._steps) > STEPS:
                self._steps.popitem(last=False)

    def hints(self, run_id: str) -> tuple[str, ...]:
        """What the agents of a run were warned of, oldest first."""
        watched = self._watched.get(run_key(run_id))
        return () if watched is None else tuple(watched.hints)

    def _over(self, caller: Caller) -> Iterator[_Watched]:
        options = self._policy().loops
        if options is not None:
            yield self._of(run_key(caller.run_id), options)
        for key, given in caller.loops:
            yield self._of(key, given)

    def _of(self, key: str, options: Loops) -> _Watched:
        with self._lock:
            watched = self._watched.get(key)
            if watched is None or watched.options != options:
                watched = self._watched[key] = _Watched(key, options, self._similarity)
            self._watched.move_to_end(key)
            if len(self._watched) > RUNS:
                self._watched.popitem(last=False)
            return watched


#: A tool call that was asked for, and by which agent.
_Asked: TypeAlias = tuple[str | None, ToolCall]


class _Watched:
    """The watch over one run, or over one invocation of a function."""

    def __init__(self, key: str, options: Loops, similarity: Similarity) -> None:
        self.options = options
        self.hints: deque[str] = deque(maxlen=HINTS)
        #: Of an invocation; a run's is kept by the state.
        self.stopped: Circling | None = None
        self._key = key
        self._lock = threading.Lock()
        self._watch = LoopWatch(options, similarity)
        self._turns: OrderedDict[str, None] = OrderedDict()
        #: Tool calls that the model asked for and no request has brought an answer to.
        self._asked: OrderedDict[tuple[str, str], _Asked] = OrderedDict()
        self._chars = 0
        self._names: Counter[str] = Counter()
        #: Who tells of each tool in this turn.
        self._sources: dict[str, str] = {}
        self._told: dict[str | None, tuple[Kind, Rung]] = {}

    @property
    def turns(self) -> int:
        """How many turns it has seen, up to a bound."""
        return len(self._turns)

    def turning(self, call: Call) -> Finding | None:
        agent, heard = call.caller.agent, call.heard or Heard()
        with self._lock:
            is_again = call.call_id in self._turns
            deeds = self._brought(heard)
            found = self._watch.did(agent, deeds) if deeds else None
            if call.attempt or (is_again and not heard.begins):
                return found
            self._remember(call.call_id)
            self._sources.clear()
            begins = self._watch.is_done(agent) if call.heard is None else heard.begins
            if begins:
                self._give_up(agent)
            turn = self._watch.turning(agent, call.ask.text_chars, begins=begins)
        return turn if found is None or (turn and turn.rung > found.rung) else found

    def turned(self, call: Call, answer: Answer) -> None:
        with self._lock:
            if call.call_id not in self._turns:
                return
            for asked in answer.tool_calls:
                self._ask(call.caller.agent, asked)
            reasons = map(str.lower, answer.finish_reasons)
            asks = bool(answer.tool_calls) or not _ASKS.isdisjoint(reasons)
            self._watch.turned(call.caller.agent, asks_for_tools=asks)

    def did(self, caller: Caller, deed: Deed, source: str) -> Finding | None:
        name = deed[0]
        with self._lock:
            if self._names[name]:  # the next request brings it
                return None
            if len(self._sources) < KNOWN and self._sources.setdefault(name, source) != source:
                return None  # it is told of by another one too
            return self._watch.did(caller.agent, [deed])

    def found(self, caller: Caller, finding: Finding | None) -> Circling | None:
        """What is to be told; ``None``: nothing, or what was told before."""
        if finding is None:
            return None
        with self._lock:
            before, now = self._told.get(finding.agent), (finding.kind, finding.rung)
            self._told[finding.agent] = now
            if before == now and finding.rung is not Rung.STOP:
                return None
            if finding.rung is Rung.HINT:
                self.hints.append(hint_of(finding))
            is_run = self._key == run_key(caller.run_id)
            circling = Circling(_scope_key(caller) if is_run else self._key, finding)
            if finding.rung is Rung.STOP and not is_run:
                self.stopped = circling
        return circling

    def _remember(self, call_id: str) -> None:
        self._turns[call_id] = None
        if len(self._turns) > KNOWN:
            self._turns.popitem(last=False)

    def _ask(self, agent: str | None, asked: ToolCall) -> None:
        key = asked.call_id, "" if asked.call_id else asked.name
        self._take(key)
        self._asked[key] = agent, asked
        self._names[asked.name] += 1
        self._chars += len(asked.arguments)
        while len(self._asked) > KNOWN or self._chars > KEPT_CHARS:
            self._take(next(iter(self._asked)))

    def _take(self, key: tuple[str, str]) -> ToolCall | None:
        found = self._asked.pop(key, None)
        if found is None:
            return None
        asked = found[1]
        self._chars -= len(asked.arguments)
        self._names[asked.name] -= 1
        if not self._names[asked.name]:
            del self._names[asked.name]
        return asked

    def _give_up(self, agent: str | None) -> None:
        """What an agent asked for before it was asked something new, nobody answers any more."""
        for key in [key for key, (whose, _) in self._asked.items() if whose == agent]:
            self._take(key)

    def _brought(self, heard: Heard) -> list[Deed]:
        deeds: list[Deed] = []
        for result in heard.results:
            asked = self._take((result.call_id, "")) or self._take(("", result.name))
            if asked is not None:
                deeds.append((asked.name, asked.arguments, result.text))
        return deeds


def _scope_key(caller: Caller) -> str:
    agent = caller.agent
    return run_key(caller.run_id) if agent is None else agent_key(caller.run_id, agent)


def _gravest(found: Iterator[Circling | None]) -> Circling | None:
    # All are asked: each counts what it is told.
    return max(
        (each for each in list(found) if each is not None),
        key=lambda each: each.finding.rung,
        default=None,
    )
