"""What a tool answered, reduced to what a loop can be seen by: a fingerprint, and what it says.

The rule: words are looked for in the folded text, plain words first; a pattern is tried only where
a word of it is there. Nothing is read beyond a bound, whatever the size.
"""

from __future__ import annotations

import re

from wflo_otel.core.noise import without_noise
from wflo_otel.core.value import value

#: Characters of a result from which noise is taken out; the rest is compared as it stands.
READ_RESULT = 16_000
#: A result whose beginning, of so many characters, is another's is the same text again.
HEAD = 120
#: A result of at most so many characters may say that there is nothing.
SAYS_NOTHING = 400
#: An answer of at most so many words is a nod.
NOD = 3

_WORD = re.compile(r"\w+")

_WAITS = (
    *("retry", "repeat your", "please wait", "timeout", "temporar", "overload", "throttl"),
    *("reset by", "maintenance", "upgrading", "reconnect", "busy", "pending", "queued"),
    *("progress", "running", "processing", "building", "starting", "hiccup", "gateway"),
    *("reindexing", "warming", "remain", "not ready", "unavailable", "percent"),
)
#: A word of each of the patterns below.
_WAIT_HINTS = ("again", "back", "in a ", "time", "limit", "429", "50", "%", " of ", "/")
_WAIT_PATTERNS = re.compile(
    r"try (?:it )?again|(?:again|back) (?:later|in|soon|shortly)|\bin a (?:moment|minute|few)"
    r"|time[d ]?-?out|rate.?limit|\b(?:429|50[0234])\b|\d\s?%|\b\d+ (?:of|/) \d+\b|\b\d+/\d+\b"
)

_NOTHING = frozenset(
    (
        *("no", "not", "none", "nothing", "nobody", "empty", "never", "without", "null", "nil"),
        *("error", "err", "invalid", "unknown", "missing", "denied", "forbidden", "rejected"),
        *("refused", "unauthorised", "unauthorized", "unrecognised", "unrecognized"),
        *("unsupported", "malformed", "cannot", "unable", "expired", "locked", "closed"),
        *("blocked", "unavailable", "disabled", "disallowed", "illegal", "prohibited"),
        *("insufficient", "outside", "lack", "lacks", "require", "requires", "must", "only"),
        *("eacces", "400", "401", "403", "404", "405", "406", "409", "422"),
    )
)
_NOTHING_HINTS = (
    *("fail", "exceed", "0 ", "zero ", "out of ", "noent", "n/a", "exception", "error", "n't"),
)
_NOTHING_PATTERNS = re.compile(
    r"\b(?:fail|exceed|e[a-z]*noent\b|n/a\b|out of (?:range|bounds|scope|stock|memory)\b"
    r"|(?:0|zero) (?:results?|records?|rows?|hits?|matches|items?|entries|found)\b)"
    r"|(?:exception|error|\wn't)\b"
)

#: What reads like an error and says that there is none.
_FINE_HINTS = ("error", "fail", "issue", "problem", "warning", "message")
_FINE_PATTERNS = re.compile(
    r"\b(?:no|0|zero|without(?: any)?) (?:errors?|issues?|problems?|warnings?|failures?|failed)\b"
    r"|(?:errors?|failed|failures?|message)\"?: ?(?:null|none|false|0|\[\]|\"\")"
)
_WELL = re.compile(r"ok(?<=\bok)\b")
_SUCCESS = re.compile(r"success(?<=\bsuccess)")


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


def said_of(text: str | None) -> Said:
    """Reduce a result."""
    text = text or ""
    read = without_noise(text[:READ_RESULT], "~")
    folded = read.casefold()
    is_short = len(text) <= SAYS_NOTHING
    is_fine = _says_fine(folded)
    return Said(
        key=hash((read, text[READ_RESULT:])),
        chars=len(text),
        head=hash(read[:HEAD]) if len(text) > HEAD else None,
        is_nothing=is_short and not is_fine and _says_nothing(folded),
        is_nod=is_fine or len(text.split(None, NOD)) <= NOD,
        is_waiting=is_short and _says_to_wait(folded),
    )


def _has_one_of(folded: str, words: tuple[str, ...]) -> bool:
    return any(map(folded.__contains__, words))


def _says_to_wait(folded: str) -> bool:
    if _has_one_of(folded, _WAITS):
        return True
    return _has_one_of(folded, _WAIT_HINTS) and _WAIT_PATTERNS.search(folded) is not None


def _says_nothing(folded: str) -> bool:
    words = _WORD.findall(folded)
    if not words or not _NOTHING.isdisjoint(words):
        return True
    return _has_one_of(folded, _NOTHING_HINTS) and _NOTHING_PATTERNS.search(folded) is not None


def _says_fine(folded: str) -> bool:
    if _WELL.search(folded) or _SUCCESS.search(folded):
        return True
    return _has_one_of(folded, _FINE_HINTS) and _FINE_PATTERNS.search(folded) is not None
