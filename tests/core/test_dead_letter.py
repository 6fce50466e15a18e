"""What becomes of a dead letter, whatever its replayers do and whenever they die."""

from __future__ import annotations

from functools import partial

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from effort import times
from made_letters import NOW, letter
from wflo_otel.core import dead_letter as rules
from wflo_otel.core.dead_letter import LEASE_S, MAX_REPLAYS, ErrorFact, LetterState, as_of
from wflo_otel.errors import DeadLetterError

DEAD, SENDING, DONE, POISON, IN_DOUBT = LetterState
ERRORS = (ErrorFact("ValueError"),)


def test_a_failed_replay_leaves_its_errors_and_counts_as_an_attempt():
    held = rules.claimed(letter(), NOW + 1, token="t")
    dead = rules.failed(held, NOW + 2, token="t", errors=ERRORS, counts=True)

    assert (dead.state, dead.attempts, dead.replays) == (DEAD, 4, 1)
    assert (dead.errors, dead.changed_at) == (ERRORS, NOW + 2)
    assert dead.payload == letter().payload


@pytest.mark.parametrize(("counts", "expected"), [(True, POISON), (False, DEAD)])
def test_a_letter_that_keeps_failing_is_poison_but_a_refusal_is_no_failure(counts, expected):
    each = letter()
    for _ in range(MAX_REPLAYS):
        held = rules.claimed(each, NOW, token="t")
        each = rules.failed(held, NOW, token="t", errors=ERRORS, counts=counts)

    assert each.state is expected


def test_poison_is_sent_again_only_by_somebodys_word():
    poison = letter(state=POISON)

    with pytest.raises(DeadLetterError, match=r"has failed 5 replays; say --poison"):
        rules.claimed(poison, NOW, token="t")
    assert rules.claimed(poison, NOW, token="t", also=(POISON,)).state is SENDING


def test_a_letter_with_a_problem_is_not_claimed():
    with pytest.raises(DeadLetterError, match="l1 cannot be replayed: its arguments are gone"):
        rules.claimed(letter(problem="its arguments are gone"), NOW, token="t")


def test_a_replay_that_is_broken_off_is_in_doubt_at_once():
    held = rules.claimed(letter(), NOW, token="t")

    assert rules.doubted(held, NOW, token="t").state is IN_DOUBT


def test_only_a_doubt_can_be_cleared():
    doubted = letter(state=IN_DOUBT)

    assert rules.cleared(doubted, NOW).state is DONE
    assert rules.cleared(doubted, NOW).payload is None
    assert rules.cleared(letter(), NOW) == letter()


@pytest.mark.parametrize("state", [DEAD, DONE, POISON])
def test_a_claim_that_has_ended_is_not_renewed(state):
    ended = letter(state=state, token="t")

    assert rules.renewed(ended, NOW, token="t") == ended


def test_a_claim_is_not_renewed_by_somebody_else():
    held = rules.claimed(letter(), NOW, token="t")

    assert rules.renewed(held, NOW + 1, token="other") == held


def test_each_replay_works_in_a_run_of_its_own():
    held = rules.claimed(letter(), NOW, token="t")

    assert (letter().replay_run, held.replay_run) == ("l1-0", "l1-1")


class Replayers(RuleBasedStateMachine):
    """Replayers that claim, send, finish, die and come back late, in any order."""

    def __init__(self):
        super().__init__()
        self.letter, self.now, self.tokens = letter(), NOW, 0
        #: Those that live, by token: whether they have sent.
        self.alive: dict[str, bool] = {}
        self.sent_by_word = self.sent = 0
        self.done_after: int | None = None

    def _change(self, become):
        try:
            self.letter = become(as_of(self.letter, self.now), self.now)
        except DeadLetterError:
            return False
        return True

    @rule(by_word=st.booleans())
    def claim(self, by_word):
        self.tokens += 1
        token, also = f"t{self.tokens}", (IN_DOUBT, POISON) if by_word else ()
        before = as_of(self.letter, self.now).state
        if self._change(partial(rules.claimed, token=token, also=also)):
            assert before is DEAD or (by_word and before in also)
            self.alive[token] = False

    @precondition(lambda self: self.alive)
    @rule(data=st.data())
    def send(self, data):
        token = data.draw(st.sampled_from(sorted(self.alive)))
        if not self.alive[token]:
            assert self.done_after is None or token != self.letter.token
            self.alive[token] = True
            self.sent += 1

    @precondition(lambda self: self.alive)
    @rule(data=st.data(), succeeded=st.booleans())
    def finish(self, data, succeeded):
        token = data.draw(st.sampled_from(sorted(self.alive)))
        if not self.alive.pop(token) and succeeded:
            return  # nothing was sent
        become = (
            partial(rules.done, token=token)
            if succeeded
            else partial(rules.failed, token=token, errors=ERRORS, counts=True)
        )
        if self._change(become):
            assert token == f"t{self._last_claim()}"
            if succeeded:
                self.done_after = self.tokens

    def _last_claim(self):
        return int(self.letter.token[1:])

    @precondition(lambda self: self.alive)
    @rule(data=st.data())
    def renew(self, data):
        token = data.draw(st.sampled_from(sorted(self.alive)))
        assert self._change(partial(rules.renewed, token=token))

    @precondition(lambda self: self.alive)
    @rule(data=st.data())
    def die(self, data):
        del self.alive[data.draw(st.sampled_from(sorted(self.alive)))]

    @rule(seconds=st.sampled_from([1.0, LEASE_S / 2, LEASE_S]))
    def wait(self, seconds):
        self.now += seconds

    @invariant()
    def what_is_done_stays_done_and_was_claimed_by_nobody_since(self):
        if self.done_after is not None:
            assert self.letter.state is DONE
            assert self.letter.payload is None
            assert self._last_claim() <= self.done_after

    @invariant()
    def what_can_be_sent_has_its_arguments(self):
        if as_of(self.letter, self.now).state is not DONE:
            assert self.letter.payload is not None


TestReplayers = Replayers.TestCase
TestReplayers.settings = settings(
    max_examples=times(60, 2_000), stateful_step_count=40, deadline=None
)
