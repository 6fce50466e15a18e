"""A dead letter: a call that failed for good, kept so that it can be replayed.

The rules: a letter is claimed before it is sent, and only its claim's token can say what came of
it; what is done is never sent again; what may have been sent and nobody knows is in doubt, and
is sent again only by somebody's word. All decisions are here, as functions from a letter to the
letter it becomes; a store makes each of them in one transaction.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from enum import StrEnum

from wflo_otel.errors import DeadLetterError

#: How long a claim holds without being renewed, in seconds.
LEASE_S = 60.0
#: A letter that has failed so many replays is poison.
MAX_REPLAYS = 5
#: Letters are kept for so long after their last change, in seconds: 30 days.
KEPT_S = 30 * 86_400.0


class LetterState(StrEnum):
    """Where a letter stands."""

    #: It can be replayed.
    DEAD = "dead"
    #: Somebody replays it.
    SENDING = "sending"
    #: A replay succeeded. It is never sent again.
    DONE = "done"
    #: It has failed too many replays.
    POISON = "poison"
    #: Its replayer is gone: it may have been sent, or not.
    IN_DOUBT = "in doubt"


@dataclass(frozen=True, slots=True)
class ErrorFact:
    """One error of a chain. Its message is content: kept only where the policy keeps content."""

    type: str
    message: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A call that failed for good. Times are in seconds since the epoch.

    Attributes:
        function: ``module:qualname``, by which it is found again.
        errors: the last error and what it was raised from, outermost first.
        attempts: all that were made, replays included.
        payload: the arguments, as :mod:`wflo_otel.core.codec` writes them; content.
        problem: why it cannot be replayed; empty where it can.
        replays: how many replays were begun.
        token: of the claim that holds until ``lease_until``.
    """

    letter_id: str
    function: str
    name: str
    attempts: int
    errors: tuple[ErrorFact, ...]
    created_at: float
    changed_at: float
    run_id: str = ""
    agent: str | None = None
    trace_id: str = ""
    payload: bytes | None = field(default=None, repr=False)
    problem: str = ""
    state: LetterState = LetterState.DEAD
    replays: int = 0
    token: str = ""
    lease_until: float = 0.0

    @property
    def replay_run(self) -> str:
        """The id of the run in which the newest replay works: its calls are found by it."""
        return f"{self.letter_id}-{self.replays}"


def as_of(letter: DeadLetter, now: float) -> DeadLetter:
    """The letter as it stands now: a claim that was not renewed leaves it in doubt."""
    if letter.state is LetterState.SENDING and letter.lease_until <= now:
        return replace(letter, state=LetterState.IN_DOUBT)
    return letter


def claimed(
    letter: DeadLetter, now: float, *, token: str, also: Collection[LetterState] = ()
) -> DeadLetter:
    """Take a letter to replay it; nobody else can, until the claim has ended.

    Args:
        also: states beside ``dead`` whose letters are taken, by the user's word.

    Raises:
        DeadLetterError: it cannot be replayed, or not now.
    """
    allowed = {LetterState.DEAD, *also} - {LetterState.DONE, LetterState.SENDING}
    if letter.state not in allowed:
        raise DeadLetterError(f"dead letter {letter.letter_id} {_REFUSALS[letter.state]}")
    if letter.problem:
        raise DeadLetterError(
            f"dead letter {letter.letter_id} cannot be replayed: {letter.problem}"
        )
    return replace(
        letter,
        state=LetterState.SENDING,
        token=token,
        lease_until=now + LEASE_S,
        replays=letter.replays + 1,
        changed_at=now,
    )


#: Where a letter stands while its claim may still say what came of it.
_HELD = frozenset({LetterState.SENDING, LetterState.IN_DOUBT})
_REFUSALS = {
    LetterState.SENDING: "is being replayed by another process",
    LetterState.DONE: "is done already; it is never sent again",
    LetterState.POISON: f"has failed {MAX_REPLAYS} replays; say --poison to send it all the same",
    LetterState.IN_DOUBT: (
        "may have been sent by a replay that was killed; say --in-doubt to send it again"
    ),
    LetterState.DEAD: "",
}


def renewed(letter: DeadLetter, now: float, *, token: str) -> DeadLetter:
    """Hold a claim for longer; one that somebody else has taken since stays theirs."""
    if letter.token != token or letter.state not in _HELD:
        return letter
    return replace(letter, state=LetterState.SENDING, lease_until=now + LEASE_S)


def done(letter: DeadLetter, now: float, *, token: str) -> DeadLetter:
    """Its replay has succeeded: the arguments are not needed any more.

    Raises:
        DeadLetterError: somebody else has claimed it since.
    """
    _check(letter, token)
    return replace(letter, state=LetterState.DONE, payload=None, changed_at=now)


def failed(
    letter: DeadLetter, now: float, *, token: str, errors: tuple[ErrorFact, ...], counts: bool
) -> DeadLetter:
    """Its replay has failed.

    Args:
        counts: whether it brings the letter nearer to being poison; a refusal does not.

    Raises:
        DeadLetterError: somebody else has claimed it since.
    """
    _check(letter, token)
    is_poison = counts and letter.replays >= MAX_REPLAYS
    return replace(
        letter,
        state=LetterState.POISON if is_poison else LetterState.DEAD,
        attempts=letter.attempts + 1,
        errors=errors,
        changed_at=now,
    )


def doubted(letter: DeadLetter, now: float, *, token: str) -> DeadLetter:
    """Its replay was broken off.

    Raises:
        DeadLetterError: somebody else has claimed it since.
    """
    _check(letter, token)
    return replace(letter, state=LetterState.IN_DOUBT, changed_at=now)


def cleared(letter: DeadLetter, now: float) -> DeadLetter:
    """It is known that its replay was sent and answered, so it is done and in doubt no more."""
    if letter.state is not LetterState.IN_DOUBT:
        return letter
    return replace(letter, state=LetterState.DONE, payload=None, changed_at=now)


def _check(letter: DeadLetter, token: str) -> None:
    if letter.token != token or letter.state not in _HELD:
        raise DeadLetterError(
            f"dead letter {letter.letter_id} was claimed by somebody else meanwhile"
        )
