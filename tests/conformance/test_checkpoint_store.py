"""The contract of CheckpointStore, for every store."""

from __future__ import annotations

import pytest

from made_calls import checkpoint
from wflo_otel.core.policy import Checkpoints
from wflo_otel.errors import CheckpointNotFoundError
from wflo_otel.ports import CheckpointStore


def test_what_was_saved_is_loaded(store: CheckpointStore) -> None:
    saved = checkpoint("k1", b"\x00state")
    store.save(saved, b"\x00state")

    assert store.load("k1") == (saved, b"\x00state")


def test_checkpoints_of_a_run_are_listed_oldest_first(store: CheckpointStore) -> None:
    for checkpoint_id, created_at in (("k2", 2.0), ("k1", 1.0), ("k3", 2.0)):
        store.save(checkpoint(checkpoint_id, b"x", created_at=created_at), b"x")
    store.save(checkpoint("other", b"x", run_id="other"), b"x")

    assert [each.checkpoint_id for each in store.checkpoints("r")] == ["k1", "k2", "k3"]


def test_two_checkpoints_may_share_a_state(store: CheckpointStore) -> None:
    store.save(checkpoint("k1", b"same"), b"same")
    store.save(checkpoint("k2", b"same"), b"same")

    assert store.load("k1")[1] == store.load("k2")[1] == b"same"


def test_saving_again_under_one_id_keeps_the_first(store: CheckpointStore) -> None:
    store.save(checkpoint("k1", b"first"), b"first")
    store.save(checkpoint("k1", b"second"), b"second")

    assert store.load("k1") == (checkpoint("k1", b"first"), b"first")


def ids(store: CheckpointStore, run_id: str = "r") -> list[str]:
    return [each.checkpoint_id for each in store.checkpoints(run_id)]


def test_only_the_newest_of_a_run_are_kept(store: CheckpointStore) -> None:
    kept = Checkpoints(keep=2)
    store.save(checkpoint("other", b"x", run_id="other"), b"x")
    for number, created_at in enumerate((3.0, 1.0, 2.0, 2.0)):
        state = bytes([number])
        store.save(checkpoint(f"k{number}", state, created_at=created_at), state, kept)

    assert ids(store) == ["k3", "k0"]
    assert ids(store, "other") == ["other"]
    with pytest.raises(CheckpointNotFoundError):
        store.load("k1")


def test_what_is_too_old_goes_in_every_run(store: CheckpointStore) -> None:
    kept = Checkpoints(max_age_days=1)
    store.save(checkpoint("old", b"a", run_id="other", created_at=100.0), b"a", kept)
    store.save(checkpoint("young", b"b", run_id="other", created_at=200.0), b"b", kept)
    store.save(checkpoint("new", b"c", created_at=86_600.0), b"c", kept)

    assert (ids(store), ids(store, "other")) == (["new"], ["young"])


def test_a_state_goes_with_its_last_checkpoint_and_not_before(store: CheckpointStore) -> None:
    store.save(checkpoint("k1", b"same", created_at=1.0), b"same")
    store.save(checkpoint("k2", b"same", run_id="other"), b"same")
    store.save(checkpoint("k3", b"new", created_at=2.0), b"new", Checkpoints(keep=1))
    assert store.load("k2")[1] == b"same"

    store.save(
        checkpoint("k4", b"new", run_id="other", created_at=2.0), b"new", Checkpoints(keep=1)
    )
    # Of another text, to see that the old one is gone: a state that is there already stays.
    store.save(checkpoint("k5", b"same", created_at=3.0), b"again")
    assert store.load("k5")[1] == b"again"


def test_an_unknown_checkpoint_is_not_found(store: CheckpointStore) -> None:
    with pytest.raises(CheckpointNotFoundError, match="no checkpoint 'k9'"):
        store.load("k9")
