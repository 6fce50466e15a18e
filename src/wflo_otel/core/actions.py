"""What an agent did, reduced to what a loop can be seen by, and compared with what it did before.

The rule: stamps (times, identifiers of a request) are noise; short numbers and percentages are
progress, and stay. What cannot be read is compared as it stands, and nothing is read beyond a
bound, whatever its size.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import field
from functools import cached_property, lru_cache
from typing import TypeAlias

from wflo_otel.core.noise import without_noise
from wflo_otel.core.value import value

#: How alike two texts are, from 0 to 1.
Similarity: TypeAlias = Callable[[str, str], float]

#: Characters of arguments that are read as JSON; longer ones are only compared as a whole.
READ_ARGUMENTS = 64_000
#: Arguments of at most so many characters are kept to compare calls that are alike.
KEPT_ARGUMENTS = 8_000
#: Characters of one argument that a similarity is taken of.
COMPARED = 2_000
#: An argument of at most so many characters names a thing, a longer one describes it.
NAME = 40
#: The share of words that two wordings of one question have in common.
SHARED_WORDS = 0.4

_WAITING_TOOL = re.compile(
    r"status|state\b|progress|poll|wait|sleep|monitor|watch|queue", re.IGNORECASE
)
_HANDS_ON = re.compile(
    r"transfer_?to|hand_?-?off|delegat|escalate_to|route_to|pass_to", re.IGNORECASE
)
_WORD = re.compile(r"\w+")


@value
class Action:
    """A tool call asked for. ``values`` are content: never shown."""

    name: str
    #: Equal for equal arguments, whatever the order of their keys.
    key: int
    #: The arguments' size, in characters.
    chars: int
    #: Each leaf of the arguments, by its path; empty where they were not read.
    values: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def hands_on(self) -> bool:
        """It gives the work to another agent."""
        return _hands_on(self.name)

    @property
    def asks_for_state(self) -> bool:
        """By its name it asks how far something is."""
        return _asks_for_state(self.name)


# A program has few tools, and asks about each of them again and again.
@lru_cache(maxsize=256)
def _hands_on(name: str) -> bool:
    return _HANDS_ON.search(name) is not None


@lru_cache(maxsize=256)
def _asks_for_state(name: str) -> bool:
    return _WAITING_TOOL.search(name) is not None


def action_of(name: str, arguments: str | None) -> Action:
    """Reduce a tool call: its name, and its arguments as they stand on the wire."""
    text = arguments or ""
    values = _leaves(text) if len(text) <= READ_ARGUMENTS else ()
    key = hash((name, values or text))
    return Action(name, key, len(text), values if len(text) <= KEPT_ARGUMENTS else ())


class Wording:
    """The words of a call's arguments, taken out once and only where they are compared."""

    def __init__(self, action: Action) -> None:
        self._action = action
        self._words: dict[int, _Words] = {}

    @property
    def name(self) -> str:
        """The tool's."""
        return self._action.name

    def is_near(self, other: Wording, similarity: Similarity, threshold: float) -> bool:
        """Whether two calls of a tool differ in wording, spelling, spaces or stamps only.

        Each argument must be alike for itself. One word, and whatever has a digit, names a thing:
        two of those are the same or not.
        """
        return self._is_like(other, lambda a, b: similarity(a.plain, b.plain) >= threshold)

    def is_reworded(self, other: Wording) -> bool:
        """Whether two calls of a tool ask one question in other words."""
        return self._is_like(other, _share_words)

    def _is_like(self, other: Wording, alike: Callable[[_Words, _Words], bool]) -> bool:
        mine, theirs = self._action.values, other._action.values
        if self.name != other.name or len(mine) != len(theirs):
            return False
        for at, (one, another) in enumerate(zip(mine, theirs, strict=True)):
            if one[0] != another[0]:
                return False
            if one[1] != another[1] and not _is_same_thing(self._at(at), other._at(at), alike):
                return False
        return bool(mine)

    def _at(self, place: int) -> _Words:
        words = self._words.get(place)
        if words is None:
            words = self._words[place] = _Words(self._action.values[place][1])
        return words


class _Words:
    """The words of one argument."""

    def __init__(self, text: str) -> None:
        self.is_text = " " in text.strip()
        read = without_noise(text[:COMPARED], " ").casefold()
        self.plain = " ".join(_WORD.findall(read))

    @cached_property
    def numbered(self) -> Counter[str]:
        """The words that have a digit: they name things."""
        words = self.plain.split()
        return Counter(word for word in words if any(map(str.isdigit, word)))

    @cached_property
    def stems(self) -> set[str]:
        """How the longer words begin."""
        return {word[:5] for word in self.plain.split() if len(word) > 3}


def _is_same_thing(mine: _Words, theirs: _Words, alike: Callable[[_Words, _Words], bool]) -> bool:
    if mine.plain == theirs.plain:
        return True
    is_text = mine.is_text and theirs.is_text
    return is_text and mine.numbered == theirs.numbered and alike(mine, theirs)


def _share_words(mine: _Words, theirs: _Words) -> bool:
    fewest = min(len(mine.stems), len(theirs.stems))
    return fewest > 1 and len(mine.stems & theirs.stems) >= SHARED_WORDS * fewest


def _leaves(text: str) -> tuple[tuple[str, str], ...]:
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        return (("", text),) if text else ()
    found: list[tuple[str, str]] = []
    todo: list[tuple[str, object]] = [("", read)]
    while todo:
        path, each = todo.pop()
        if isinstance(each, dict) and each:
            todo += [(f"{path}/{key}", inner) for key, inner in each.items()]
        elif isinstance(each, list) and each:
            todo += [(f"{path}/{at}", inner) for at, inner in enumerate(each)]
        else:
            found.append((path, each if isinstance(each, str) else json.dumps(each)))
    return tuple(sorted(found))
