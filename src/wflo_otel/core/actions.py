"""What an agent did, reduced to what a loop can be seen by: fingerprints, never the content.

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
from typing import TypeAlias

from wflo_otel.core.value import value

#: How alike two texts are, from 0 to 1.
Similarity: TypeAlias = Callable[[str, str], float]

#: Characters of arguments that are read as JSON; longer ones are only compared as a whole.
READ_ARGUMENTS = 64_000
#: Arguments of at most so many characters are kept to compare calls that are alike.
KEPT_ARGUMENTS = 8_000
#: Characters of a result from which noise is taken out; the rest is compared as it stands.
READ_RESULT = 16_000
#: Characters of one argument that a similarity is taken of.
COMPARED = 2_000
#: A result whose beginning, of so many characters, is another's is the same text again.
HEAD = 120
#: An argument of at most so many characters names a thing, a longer one describes it.
NAME = 40
#: A result of at most so many characters may say that there is nothing.
SAYS_NOTHING = 400
#: An answer of at most so many words is a nod.
NOD = 3
#: The share of words that two wordings of one question have in common.
SHARED_WORDS = 0.4

_NOISE = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?(?:Z|[+-]\d\d:?\d\d)?"
    r"|\b\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?\b"
    r"|\b(?:took|elapsed|duration|latency)\W{1,3}\d+(?:\.\d+)?"
    r"|\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"
    r"|\b(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-f]{8,64}\b"
    r"|\b(?:req|request|trace|span|corr|correlation|ref|nonce|etag)[-_ ]?(?:id)?[-_:= ]{1,2}"
    r"[0-9a-z]{4,}\b"
    r"|\b\d{10,19}\b",
    re.IGNORECASE,
)
_WAITS = re.compile(
    r"retry|try (?:it )?again|repeat your|(?:again|back) (?:later|in|soon|shortly)|please wait"
    r"|\bin a (?:moment|minute|few)|time[d ]?-?out"
    r"|temporar|overload|throttl|rate.?limit|reset by|maintenance|upgrading|reconnect"
    r"|\b(?:429|50[0234])\b|busy|pending|queued|in progress|progress|running|processing|building"
    r"|starting|restarting|hiccup|gateway|reindexing|warming|remain|not ready|unavailable"
    r"|percent|\d\s?%"
    r"|\b\d+ (?:of|/) \d+\b|\b\d+/\d+\b",
    re.IGNORECASE,
)
_WAITING_TOOL = re.compile(
    r"status|state\b|progress|poll|wait|sleep|monitor|watch|queue", re.IGNORECASE
)
_NOTHING = re.compile(
    r"\b(?:no|not|none|nothing|nobody|empty|never|without|null|error|err|fail\w*|invalid"
    r"|(?:0|zero) (?:results?|records?|rows?|hits?|matches|items?|entries|found)"
    r"|unknown|missing|denied|forbidden|unauthori[sz]ed|refused|rejected|cannot|can't|unable"
    r"|expired|locked|closed|unavailable|lacks?|\w*exception|\w*error|e[a-z]*noent|eacces|\w+n't"
    r"|nil|n/a|unsupported|unrecogni[sz]ed|malformed|illegal|prohibited|disallowed|disabled|blocked"
    r"|insufficient|exceed\w*|out of (?:range|bounds|scope|stock|memory)|outside|requires?|must"
    r"|only|40[0134569]|422)\b|^\W*$",
    re.IGNORECASE,
)
#: What reads like an error and says that there is none.
_FINE = re.compile(
    r"\b(?:no|0|zero|without(?: any)?) (?:errors?|issues?|problems?|warnings?|failures?|failed)\b"
    r"|\"?(?:errors?|failed|failures?|message)\"?: ?(?:null|none|false|0|\[\]|\"\")"
    r"|\bok\b|\bsuccess\w*",
    re.IGNORECASE,
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
        return _HANDS_ON.search(self.name) is not None

    @property
    def asks_for_state(self) -> bool:
        """By its name it asks how far something is."""
        return _WAITING_TOOL.search(self.name) is not None


@value
class Said:
    """What a tool answered."""

    #: Equal for answers that differ in noise only.
    key: int
    chars: int
    #: Of its beginning; ``None`` where it is too short to be told from others by that.
    head: int | None
    #: It says that there is nothing, or tells of an error.
    is_nothing: bool
    #: It is too short to be more than a nod, or says that all is well.
    is_nod: bool
    #: It says to wait, or how far something is.
    is_waiting: bool


def action_of(name: str, arguments: str | None) -> Action:
    """Reduce a tool call: its name, and its arguments as they stand on the wire."""
    text = arguments or ""
    values = _leaves(text) if len(text) <= READ_ARGUMENTS else ()
    key = hash((name, values or text))
    return Action(name, key, len(text), values if len(text) <= KEPT_ARGUMENTS else ())


def said_of(text: str | None) -> Said:
    """Reduce a result."""
    text = text or ""
    read = _NOISE.sub("~", text[:READ_RESULT])
    is_short = len(text) <= SAYS_NOTHING
    return Said(
        key=hash((read, text[READ_RESULT:])),
        chars=len(text),
        head=hash(read[:HEAD]) if len(text) > HEAD else None,
        is_nothing=is_short and _says_nothing(read),
        is_nod=len(text.split()) <= NOD or _FINE.search(read) is not None,
        is_waiting=is_short and _WAITS.search(read) is not None,
    )


def _says_nothing(text: str) -> bool:
    return _NOTHING.search(text) is not None and _FINE.search(text) is None


def are_near(one: Action, other: Action, similarity: Similarity, threshold: float) -> bool:
    """Whether two calls of a tool differ in wording, spelling, spaces or stamps only.

    Each argument must be alike for itself. One word, and whatever has a digit, names a thing: two
    of those are the same or not.
    """
    return _compare(one, other, lambda a, b: similarity(a, b) >= threshold)


def are_reworded(one: Action, other: Action) -> bool:
    """Whether two calls of a tool ask one question in other words."""
    return _compare(one, other, _share_words)


def _compare(one: Action, other: Action, alike: Callable[[str, str], bool]) -> bool:
    if one.name != other.name or len(one.values) != len(other.values):
        return False
    for (path, mine), (other_path, theirs) in zip(one.values, other.values, strict=True):
        if path != other_path:
            return False
        if mine != theirs and not _is_same_thing(mine, theirs, alike):
            return False
    return bool(one.values)


def _is_same_thing(one: str, other: str, alike: Callable[[str, str], bool]) -> bool:
    mine, theirs = _plain(one), _plain(other)
    if mine == theirs:
        return True
    is_text = " " in one.strip() and " " in other.strip()
    return is_text and _numbered(mine) == _numbered(theirs) and alike(mine, theirs)


def _plain(text: str) -> str:
    words = _WORD.findall(_NOISE.sub(" ", text[:COMPARED]).casefold())
    return " ".join(words)


def _numbered(text: str) -> Counter[str]:
    """The words that have a digit: they name things."""
    return Counter(word for word in text.split() if any(map(str.isdigit, word)))


def _share_words(one: str, other: str) -> bool:
    mine, theirs = _stems(one), _stems(other)
    fewest = min(len(mine), len(theirs))
    return fewest > 1 and len(mine & theirs) >= SHARED_WORDS * fewest


def _stems(text: str) -> set[str]:
    return {word[:5] for word in text.split() if len(word) > 3}


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
