"""What one agent did last, and whether that is a circle.

The rule: each kind of circle has its own count of answers that said the same; whatever brings
something new sets it back.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Hashable, Sequence

from wflo_otel.core.actions import NAME, Action, Similarity, Wording
from wflo_otel.core.answers import Said
from wflo_otel.core.finding import Finding, Kind, Rung, rung_of
from wflo_otel.core.periods import Periods, Repetition
from wflo_otel.core.policy import Loops

#: So many answers more than ``repeats``: to one call, as what failed may be tried again; to calls
#: that are alike; to calls that differ; to a round of calls of which each is waited for.
MORE_IF_ONE, MORE_IF_NEAR, MORE_IF_DIFFERENT, MORE_IF_AWAITED = 1, 1, 2, 2
#: Answers of one beginning, each longer than the one before, and how much the last is longer.
GROWING, GROWN = 4, 2.0
#: A prompt that has become so many times as long.
PROMPT_GROWN = 4
#: With so many earlier calls of the same answer a call is compared.
COMPARISONS = 8


class Remembered:
    """The last things that were met: at most ``bound``."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._met: OrderedDict[Hashable, Hashable] = OrderedDict()

    def __contains__(self, thing: Hashable) -> bool:
        return thing in self._met

    def add(self, thing: Hashable) -> bool:
        """Remember a thing; whether it is new."""
        is_new = thing not in self._met
        self.swap(thing, None)
        return is_new

    def swap(self, thing: Hashable, value: Hashable) -> Hashable:
        """Remember a thing's value; the one it had before, ``None`` where it is new."""
        before = self._met.pop(thing, None)
        self._met[thing] = value
        if len(self._met) > self._bound:
            self._met.popitem(last=False)
        return before


