"""``wflo dlq``: dead letters for people and for programs."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from made_letters import letter
from wflo_otel.bootstrap import shutdown
from wflo_otel.cli import main
from wflo_otel.clock import SystemClock
from wflo_otel.core import codec
from wflo_otel.core.dead_letter import DeadLetter, ErrorFact, LetterState
from wflo_otel.stores.sqlite import SqliteStore

AGENT = """
import pathlib

def deliver(text):
    if text == "broken":
        raise ValueError("secret")
    with pathlib.Path("delivered").open("a") as file:
        file.write(text + " ")
"""


class Box:
    """A folder with a state of letters, and the command run in it."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.store = SqliteStore(folder / ".wflo" / "state.db", SystemClock())

    def bury(self, letter_id: str, text: str = "hello", **fields: object) -> DeadLetter:
        now = time.time()
        payload = codec.encode({"args": [text], "kwargs": {}})
        made = letter(
            letter_id,
            **{
                "function": "agent_of_dlq:deliver",
                "created_at": now,
                "changed_at": now,
                "payload": payload,
                **fields,
            },
        )
        self.store.dead_letters.bury(made)
        return made

    def run(self, *words: str):
        try:
            return CliRunner().invoke(main, ["dlq", *words])
        finally:
            shutdown()

    def json(self, *words: str):
        ran = self.run(*words, "--json")
        assert ran.exit_code == 0, ran.stderr
        return json.loads(ran.stdout)

    def states(self) -> dict[str, str]:
        return {each.letter_id: each.state.value for each in self.store.dead_letters.letters()}

    @property
    def delivered(self) -> list[str]:
        found = self.folder / "delivered"
        return found.read_text().split() if found.exists() else []


@pytest.fixture
def box(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "agent_of_dlq.py").write_text(AGENT)
    made = Box(tmp_path)
    yield made
    made.store.close()
    sys.modules.pop("agent_of_dlq", None)


def test_letters_are_listed_newest_first_with_what_they_are(box):
    box.bury("a1", created_at=1000.0)
    box.bury("b2", state=LetterState.POISON, name="other")

    ran = box.run("list")

    assert ran.exit_code == 0
    head, _, first, second = ran.stdout.splitlines()
    assert head.split() == ["what", "letter", "state", "since", "(UTC)", "error"]
    assert first.split()[:3] == ["other", "b2", "poison"]
    assert second.split() == ["call", "a1", "dead", "1970-01-01", "00:16", "TimeoutError"]


def test_an_empty_list_is_said_to_be_one(box):
    ran = box.run("list")

    assert (ran.exit_code, ran.stdout) == (0, "")
    assert "no dead letters" in ran.stderr


def test_a_list_can_be_of_some_states_and_of_the_newest(box):
    box.bury("a1")
    box.bury("b2", state=LetterState.IN_DOUBT)
    box.bury("c3", state=LetterState.IN_DOUBT)

    def ids(*words):
        return [each["letter_id"] for each in box.json("list", *words)["dead_letters"]]

    assert ids("--only", "in-doubt") == ["c3", "b2"]
    assert ids("--only", "in-doubt", "--only", "dead", "--last", "2") == ["c3", "b2"]
    assert box.run("list", "--only", "lost").exit_code == 2


def test_a_list_holds_no_arguments(box):
    box.bury("a1", "private")

    assert "private" not in box.run("list").stdout + box.run("list", "--json").stdout


def test_one_letter_is_shown_with_its_arguments_by_the_start_of_its_id(box):
    box.bury("a1b2", "private")

    ran = box.run("show", "a1")

    assert ran.exit_code == 0
    lines = dict(line.split(None, 1) for line in ran.stdout.splitlines())
    assert lines["letter_id"] == "a1b2"
    assert lines["errors"] == "TimeoutError: too slow from OSError"
    assert json.loads(lines["arguments"]) == {"args": ["private"], "kwargs": {}}
    assert "problem" not in lines
    shown = box.json("show", "a1b2")
    assert shown["arguments"] == {"args": ["private"], "kwargs": {}}
    assert shown["errors"][0] == {"type": "TimeoutError", "message": "too slow"}


def test_a_letter_without_arguments_says_why(box):
    box.bury("a1", payload=None, problem="its arguments are larger than 1 MB")

    ran = box.run("show", "a1")

    assert "problem     its arguments are larger than 1 MB\n" in ran.stdout
    assert "arguments " not in ran.stdout.replace("its arguments", "")


def test_what_a_message_holds_cannot_move_the_cursor(box):
    box.bury("a1", errors=(ErrorFact("ValueError", "one\x1b[2Jtwo\nthree"),))

    assert "errors      ValueError: one [2Jtwo three\n" in box.run("show", "a1").stdout


