"""What telemetry swallows, and what it never does."""

from __future__ import annotations

import logging
import uuid

import pytest

from wflo_otel.errors import BudgetExceededError
from wflo_otel.telemetry.safely import safely


def leave_pytest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be as it is outside of pytest, which sets its mark anew before each test's body."""
    monkeypatch.delenv("PYTEST_CURRENT_TEST")


def test_a_failure_is_raised_under_pytest() -> None:
    with pytest.raises(ValueError, match="defect"), safely("here"):
        raise ValueError("defect")


def test_a_failure_is_swallowed_and_told_once_per_place(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_pytest(monkeypatch)
    place = uuid.uuid4().hex

    for _ in range(3):
        with safely(place):
            raise ValueError("secret prompt")

    assert [record.message for record in caplog.records] == [
        f"telemetry failed in {place} (ValueError)"
    ]


def test_the_message_of_what_failed_is_not_logged(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_pytest(monkeypatch)
    caplog.set_level(logging.DEBUG)

    with safely(uuid.uuid4().hex):
        raise ValueError("secret prompt")

    assert "secret" not in caplog.text


@pytest.mark.parametrize("error", [BudgetExceededError("stop"), KeyboardInterrupt()])
def test_a_refusal_and_an_interruption_pass_through(
    error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_pytest(monkeypatch)

    with pytest.raises(type(error)), safely("here"):
        raise error


def test_nothing_happens_where_nothing_fails(caplog: pytest.LogCaptureFixture) -> None:
    with safely("here"):
        pass

    assert not caplog.records
