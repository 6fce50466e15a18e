"""Counting what no ledger shows. Never raises: a count is worth no call."""

from __future__ import annotations

from wflo_otel.core.call import Call
from wflo_otel.errors import StoreError
from wflo_otel.ports import Adapters


def note(ports: Adapters, call: Call, kind: str, subject: str) -> None:
    """Count something, in the run of a call and in those that it is a child of."""
    caller = call.caller
    try:
        ports.runs.note((*caller.parent_runs, caller.run_id), kind, subject)
    except StoreError as error:
        ports.telemetry.state_failed("note", error, allowed=True)
