"""``wflo checkpoints``: what was saved, what changed, and going back."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

import made_calls as made
from wflo_otel.cli import main
from wflo_otel.clock import SystemClock
from wflo_otel.core import codec
from wflo_otel.ports import RunInfo
from wflo_otel.stores import open_store

FIRST, SECOND = "a" * 32, "ab" + "c" * 30


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = open_store("sqlite:///.wflo/state.db", SystemClock())
    store.open_run(RunInfo("r", "report", 1.0))
    yield store
    store.close()


def save(store, checkpoint_id, state, **changed):
    encoded = codec.encode(state)
    saved = replace(made.checkpoint(checkpoint_id, encoded), codec=codec.CODEC, **changed)
    store.save(saved, encoded)
    return saved


@pytest.fixture
def two(store):
    save(store, FIRST, {"n": 1, "at": [1]})
    return save(store, SECOND, {"n": 2, "by": "x"}, created_at=2.0, parent=FIRST)


def wflo(*words):
    ran = CliRunner().invoke(main, ["checkpoints", *words])
    return ran.exit_code, ran.stdout, ran.stderr


def test_a_runs_checkpoints_are_listed_with_what_they_follow(two):
    code, out, _ = wflo("list", "r")

    first, second = out.splitlines()[2:]
    assert code == 0
    assert first.split() == ["draft", FIRST[:12], "node", "writer", "01-01", "00:00", "16"]
    assert second.split()[1:3] == [SECOND[:12], FIRST[:12]]


def test_without_a_run_it_is_the_newest_that_has_any(store, two):
    store.open_run(RunInfo("newer", "empty", 2.0))

    assert wflo("list") == wflo("list", "r")
    assert wflo("list", "newer") == (0, "", "wflo: no checkpoints\n")


def test_the_list_is_there_for_programs(two):
    code, out, _ = wflo("list", "--json")

    found = json.loads(out)["checkpoints"]
    assert code == 0
    assert [each["id"] for each in found] == [FIRST, SECOND]
    assert found[1]["parent"] == FIRST
    assert found[1]["digest"] == two.digest


def test_where_there_is_no_run_and_no_checkpoint_that_is_said(store, tmp_path):
    assert wflo("list") == (0, "", "wflo: no checkpoints\n")
    empty = f"sqlite:///{tmp_path}/empty.db"
    other = open_store(empty, SystemClock())
    other.runs()
    other.close()
    assert wflo("list", "--state", empty) == (1, "", "wflo: no run is in this state yet\n")


def test_a_state_is_shown_as_json_and_moves_no_cursor(store):
    save(store, FIRST, {"text": "é\x1b[2J\x9b\ud800", "t": (1,)})

    code, out, _ = wflo("show", FIRST[:3])

    assert code == 0
    assert json.loads(out) == {"t": {"$wflo": "tuple", "value": [1]}, "text": "é\x1b[2J\x9b\ud800"}
    assert "é" in out
    assert "\x1b" not in out
    assert "\x9b" not in out


def test_what_changed_is_one_line_each(two):
    assert wflo("diff", FIRST, SECOND) == (0, '- /at\n~ /n 2\n+ /by "x"\n', "")
    assert wflo("diff", FIRST, FIRST) == (0, "", "wflo: the states are equal\n")


def test_what_changed_is_a_json_patch_for_programs(two):
    assert json.loads(wflo("diff", FIRST, SECOND, "--json")[1]) == [
        {"op": "remove", "path": "/at"},
        {"op": "replace", "path": "/n", "value": 2},
        {"op": "add", "path": "/by", "value": "x"},
    ]


def test_a_rollback_is_a_new_checkpoint_at_the_end_of_the_run(store, two):
    code, _, err = wflo("rollback", FIRST)

    *before, last = store.checkpoints("r")
    assert code == 0
    assert err == f"wflo: run r goes on from draft, as {last.checkpoint_id}\n"
    assert [each.checkpoint_id for each in before] == [FIRST, SECOND]
    assert (last.parent, last.digest) == (FIRST, before[0].digest)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (
            "zz",
            "no checkpoint 'zz'; `workflow.checkpoints()` or `wflo checkpoints list` lists them",
        ),
        ("a", "'a' is the start of 2 checkpoints"),
    ],
)
@pytest.mark.parametrize("command", ["show", "rollback", "diff"])
def test_an_id_that_means_none_or_several_is_told(store, two, command, wanted, message):
    more = (FIRST,) if command == "diff" else ()

    assert wflo(command, wanted, *more) == (1, "", f"wflo: {message}\n")
    assert len(store.checkpoints("r")) == 2


@pytest.mark.parametrize("command", ["show", "rollback"])
def test_a_state_of_another_codec_is_named_and_not_gone_back_to(store, command):
    save(store, FIRST, 1)
    store.save(replace(made.checkpoint(SECOND, b"x"), codec="msgpack/7"), b"x")

    code, _, err = wflo(command, SECOND)

    assert code == 1
    assert "was saved by the codec msgpack/7" in err
    assert len(store.checkpoints("r")) == 2


def test_without_a_state_that_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    code, _, err = wflo("list")

    assert code == 2
    assert "no state at .wflo/state.db" in err
