"""A policy file in use: what becomes of it when it changes under a running program."""

import os
import pickle
from pathlib import Path

import pytest

from wflo_otel.config import PolicyFile, PolicyFileError, load_policy
from wflo_otel.core.policy import Budget

ONE_DOLLAR = "version: 1\nbudgets: {run: 1}\n"
TWO_DOLLARS = "version: 1\nbudgets: {run: 2}\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "wflo.yaml"
    path.write_text(ONE_DOLLAR)
    return path


def replace(path: Path, text: str) -> None:
    """Write as editors do: a new file in the old one's place."""
    beside = path.with_suffix(".new")
    beside.write_text(text)
    os.utime(beside, ns=(1, 1))
    beside.replace(path)


def test_an_untouched_file_has_not_changed(path: Path) -> None:
    assert not PolicyFile(path).changed()


def test_a_replaced_file_has_changed(path: Path) -> None:
    file = PolicyFile(path)

    replace(path, TWO_DOLLARS)

    assert file.changed()


def test_a_reload_takes_the_new_policy(path: Path) -> None:
    file = PolicyFile(path)
    replace(path, TWO_DOLLARS)

    problem = file.reload()

    assert problem is None
    assert file.policy.budgets.run == Budget(usd=2_000_000_000)
    assert not file.changed()


def test_a_bad_file_keeps_the_old_policy_and_says_why(path: Path) -> None:
    file = PolicyFile(path)
    replace(path, "version: 1\nbudgets: {run: two}\n")

    problem = file.reload()

    assert str(problem) == (
        f"{path}:2: budgets.run: 'two' is not an amount in US dollars (write 5.00)"
    )
    assert file.policy.budgets.run == Budget(usd=1_000_000_000)


def test_a_bad_file_is_read_once_until_it_changes_again(path: Path) -> None:
    file = PolicyFile(path)
    replace(path, "version: 9\n")
    file.reload()

    assert not file.changed()


def test_a_file_that_went_away_keeps_the_old_policy(path: Path) -> None:
    file = PolicyFile(path)
    path.unlink()

    assert file.changed()
    assert str(file.reload()) == f"{path}: no such file (`wflo init` writes one)"
    assert file.policy.budgets.run == Budget(usd=1_000_000_000)
    assert not file.changed()


def test_a_directory_cannot_be_read_as_a_policy(tmp_path: Path) -> None:
    with pytest.raises(PolicyFileError, match=r": cannot be read: "):
        load_policy(tmp_path)


def test_a_byte_order_mark_is_no_part_of_the_policy(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbf" + TWO_DOLLARS.encode())

    assert load_policy(path).budgets.run == Budget(usd=2_000_000_000)


def test_a_file_of_any_size_is_refused_after_its_first_megabytes(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2**40)

    with pytest.raises(PolicyFileError, match="is larger than 1 MiB"):
        load_policy(path)


def test_the_error_pickles_with_its_problems(path: Path) -> None:
    path.write_text("version: 1\na: 1\nb: 2\n")
    with pytest.raises(PolicyFileError) as raised:
        load_policy(path)

    copy = pickle.loads(pickle.dumps(raised.value))

    assert copy.problems == raised.value.problems
    assert len(copy.problems) == 2
