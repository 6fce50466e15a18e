"""The pytest plugin: fixtures ``wflo_provider`` and ``wflo_clock``.

pytest imports this module at every start, so it imports nothing but pytest; each fixture
imports what it gives.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from wflo_otel.testing.clock import FakeClock
    from wflo_otel.testing.provider import ScriptedProvider


@pytest.fixture
def wflo_provider() -> Iterator[ScriptedProvider]:
    """Give a scripted provider on loopback that is closed after the test."""
    from wflo_otel.testing.provider import ScriptedProvider

    with ScriptedProvider() as provider:
        yield provider


@pytest.fixture
def wflo_clock() -> FakeClock:
    """Give a clock that moves only when the test moves it."""
    from wflo_otel.testing.clock import FakeClock

    return FakeClock()
