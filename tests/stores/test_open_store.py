"""Stores by URL."""

from __future__ import annotations

from pathlib import Path

import pytest

from wflo_otel.errors import ConfigError
from wflo_otel.stores import open_store
from wflo_otel.stores.memory import MemoryStore
from wflo_otel.testing import FakeClock


def test_memory_is_a_store() -> None:
    assert isinstance(open_store("memory://", FakeClock()), MemoryStore)


def test_four_slashes_name_an_absolute_path(tmp_path: Path) -> None:
    open_store(f"sqlite:///{tmp_path}/state.db", FakeClock()).close()

    assert (tmp_path / "state.db").is_file()


def test_three_slashes_name_a_path_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    open_store("sqlite:///.wflo/state.db", FakeClock()).close()

    assert (tmp_path / ".wflo/state.db").is_file()


def test_a_file_opened_from_here_stays_that_file_after_a_change_of_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store("sqlite:///state.db", FakeClock())
    store.stop("run:r", "x")
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")

    store.close()

    assert [view.key for view in store.ledgers()] == ["run:r"]
    store.close()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("redis://:hunter2@host/0", "not in this version"),
        ("postgres://u:hunter2@host", "no state store is called postgres://"),
        ("memory://x-hunter2", "no state store"),
        ("state.db?hunter2", "not a URL"),
        ("sqlite://hunter2.db", "three slashes"),
        ("sqlite:///", "three slashes"),
        ("sqlite:///folder/", "three slashes"),
        ("sqlite:///:memory:", "memory://"),
    ],
)
def test_any_other_url_is_refused_with_the_remedy_and_without_its_secrets(
    url: str, says: str
) -> None:
    with pytest.raises(ConfigError, match=says) as raised:
        open_store(url, FakeClock())

    assert "hunter2" not in str(raised.value)
    assert "memory://" in str(raised.value)
