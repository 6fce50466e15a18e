"""The contract of DeadLetters, for every store."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import partial

import pytest

from made_letters import NOW, letter
from wflo_otel.core import dead_letter as rules
from wflo_otel.core.dead_letter import KEPT_S, LEASE_S, LetterState
from wflo_otel.errors import DeadLetterError
from wflo_otel.ports import DeadLetters
from wflo_otel.testing import FakeClock

DEAD, SENDING, DONE, POISON, IN_DOUBT = LetterState


@pytest.fixture
def letters(store) -> DeadLetters:
    return store.dead_letters


def claim(letters: DeadLetters, letter_id: str = "l1", token: str = "t1", also=()):
    return letters.change(letter_id, partial(rules.claimed, token=token, also=also))


def finish(letters: DeadLetters, letter_id: str = "l1", token: str = "t1"):
    return letters.change(letter_id, partial(rules.done, token=token))


def test_what_was_buried_is_there_with_its_payload(letters):
    letters.bury(letter("l1", "question", problem="none"))

    assert letters.letter("l1") == letter("l1", "question", problem="none")


def test_burying_again_under_one_id_keeps_the_first(letters):
    letters.bury(letter("l1", "first"))
    letters.bury(letter("l1", "second"))

    assert letters.letter("l1") == letter("l1", "first")


def test_letters_are_listed_newest_first_without_payloads(letters):
    for letter_id, created_at in (("l2", NOW + 2), ("l1", NOW + 1), ("l3", NOW + 2)):
        letters.bury(letter(letter_id, created_at=created_at))

    listed = letters.letters()

    assert [each.letter_id for each in listed] == ["l3", "l2", "l1"]
    assert [each.payload for each in listed] == [None] * 3
    assert [each.letter_id for each in letters.letters(limit=1)] == ["l3"]


def test_letters_are_listed_by_state(letters):
    for letter_id in ("l1", "l2", "l3"):
        letters.bury(letter(letter_id))
    claim(letters, "l1")
    claim(letters, "l2")
    finish(letters, "l2")

    def ids(*states):
        return [each.letter_id for each in letters.letters(states)]

    assert (ids(SENDING), ids(DONE), ids(DEAD)) == (["l1"], ["l2"], ["l3"])
    assert ids(DEAD, DONE) == ["l3", "l2"]


@pytest.mark.parametrize("use", [lambda them: them.letter("l9"), lambda them: claim(them, "l9")])
def test_an_unknown_letter_is_not_found(letters, use):
    with pytest.raises(DeadLetterError, match="no dead letter 'l9'"):
        use(letters)


def test_a_change_that_is_refused_changes_nothing(letters):
    letters.bury(letter())
    claim(letters)
    before = letters.letter("l1")

    with pytest.raises(DeadLetterError, match="is being replayed by another process"):
        claim(letters, token="t2")

    assert letters.letter("l1") == before


def test_what_is_done_has_no_payload_and_is_never_claimed_again(letters):
    letters.bury(letter())
    claim(letters)
    finish(letters)

    assert letters.letter("l1").payload is None
    with pytest.raises(DeadLetterError, match="is done already; it is never sent again"):
        claim(letters, also=tuple(LetterState))


def test_a_claim_that_is_not_renewed_is_in_doubt(letters, clock: FakeClock):
    letters.bury(letter())
    claim(letters)
    clock.advance(LEASE_S - 1)
    letters.change("l1", partial(rules.renewed, token="t1"))
    clock.advance(LEASE_S - 1)
    assert letters.letter("l1").state is SENDING

    clock.advance(1)

    assert letters.letter("l1").state is IN_DOUBT
    assert [each.letter_id for each in letters.letters((IN_DOUBT,))] == ["l1"]
    with pytest.raises(DeadLetterError, match="may have been sent"):
        claim(letters, token="t2")
    assert claim(letters, token="t2", also=(IN_DOUBT,)).token == "t2"


def test_only_the_last_claim_can_say_what_came_of_it(letters, clock: FakeClock):
    letters.bury(letter())
    claim(letters)
    clock.advance(LEASE_S)
    claim(letters, token="t2", also=(IN_DOUBT,))

    with pytest.raises(DeadLetterError, match="was claimed by somebody else"):
        finish(letters)
    assert finish(letters, token="t2").state is DONE


def test_letters_are_purged_by_state_and_age(letters, clock: FakeClock):
    letters.bury(letter("old"))
    letters.bury(letter("done"))
    letters.bury(letter("new", changed_at=NOW + 100))
    claim(letters, "done")
    finish(letters, "done")

    assert letters.purge((DONE,), NOW) == 0
    assert letters.purge((DONE,), NOW + 1) == 1
    assert letters.purge((DEAD,), NOW + 100) == 1
    assert [each.letter_id for each in letters.letters()] == ["new"]


def test_letters_that_are_very_old_go_with_the_next_one(letters, clock: FakeClock):
    letters.bury(letter("old"))
    clock.advance(KEPT_S + 1)

    letters.bury(letter("new", created_at=clock.time(), changed_at=clock.time()))

    assert [each.letter_id for each in letters.letters()] == ["new"]


def test_many_who_claim_at_once_get_each_letter_once(letters):
    for n in range(20):
        letters.bury(letter(f"l{n}"))
    got: list[str] = []

    def work(token: str) -> None:
        for n in range(20):
            try:
                got.append(claim(letters, f"l{n}", token=token).letter_id)
            except DeadLetterError:
                continue

    threads = [threading.Thread(target=work, args=(f"t{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(got) == sorted(f"l{n}" for n in range(20))


def test_what_a_change_makes_is_what_is_kept(letters):
    letters.bury(letter())

    changed = letters.change("l1", lambda each, now: replace(each, attempts=9, changed_at=now))

    assert letters.letter("l1") == changed
    assert changed.attempts == 9
