"""Telling people what they should act on: a stop, a model without a price."""

from wflo_otel.telemetry.notices.notifying import Notifying
from wflo_otel.telemetry.notices.outbox import EXIT_TIMEOUT_S, Outbox

__all__ = ["EXIT_TIMEOUT_S", "Notifying", "Outbox"]
