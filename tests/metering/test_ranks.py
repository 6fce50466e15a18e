"""Tokenizers from disk: only what carries the published digest, and never from a network."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from wflo_otel.core.call import Ask, Operation
from wflo_otel.metering import ranks as ranks_module
from wflo_otel.metering.ranks import KNOWN, Ranks, cache_directory, on_disk
from wflo_otel.metering.tokens import EXACT_UP_TO, LearningEstimator

#: A vocabulary of single bytes: a text has as many tokens as bytes.
BYTES = b"\n".join(base64.b64encode(bytes([each])) + b" %d" % each for each in range(256))


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Refuse, and record, each socket."""
    opened: list[object] = []

    def refuse(*args: object, **_: object) -> None:
        opened.append(args)
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    return opened


def loaded(directory: Path, data: bytes = BYTES) -> Ranks:
    (directory / "file").write_bytes(data)
    digest = hashlib.sha256(BYTES).hexdigest()
    found = Ranks(directory, dict.fromkeys(KNOWN, ("file", digest)))
    for name in KNOWN:
        found.counter(name)
    found.wait(20)
    return found


def ask(text: str, model: str = "gpt-4o") -> Ask:
    return Ask(Operation.CHAT, "openai", model, messages=1, text_chars=len(text), texts=(text,))


@pytest.mark.parametrize("name", KNOWN)
def test_a_vocabulary_on_disk_counts_exactly(
    tmp_path: Path, name: str, no_network: list[object]
) -> None:
    count = loaded(tmp_path).counter(name)

    assert count is not None
    assert count("four") == 4
    assert count("<|endoftext|>") == len("<|endoftext|>")
    assert no_network == []


def test_a_file_with_another_digest_is_not_used_and_not_touched(
    tmp_path: Path, no_network: list[object], caplog: pytest.LogCaptureFixture
) -> None:
    found = loaded(tmp_path, BYTES + b"\n")

    assert found.counter("o200k_base") is None
    assert (tmp_path / "file").read_bytes() == BYTES + b"\n"
    assert "another digest" in caplog.text
    assert no_network == []


def test_without_a_file_there_is_no_tokenizer(tmp_path: Path, no_network: list[object]) -> None:
    found = Ranks(tmp_path)

    for _ in range(3):
        assert found.counter("o200k_base") is None
        found.wait(20)

    assert no_network == []


def test_an_unknown_encoding_has_no_tokenizer(tmp_path: Path) -> None:
    assert Ranks(tmp_path).counter("p50k_base") is None


def test_a_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    plain_load = Ranks._load

    def load(self: Ranks, encoding: str) -> None:
        started.append(encoding)
        plain_load(self, encoding)

    monkeypatch.setattr(Ranks, "_load", load)
    found = loaded(tmp_path)
    found._begin("o200k_base")
    found.wait(20)

    assert sorted(started) == sorted(KNOWN)


@pytest.mark.parametrize("name", ["TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR"])
def test_files_are_where_tiktoken_keeps_them(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for each in ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR"):
        monkeypatch.delenv(each, raising=False)

    assert cache_directory() == Path(tempfile.gettempdir()) / "data-gym-cache"
    monkeypatch.setenv(name, os.sep + "elsewhere")
    assert cache_directory() == Path(os.sep + "elsewhere")


def test_the_directory_is_asked_for_where_none_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded(tmp_path)
    monkeypatch.setattr(ranks_module, "cache_directory", lambda: tmp_path)
    found = Ranks(known={"o200k_base": ("file", hashlib.sha256(BYTES).hexdigest())})

    found.counter("o200k_base")
    found.wait(20)

    assert found.counter("o200k_base") is not None


def test_an_exact_count_needs_little_margin(tmp_path: Path) -> None:
    estimates = LearningEstimator(loaded(tmp_path))

    found = estimates.input_tokens(ask("word " * 1_000))

    assert 5_000 <= found.expected <= 5_020
    assert found.expected < found.upper <= 1.05 * found.expected


def test_characters_without_their_text_are_added_to_an_exact_count(tmp_path: Path) -> None:
    estimates = LearningEstimator(loaded(tmp_path))
    seen = ask("word")

    more = estimates.input_tokens(replace(seen, text_chars=4 + 480))

    assert more.expected == estimates.input_tokens(seen).expected + 100


def test_a_text_is_counted_once_while_it_is_remembered(tmp_path: Path) -> None:
    counted: list[str] = []

    class Counting(Ranks):
        def counter(self, encoding: str):  # type: ignore[no-untyped-def]
            return lambda text: counted.append(text) or len(text)

    estimates = LearningEstimator(Counting(tmp_path))
    for _ in range(3):
        estimates.input_tokens(ask("the same text"))

    assert counted == ["the same text"]


def test_a_very_long_text_is_weighed_and_not_counted(tmp_path: Path) -> None:
    estimates = LearningEstimator(loaded(tmp_path))

    found = estimates.input_tokens(ask("word " * EXACT_UP_TO))

    assert found.expected < EXACT_UP_TO * 2


def test_other_vendors_models_are_weighed(tmp_path: Path) -> None:
    estimates = LearningEstimator(loaded(tmp_path))

    found = estimates.input_tokens(ask("word " * 1_000, "claude-sonnet-4-5"))

    assert found.expected < 2_000


PUBLISHED = {"o200k_base": ("file", hashlib.sha256(BYTES).hexdigest())}


def test_a_vocabulary_as_it_was_published_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(BYTES)

    assert on_disk(tmp_path, PUBLISHED) == ("o200k_base",)


def test_a_vocabulary_with_another_digest_is_not_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(BYTES + b"\n")

    assert on_disk(tmp_path, PUBLISHED) == ()


def test_a_vocabulary_that_is_not_there_is_not_named(tmp_path: Path) -> None:
    assert on_disk(tmp_path) == ()
