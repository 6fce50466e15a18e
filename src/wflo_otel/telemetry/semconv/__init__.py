"""Every name wflo emits: attributes, events and metrics, declared once, as data.

``python -m wflo_otel.telemetry.semconv`` prints the reference page made from them.
"""
