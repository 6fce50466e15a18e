"""What wflo tells, as plain OpenTelemetry: spans, events, metrics.

The rule: telemetry never raises, never blocks, and no decision depends on it. Only the API of
OpenTelemetry is used to record; the SDK is touched in :mod:`~wflo_otel.telemetry.setup` alone.
"""