@pytest.mark.parametrize(
    ("wanted", "message"),
    [("x", "no dead letter 'x'"), ("a", "'a' is the start of 2 dead letters")],
)
def test_a_letter_that_is_not_known_by_that_is_said_to_be(box, wanted, message):
    box.bury("a1")
    box.bury("a12")

    ran = box.run("show", wanted)

    assert ran.exit_code == 1
    assert message in ran.stderr
    assert box.run("show", "a1").exit_code == 0


def test_all_that_is_dead_is_sent_in_the_order_it_was_written(box):
    box.bury("b2", "first", created_at=time.time() - 2)
    box.bury("a1", "second", created_at=time.time() - 1)
    box.bury("c3", "third")
    box.bury("d4", "never", state=LetterState.IN_DOUBT)

    ran = box.run("replay")

    assert ran.exit_code == 0, ran.stderr
    assert box.delivered == ["first", "second", "third"]
    assert box.states() == {"a1": "done", "b2": "done", "c3": "done", "d4": "in doubt"}
    assert "a1 call: done" in ran.stderr
    assert "1 in doubt" in ran.stderr


def test_named_letters_are_sent_and_nothing_else(box):
    box.bury("a1", "one")
    box.bury("b2", "two")

    assert box.run("replay", "b").exit_code == 0

    assert box.delivered == ["two"]


def test_what_is_done_is_not_sent_again(box):
    box.bury("a1")
    box.run("replay")

    ran = box.run("replay", "a1")

    assert ran.exit_code == 1
    assert "is done already; it is never sent again" in ran.stderr
    assert "no dead letters to replay" in box.run("replay").stderr
    assert box.delivered == ["hello"]


def test_a_replay_that_fails_is_told_without_its_message(box):
    box.bury("a1", "broken")
    box.bury("b2", "whole")

    ran = box.run("replay")

    assert ran.exit_code == 1
    assert "a1 call: dead: ValueError" in ran.stderr
    assert "secret" not in ran.stderr
    assert box.delivered == ["whole"]


@pytest.mark.parametrize(
    ("option", "state"),
    [("--in-doubt", LetterState.IN_DOUBT), ("--poison", LetterState.POISON)],
)
def test_what_is_in_doubt_or_poison_is_sent_by_the_users_word_only(box, option, state):
    box.bury("a1", state=state)

    assert f"say {option}" in box.run("replay", "a1").stderr
    assert box.delivered == []
    assert box.run("replay", option).exit_code == 0
    assert box.delivered == ["hello"]


def test_a_policy_holds_for_what_is_sent_again(box):
    (box.folder / "bad.yaml").write_text("version: 1\nbudgets: {run: {usd: five}}\n")
    box.bury("a1")

    ran = box.run("replay", "--policy", "bad.yaml")

    assert ran.exit_code == 2
    assert "'five' is not an amount" in ran.stderr
    assert box.states() == {"a1": "dead"}


def test_a_state_that_names_no_file_is_wrong(box):
    assert box.run("list", "--state", "memory://").exit_code == 2


def test_an_environment_that_is_wrong_sends_nothing(box, monkeypatch):
    monkeypatch.setenv("WFLO_BUDGET_USD", "five")
    box.bury("a1")

    ran = box.run("replay")

    assert ran.exit_code == 2
    assert "'five' is not an amount" in ran.stderr
    assert box.delivered == []


def test_the_policy_of_the_folder_is_found(box):
    (box.folder / "wflo.yaml").write_text("version: 1\nbudgets: {run: {usd: five}}\n")
    box.bury("a1")

    assert box.run("replay").exit_code == 2


@pytest.mark.parametrize(
    ("words", "left"),
    [
        ((), {"a1": "dead", "b2": "poison"}),
        (("--only", "poison", "--only", "dead"), {"c3": "done"}),
        (("--older-than", "1"), {"a1": "dead", "b2": "poison", "c3": "done"}),
    ],
)
def test_letters_are_dropped_by_state_and_age(box, words, left):
    box.bury("a1")
    box.bury("b2", state=LetterState.POISON)
    box.bury("c3", state=LetterState.DONE)

    ran = box.run("purge", *words)

    assert ran.exit_code == 0
    assert box.states() == left
    assert f"{3 - len(left)} dead letter" in ran.stderr


def test_a_state_that_is_not_there_is_not_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    ran = CliRunner().invoke(main, ["dlq", "list"])

    assert ran.exit_code == 2
    assert "no state at .wflo/state.db" in ran.stderr
    assert not (tmp_path / ".wflo").exists()


def test_a_state_that_cannot_be_read_is_said_to_be(box):
    box.bury("a1")
    with box.store._file.transaction() as connection:
        connection.execute("UPDATE dead_letters SET doc = 'x'")

    ran = box.run("list")

    assert ran.exit_code == 1
    assert "damaged" in ran.stderr
