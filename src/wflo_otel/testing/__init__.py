"""What tests of guarded programs need: a provider that bills, a clock, an assertion on cost.

Everything here is imported when it is first asked for, so that the pytest plugin costs a
test run nothing.

>>> from wflo_otel.testing import Reply, ScriptedProvider
>>> with ScriptedProvider(Reply(text="Hello")) as provider:
...     provider.bill.total_usd
Decimal('0')
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wflo_otel.testing.clock import FakeClock
    from wflo_otel.testing.costs import assert_cost
    from wflo_otel.testing.provider import (
        ReceivedRequest,
        Reply,
        Rule,
        ScriptedProvider,
        ToolRequest,
    )

__all__ = [
    "FakeClock",
    "ReceivedRequest",
    "Reply",
    "Rule",
    "ScriptedProvider",
    "ToolRequest",
    "assert_cost",
]

_HOMES = {
    "FakeClock": "wflo_otel.testing.clock",
    "assert_cost": "wflo_otel.testing.costs",
    "ReceivedRequest": "wflo_otel.testing.provider",
    "Reply": "wflo_otel.testing.provider",
    "Rule": "wflo_otel.testing.provider",
    "ScriptedProvider": "wflo_otel.testing.provider",
    "ToolRequest": "wflo_otel.testing.provider",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
