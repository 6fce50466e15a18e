"""States of checkpoints, and results, encrypted at rest.

AES-256-GCM, with keys for states and for digests that are derived from the one in the
environment. A digest under a key names equal states as before and says nothing of them.

The rule that holds here: the key is in no message, no ``repr`` and no file; whoever has a key
never stores a state without it.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from wflo_otel.core.checkpoint import SEALED, Checkpoint
from wflo_otel.core.policy import Checkpoints
from wflo_otel.core.results import KeptResult
from wflo_otel.errors import CheckpointCodecError, ConfigError
from wflo_otel.ports import CheckpointStore, ResultLog

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

#: Of AES-GCM, in bytes; drawn at random for each state.
_NONCE = 12


def sealed(store: CheckpointStore, key: bytes | None) -> CheckpointStore:
    """The same checkpoints, with their states encrypted where there is a key.

    Raises:
        ConfigError: there is a key, but nothing to encrypt with.
    """
    return store if key is None else SealedCheckpoints(store, key)


def sealed_results(log: ResultLog, key: bytes | None) -> ResultLog:
    """The same results, encrypted where there is a key.

    Raises:
        ConfigError: there is a key, but nothing to encrypt with.
    """
    return log if key is None else SealedResults(log, key)


class SealedCheckpoints:
    """Checkpoints of another store, whose states only a key can read.

    States that were saved without a key can still be read.

    Args:
        store: where they are kept.
        key: 32 bytes.

    Raises:
        ConfigError: the package that encrypts is not installed.
    """

    def __init__(self, store: CheckpointStore, key: bytes) -> None:
        self._store = store
        self._cipher = _cipher(_derived(key, b"state"))
        self._digest_key = _derived(key, b"digest")

    def save(
        self, checkpoint: Checkpoint, state: bytes, kept: Checkpoints | None = None
    ) -> Checkpoint:
        """Keep a state, encrypted; return the checkpoint as it is stored."""
        digest = hashlib.blake2b(state, digest_size=16, key=self._digest_key).hexdigest()
        stored = replace(checkpoint, digest=digest, codec=checkpoint.codec + SEALED)
        nonce = os.urandom(_NONCE)
        return self._store.save(
            stored, nonce + self._cipher.encrypt(nonce, state, digest.encode()), kept
        )

    def checkpoints(self, run_id: str) -> list[Checkpoint]:
        """List a run's checkpoints, oldest first."""
        return self._store.checkpoints(run_id)

    def load(self, checkpoint_id: str) -> tuple[Checkpoint, bytes]:
        """Return a checkpoint as it was before it was encrypted, and its state.

        Raises:
            CheckpointNotFoundError: there is none with that id.
            CheckpointCodecError: it was saved with another key, or is damaged.
        """
        from cryptography.exceptions import InvalidTag

        checkpoint, state = self._store.load(checkpoint_id)
        if not checkpoint.codec.endswith(SEALED):
            return checkpoint, state
        nonce, encrypted = state[:_NONCE], state[_NONCE:]
        try:
            opened = self._cipher.decrypt(nonce, encrypted, checkpoint.digest.encode())
        except (InvalidTag, ValueError):
            raise CheckpointCodecError(
                f"checkpoint {checkpoint_id} was encrypted with another key, or is damaged; "
                "WFLO_CHECKPOINT_KEY must be the one it was saved with"
            ) from None
        return replace(checkpoint, codec=checkpoint.codec.removesuffix(SEALED)), opened


class SealedResults:
    """Results of another log, which only a key can read; those from before it still can be read.

    Args:
        log: where they are kept.
        key: 32 bytes.

    Raises:
        ConfigError: the package that encrypts is not installed.
    """

    def __init__(self, log: ResultLog, key: bytes) -> None:
        self._log = log
        self._cipher = _cipher(_derived(key, b"result"))

    def keep(self, result: KeptResult, kept: Checkpoints) -> None:
        """Keep a result, encrypted."""
        nonce = os.urandom(_NONCE)
        encrypted = self._cipher.encrypt(nonce, result.payload, result.run_id.encode())
        self._log.keep(
            replace(result, payload=nonce + encrypted, codec=result.codec + SEALED), kept
        )

    def results(self, run_id: str) -> list[KeptResult]:
        """List a run's results, oldest first, as they were before they were encrypted.

        Raises:
            CheckpointCodecError: one was kept with another key, or is damaged.
        """
        return [self._opened(each) for each in self._log.results(run_id)]

    def _opened(self, result: KeptResult) -> KeptResult:
        from cryptography.exceptions import InvalidTag

        if not result.codec.endswith(SEALED):
            return result
        nonce, encrypted = result.payload[:_NONCE], result.payload[_NONCE:]
        try:
            payload = self._cipher.decrypt(nonce, encrypted, result.run_id.encode())
        except (InvalidTag, ValueError):
            raise CheckpointCodecError(
                "results of the run were encrypted with another key, or are damaged; "
                "WFLO_CHECKPOINT_KEY must be the one they were saved with"
            ) from None
        return replace(result, payload=payload, codec=result.codec.removesuffix(SEALED))


def _derived(key: bytes, purpose: bytes) -> bytes:
    """A key for one purpose (BLAKE2b as a pseudo-random function of the purpose)."""
    return hashlib.blake2b(b"wflo checkpoint " + purpose, key=key, digest_size=32).digest()


def _cipher(key: bytes) -> AESGCM:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError:
        raise ConfigError(
            "WFLO_CHECKPOINT_KEY is set, but what encrypts is not installed; "
            "install wflo-otel[encryption], or unset it"
        ) from None
    return AESGCM(key)
