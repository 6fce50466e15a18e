"""Wire the ports to their adapters, lay the seams, and take it all down again."""

from wflo_otel.bootstrap.configuration import (
    Configuration,
    configuration,
    configure,
    ensure_configured,
    shutdown,
)
from wflo_otel.bootstrap.startup import post_instrument, pre_instrument, start_up

__all__ = [
    "Configuration",
    "configuration",
    "configure",
    "ensure_configured",
    "post_instrument",
    "pre_instrument",
    "shutdown",
    "start_up",
]
