"""The contract of CheckpointStore, for every store."""

from __future__ import annotations

import pytest

from made_calls import checkpoint
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


def test_an_unknown_checkpoint_is_not_found(store: CheckpointStore) -> None:
    with pytest.raises(CheckpointNotFoundError, match="no checkpoint 'k9'"):
        store.load("k9")
