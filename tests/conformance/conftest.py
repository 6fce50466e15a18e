"""The adapters that the suite holds to the ports' contracts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from wflo_otel.stores.memory import MemoryStore
from wflo_otel.stores.sqlite import SqliteStore
from wflo_otel.testing import FakeClock

LEASE_S = 30.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["memory", "sqlite"])
def store(
    request: pytest.FixtureRequest, clock: FakeClock, tmp_path: Path
) -> Iterator[MemoryStore | SqliteStore]:
    made: MemoryStore | SqliteStore
    if request.param == "memory":
        made = MemoryStore(clock, lease_s=LEASE_S)
    else:
        made = SqliteStore(tmp_path / "state.db", clock, lease_s=LEASE_S)
    yield made
    made.close()
