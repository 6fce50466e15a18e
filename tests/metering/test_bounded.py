"""The bounded cache: what was used of late stays, the rest goes."""

from __future__ import annotations

from wflo_otel.metering.bounded import Recent


def test_it_never_holds_more_than_its_capacity() -> None:
    recent = Recent[int, str](10)

    for number in range(1_000):
        recent.put(number, "kept")
        assert len(recent) <= 10


def test_what_is_asked_for_stays_while_others_go() -> None:
    recent = Recent[int, str](10)
    recent.put(-1, "kept")

    for number in range(1_000):
        recent.put(number, "passing")
        assert recent.get(-1) == "kept"

    assert recent.get(0) is None


def test_putting_again_replaces() -> None:
    recent = Recent[str, int](2)

    recent.put("key", 1)
    recent.put("key", 2)

    assert recent.get("key") == 2
    assert len(recent) == 1
