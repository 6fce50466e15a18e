"""Encrypted states are read with their key, by nobody else, and are still stored once."""

from __future__ import annotations

import base64
import sys
from dataclasses import replace

import pytest
from click.testing import CliRunner

from made_calls import checkpoint
from wflo_otel.bootstrap import configure
from wflo_otel.cli import main
from wflo_otel.core import codec
from wflo_otel.core.checkpoint import SEALED, state_of
from wflo_otel.core.policy import Checkpoints
from wflo_otel.errors import CheckpointCodecError, ConfigError
from wflo_otel.stores.memory import MemoryStore
from wflo_otel.stores.sealing import SealedCheckpoints, sealed
from wflo_otel.testing import FakeClock
from wflo_otel.workflow import WfloWorkflow

KEY, OTHER = bytes(range(32)), bytes(32)
STATE = codec.encode({"text": "hunter2"})


@pytest.fixture
def kept():
    return MemoryStore(FakeClock())


@pytest.fixture
def store(kept):
    pytest.importorskip("cryptography")
    return SealedCheckpoints(kept, KEY)


def test_without_a_key_the_store_is_as_it_was(kept):
    assert sealed(kept, None) is kept


def test_a_state_is_read_with_its_key_and_not_stored_without(store, kept):
    saved = store.save(checkpoint("k", STATE), STATE)

    found, state = store.load("k")
    assert state == STATE
    assert found == replace(saved, codec=codec.CODEC)
    assert store.checkpoints("r") == [saved]
    assert saved.codec == codec.CODEC + SEALED
    assert b"hunter2" not in kept.load("k")[1]


def test_equal_states_have_one_digest_that_says_nothing_of_them(store, kept):
    first = store.save(checkpoint("k1", STATE), STATE)
    second = store.save(checkpoint("k2", STATE), STATE)

    assert first.digest == second.digest != codec.digest(STATE)
    assert kept.load("k1")[1] == kept.load("k2")[1]
    assert store.load("k2")[1] == STATE


def test_two_keys_and_two_states_share_nothing(store, kept):
    other = SealedCheckpoints(kept, OTHER)

    assert (
        store.save(checkpoint("k1", STATE), STATE).digest
        != other.save(checkpoint("k2", STATE), STATE).digest
    )
    assert (store.load("k1")[1], other.load("k2")[1]) == (STATE, STATE)


def test_another_key_reads_nothing_and_says_what_is_wrong(store, kept):
    store.save(checkpoint("k", STATE), STATE)

    with pytest.raises(CheckpointCodecError, match="with another key, or is damaged; WFLO_CHECK"):
        SealedCheckpoints(kept, OTHER).load("k")


@pytest.mark.parametrize(
    "damage", [lambda data: b"", lambda data: data[:-1] + b"\x00" * 2, lambda data: data[:5]]
)
def test_a_damaged_state_is_refused(store, kept, damage):
    saved = store.save(checkpoint("k", STATE), STATE)
    kept._checkpoints._states[saved.digest] = damage(kept.load("k")[1])

    with pytest.raises(CheckpointCodecError, match="or is damaged"):
        store.load("k")


def test_a_state_under_another_states_name_is_refused(store, kept):
    saved = store.save(checkpoint("k", STATE), STATE)
    other = store.save(checkpoint("o", b"1"), b"1")
    kept._checkpoints._states[saved.digest] = kept._checkpoints._states[other.digest]

    with pytest.raises(CheckpointCodecError, match="or is damaged"):
        store.load("k")


def test_without_any_key_it_is_said_that_it_is_encrypted(store, kept):
    store.save(checkpoint("k", STATE), STATE)

    with pytest.raises(CheckpointCodecError, match="k is encrypted; set WFLO_CHECKPOINT_KEY"):
        state_of(*kept.load("k"))


def test_what_was_saved_before_there_was_a_key_is_still_read(store, kept):
    kept.save(checkpoint("k", STATE), STATE)

    assert store.load("k") == (checkpoint("k", STATE), STATE)


def test_encrypted_checkpoints_go_like_others(store):
    for number in range(3):
        state = codec.encode(number)
        store.save(checkpoint(f"k{number}", state, created_at=number), state, Checkpoints(keep=1))

    assert [each.checkpoint_id for each in store.checkpoints("r")] == ["k2"]


def test_a_key_with_nothing_to_encrypt_with_is_a_mistake(kept, monkeypatch):
    for name in [each for each in sys.modules if each.split(".")[0] == "cryptography"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cryptography", None)

    with pytest.raises(ConfigError, match=r"install wflo-otel\[encryption\]") as raised:
        sealed(kept, KEY)

    assert repr(KEY) not in str(raised.value)


def test_a_program_and_its_terminal_share_the_key_of_the_environment(tmp_path, monkeypatch):
    pytest.importorskip("cryptography")
    monkeypatch.setenv("WFLO_CHECKPOINT_KEY", base64.urlsafe_b64encode(KEY).decode())
    state = f"sqlite:///{tmp_path}/state.db"
    configure(state=state)
    with WfloWorkflow("report") as workflow:
        first = workflow.checkpoint("draft", {"text": "hunter2"}).checkpoint
        assert workflow.checkpoints() == [first]
        assert workflow.rollback(first.checkpoint_id).state == {"text": "hunter2"}
    command = ["checkpoints", "show", first.checkpoint_id, "--state", state]

    assert "hunter2" in CliRunner().invoke(main, command).stdout
    back = CliRunner().invoke(
        main, ["checkpoints", "rollback", first.checkpoint_id, "--state", state]
    )
    assert back.exit_code == 0
    assert {each.digest for each in workflow.checkpoints()} == {first.digest}
    assert b"hunter2" not in b"".join(each.read_bytes() for each in tmp_path.iterdir())
    monkeypatch.delenv("WFLO_CHECKPOINT_KEY")
    locked = CliRunner().invoke(main, command)
    assert (locked.exit_code, "is encrypted; set WFLO_CHECKPOINT_KEY" in locked.stderr) == (1, True)
    monkeypatch.setenv("WFLO_CHECKPOINT_KEY", "hunter3")
    wrong = CliRunner().invoke(main, command)
    assert (wrong.exit_code, "WFLO_CHECKPOINT_KEY: must be 32 random bytes" in wrong.stderr) == (
        2,
        True,
    )
    assert "hunter3" not in wrong.stderr
