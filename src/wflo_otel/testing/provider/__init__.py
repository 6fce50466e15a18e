"""A provider for tests: it answers by a script, bills on its own and never leaves loopback.

It shares no code with the guard, so that its bill can check the ledger. Stand-alone it is
``python -m wflo_otel.testing.provider``.
"""

from __future__ import annotations

from wflo_otel.testing.provider.bill import Bill, BilledCall, Price, Tokens
from wflo_otel.testing.provider.request import ReceivedRequest
from wflo_otel.testing.provider.script import Reply, Rule, ToolRequest
from wflo_otel.testing.provider.server import ScriptedProvider

__all__ = [
    "Bill",
    "BilledCall",
    "Price",
    "ReceivedRequest",
    "Reply",
    "Rule",
    "ScriptedProvider",
    "Tokens",
    "ToolRequest",
]