class Window:
    """What one agent did last."""

    def __init__(self, agent: str | None, options: Loops, similarity: Similarity) -> None:
        self._agent, self._options, self._near = agent, options, similarity
        self.iterations = 0
        #: The last turn asked for no tools.
        self.is_done = False
        #: How long the last prompt was.
        self.size = 0
        self._periods = Periods(options.window)
        self._steps: deque[tuple[Action, Said]] = deque(maxlen=options.window)
        self._answers = Remembered(options.window)
        self._moving = Remembered(options.window)
        self._things = Remembered(options.window * 4)
        self._stale: Counter[tuple[int, int]] = Counter()
        self._streak: deque[Wording] = deque(maxlen=COMPARISONS)
        self._same = self._alike = self._reworded = 0
        self._growth: deque[tuple[Said, int]] = deque(maxlen=GROWING)

    def heard(
        self, action: Action, said: Said, news: int, *, is_new: bool, is_first: bool
    ) -> list[Finding]:
        """An answer; ``news`` tells apart what other agents were given to do in between."""
        self._has_moved(action, said)
        repetitions = [*self._periods.add((action.key, said.key, news))]
        self._steps.append((action, said))
        found = [self._circle(repetitions), self._grows(action, said)]
        if not action.hands_on:
            is_fresh = self._is_new_thing(action, said) or is_new
            found += [self._stands_still(action, said, is_fresh=is_fresh)]
            if is_first:
                found += self._same_again(action, said)
        return [each for each in found if each is not None]

    def _has_moved(self, action: Action, said: Said) -> None:
        """Remember a call whose answer changes from time to time: somebody waits for it."""
        before = self._answers.swap(action.key, said.key)
        if before is not None and before != said.key:
            self._moving.add(action.key)

    def _is_waiting(self, action: Action, said: Said) -> bool:
        is_awaited = action.asks_for_state or action.key in self._moving
        # Who hands work on waits too; that nobody does it is seen in the run as a whole.
        return is_awaited or said.is_waiting or action.hands_on

    def _circle(self, repetitions: list[Repetition]) -> Finding | None:
        """The same call with the same answer, or a round of such calls."""
        found: list[Finding] = []
        for each in repetitions:
            if rung_of(each.rounds, self._options.repeats) is None:
                continue
            steps = list(self._steps)[-each.period :]
            rung = rung_of(each.rounds, self._patience(steps))
            kind = Kind.IDENTICAL if each.period == 1 else Kind.CYCLE
            finding = self._found(kind, rung, each.rounds, steps)
            found += [finding] if finding is not None else []
        return max(found, key=lambda each: (each.rung, -each.period), default=None)

    def _patience(self, steps: Sequence[tuple[Action, Said]]) -> int:
        """How often a round may bring the same."""
        is_one, repeats = len(steps) == 1, self._options.repeats
        if all(self._is_waiting(*step) for step in steps):
            return 2 * repeats if is_one else repeats + MORE_IF_AWAITED
        return repeats + (MORE_IF_ONE if is_one else 0)

    def _same_again(self, action: Action, said: Said) -> list[Finding | None]:
        """One answer to calls that are alike, or that differ."""
        before = self._steps[-2][1] if len(self._steps) > 1 else None
        if before is None or before.key != said.key:
            self._streak.clear()
            self._same = self._alike = self._reworded = 0
        threshold = self._options.similarity_threshold
        asked = Wording(action)
        near = any(asked.is_near(each, self._near, threshold) for each in self._streak)
        reworded = near or any(asked.is_reworded(each) for each in self._streak)
        self._streak.append(asked)
        self._same += 1
        self._alike = self._alike + 1 if near else 1
        self._reworded = self._reworded + 1 if reworded else 1
        factor = 2 if self._is_waiting(action, said) else 1
        step, limit = [(action, said)], self._options.repeats
        near_rung = rung_of(self._alike, factor * (limit + MORE_IF_NEAR))
        is_shared = not said.is_nod and len({each.name for each in self._streak}) > 1
        count = self._same if said.is_nothing or is_shared else self._reworded
        rung = rung_of(count, factor * (limit + MORE_IF_DIFFERENT))
        return [
            self._found(Kind.NEAR_DUPLICATE, near_rung, self._alike, step),
            self._found(Kind.NO_PROGRESS, rung, count, step),
        ]

    def _stands_still(self, action: Action, said: Said, *, is_fresh: bool) -> Finding | None:
        """A call that is made again and again between others, and nothing new in any answer."""
        if is_fresh:
            self._stale.clear()
        self._stale[action.key, said.key] += 1
        if len(self._stale) > self._options.window:
            self._stale.clear()
        count = self._stale[action.key, said.key]
        factor = 2 if self._is_waiting(action, said) else 1
        rung = rung_of(count, factor * (self._options.repeats + MORE_IF_DIFFERENT))
        return self._found(Kind.NO_PROGRESS, rung, count, [(action, said)])

    def _is_new_thing(self, action: Action, said: Said) -> bool:
        """Whether a call works on something that was not named before, and not in vain."""
        names = [text for _, text in action.values if len(text) <= NAME and text != "{}"]
        new = [self._things.add((action.name, name)) for name in names]
        return any(new) and not said.is_nothing

    def _grows(self, action: Action, said: Said) -> Finding | None:
        """Different calls bring the same text again, each time more of it."""
        if said.head is None:
            self._growth.clear()
            return None
        last = self._growth[-1][0] if self._growth else said
        if last.head != said.head or said.chars <= last.chars:
            self._growth.clear()
        self._growth.append((said, self.size))
        if len(self._growth) < GROWING or len(self._calls(GROWING)) < GROWING:
            return None
        (first, size_then), (_, size_now) = self._growth[0], self._growth[-1]
        grown = said.chars >= GROWN * first.chars and size_now >= PROMPT_GROWN * size_then
        rung = Rung.STOP if grown else Rung.WARN
        return self._found(Kind.CONTEXT_GROWTH, rung, len(self._growth), [(action, said)])

    def _calls(self, count: int) -> set[int]:
        return {action.key for action, _ in list(self._steps)[-count:]}

    def _found(
        self, kind: Kind, rung: Rung | None, count: int, steps: Sequence[tuple[Action, Said]]
    ) -> Finding | None:
        if rung is None:
            return None
        cycle = tuple(f"{action.name}({action.chars} chars)" for action, _ in steps)
        return Finding(kind, rung, self._agent, count, len(cycle), cycle)
