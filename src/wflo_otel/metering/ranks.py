"""OpenAI's public tokenizers, where their vocabulary is on this disk already.

The rule here: nothing is ever downloaded. A file is used only if its digest is the published
one; it is read in a thread of its own, and until that is done there is no tokenizer.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import os
import tempfile
import threading
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tiktoken import Encoding

_logger = logging.getLogger(__name__)

#: By encoding: the name under which tiktoken keeps the file, and its SHA-256. Source: tiktoken.
KNOWN: Mapping[str, tuple[str, str]] = {
    "o200k_base": (
        "fb374d419588a4632f3f557e76b4b70aebbca790",
        "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    ),
    "cl100k_base": (
        "9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
        "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    ),
}


def cache_directory() -> Path:
    """Return where tiktoken keeps vocabularies on this machine."""
    for name in ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR"):
        if named := os.environ.get(name):
            return Path(named)
    return Path(tempfile.gettempdir()) / "data-gym-cache"


def on_disk(
    directory: Path | None = None, known: Mapping[str, tuple[str, str]] = KNOWN
) -> tuple[str, ...]:
    """Name the encodings whose vocabulary lies in a directory, as it was published."""
    folder = directory or cache_directory()
    paths = {encoding: (folder / file, digest) for encoding, (file, digest) in known.items()}
    return tuple(
        encoding
        for encoding, (path, digest) in paths.items()
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == digest
    )


class Ranks:
    """The tokenizers found in a directory, each loaded when first asked for.

    Args:
        directory: where the files are; by default where tiktoken keeps them.
        known: the files to trust, see :data:`KNOWN`.
    """

    def __init__(
        self, directory: Path | None = None, known: Mapping[str, tuple[str, str]] = KNOWN
    ) -> None:
        self._directory = directory
        self._known = known
        self._loaded: dict[str, Encoding] = {}
        self._threads: dict[str, threading.Thread] = {}
        self._lock = threading.Lock()

    def counter(self, encoding: str) -> Callable[[str], int] | None:
        """Return what counts tokens of ordinary text; ``None`` where there is none, or not yet.

        Asking for the first time begins to load the file in the background.
        """
        loaded = self._loaded.get(encoding)
        if loaded is not None:
            return lambda text: len(loaded.encode_ordinary(text))
        if encoding in self._known and encoding not in self._threads:
            self._begin(encoding)
        return None

    def wait(self, seconds: float) -> None:
        """Wait for what is being loaded."""
        for thread in list(self._threads.values()):
            thread.join(seconds)

    def _begin(self, encoding: str) -> None:
        thread = threading.Thread(
            target=self._load, args=(encoding,), name=f"wflo-{encoding}", daemon=True
        )
        with self._lock:
            if encoding in self._threads:
                return
            self._threads[encoding] = thread
        thread.start()

    def _load(self, encoding: str) -> None:
        file, digest = self._known[encoding]
        try:
            data = ((self._directory or cache_directory()) / file).read_bytes()
        except OSError:
            return
        if hashlib.sha256(data).hexdigest() != digest:
            _logger.warning("the vocabulary %s has another digest: it is not used", file)
            return
        self._loaded[encoding] = _built(encoding, data)


def _built(encoding: str, data: bytes) -> Encoding:
    """Build an encoding as tiktoken defines it, from these bytes.

    tiktoken's own definition is run with its loader exchanged for ours, so that it has no way
    to the network whatever happens to the file meanwhile.
    """
    from tiktoken import Encoding

    public = import_module("tiktoken_ext.openai_public")
    ranks = {}
    for line in data.splitlines():
        token, _, rank = line.partition(b" ")
        ranks[base64.b64decode(token)] = int(rank)
    definition: FunctionType = getattr(public, encoding)
    names = {**vars(public), "load_tiktoken_bpe": lambda *_, **__: ranks}
    return Encoding(**FunctionType(definition.__code__, names)())
