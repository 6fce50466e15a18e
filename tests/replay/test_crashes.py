"""Replayers that are killed, and replayers that meet: nothing that is done is sent twice."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

import replay_crash
from made_letters import letter
from wflo_otel.core import codec
from wflo_otel.core.dead_letter import LEASE_S, LetterState
from wflo_otel.errors import DeadLetterError
from wflo_otel.replay import clear_doubts, replay
from wflo_otel.stores.sqlite import SqliteStore
from wflo_otel.testing import FakeClock, Reply

DEAD, SENDING, DONE, POISON, IN_DOUBT = LetterState


class Post:
    """A state file with one letter, and what was delivered."""

    def __init__(self, folder: Path):
        self.path = folder / "state.db"
        self.delivered = folder / "delivered"
        #: A claim of a process that was killed has ended by now.
        self.clock = FakeClock(start=time.time() + 10 * LEASE_S)
        self.store = SqliteStore(self.path, self.clock)
        self.letters = self.store.dead_letters

    def bury(self, function: str = "deliver", *args: str) -> None:
        given = {"args": list(args) or [str(self.delivered), "hello"], "kwargs": {}}
        made = letter(function=f"replay_crash:{function}", payload=codec.encode(given))
        self.letters.bury(made)

    def die(self, point: str) -> None:
        words = [sys.executable, replay_crash.__file__, str(self.path), "l1", point]
        ran = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
        assert ran.returncode == -9, ran.stderr

    @property
    def state(self) -> LetterState:
        return self.letters.letter("l1").state

    @property
    def sends(self) -> int:
        return len(self.delivered.read_text().splitlines()) if self.delivered.exists() else 0


@pytest.fixture
def post(tmp_path):
    made = Post(tmp_path)
    yield made
    made.store.close()


@pytest.mark.parametrize(
    ("point", "state", "sends"),
    [
        ("before claim", DEAD, 0),
        ("after claim", IN_DOUBT, 0),
        ("before send", IN_DOUBT, 0),
        ("after send", IN_DOUBT, 1),
        ("before mark", IN_DOUBT, 1),
        ("after mark", DONE, 1),
    ],
)
def test_a_replayer_that_is_killed_leaves_a_letter_that_says_so(post, point, state, sends):
    post.bury()

    post.die(point)

    assert (post.state, post.sends) == (state, sends)
    if state is DEAD:
        assert replay(post.letters, "l1", post.clock).state is DONE
        assert post.sends == 1
        return
    with pytest.raises(DeadLetterError):
        replay(post.letters, "l1", post.clock)
    assert post.sends == sends
    if state is DONE:
        with pytest.raises(DeadLetterError, match="never sent again"):
            replay(post.letters, "l1", post.clock, tuple(LetterState))
    else:
        assert replay(post.letters, "l1", post.clock, (IN_DOUBT,)).state is DONE
    assert post.state is DONE


def test_every_point_is_tried():
    (mark,) = test_a_replayer_that_is_killed_leaves_a_letter_that_says_so.pytestmark
    assert tuple(point for point, *_ in mark.args[1]) == replay_crash.POINTS


def test_a_letter_whose_call_was_charged_is_done_by_itself(post, wflo_provider):
    wflo_provider.script(Reply(text="It is."))
    post.bury("ask", wflo_provider.openai_url)

    post.die("after send")
    assert post.state is IN_DOUBT

    assert clear_doubts(post.letters, post.store.records) == 1
    assert post.state is DONE
    assert len(wflo_provider.requests) == 1


def test_a_letter_whose_call_was_not_answered_stays_in_doubt(post, wflo_provider):
    post.bury("ask", wflo_provider.openai_url)

    post.die("after claim")

    assert clear_doubts(post.letters, post.store.records) == 0
    assert post.state is IN_DOUBT


AGENT = """
import pathlib, time

def deliver(text):
    time.sleep(0.01)
    with pathlib.Path("delivered").open("a") as file:
        file.write(text + "\\n")
"""


def test_replayers_that_meet_send_each_letter_once(tmp_path):
    (tmp_path / "agent.py").write_text(AGENT)
    store = SqliteStore(tmp_path / ".wflo" / "state.db", FakeClock(start=time.time()))
    for n in range(20):
        payload = codec.encode({"args": [f"m{n}"], "kwargs": {}})
        now = time.time()
        store.dead_letters.bury(
            letter(f"l{n}", function="agent:deliver", payload=payload, changed_at=now)
        )
    words = [sys.executable, "-m", "wflo_otel.cli", "dlq", "replay"]
    both = [
        subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    said = [each.communicate(timeout=60)[1] for each in both]

    assert all(each.returncode in {0, 1} for each in both), said
    sent = (tmp_path / "delivered").read_text().split()
    assert sorted(sent) == sorted(f"m{n}" for n in range(20)), said
    assert {each.state for each in store.dead_letters.letters()} == {DONE}
    store.close()
