"""An exporter that cannot deliver says so in one line.

Exporters log each retry, some with a traceback, on the terminal of a program that did nothing
wrong. The rule: the first such record becomes one line, later ones are for debugging.
"""

from __future__ import annotations

import logging
from typing import Final

_log = logging.getLogger(__name__)
_LINE: Final = "telemetry cannot be delivered to %s; budgets and reports do not depend on it"

#: Where OpenTelemetry's exporters and the workers that drive them log.
LOGGERS: Final = (
    "opentelemetry.exporter.otlp.common.http",
    "opentelemetry.exporter.otlp.proto.grpc.exporter",
    "opentelemetry.exporter.otlp.proto.http._common",
    "opentelemetry.exporter.otlp.proto.http._log_exporter",
    "opentelemetry.exporter.otlp.proto.http.metric_exporter",
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.sdk._logs._internal.export",
    "opentelemetry.sdk._shared_internal",
    "opentelemetry.sdk.metrics._internal.export",
)


class OneLine(logging.Filter):
    """Turns the first complaint into one line, and the others into debug records."""

    def __init__(self, where: str) -> None:
        super().__init__()
        self._where = where
        self._is_told = False

    def tell(self) -> None:
        """Say it now, unless it was said: nobody complained, and nothing arrived in time."""
        if not self._is_told:
            self._is_told = True
            _log.warning(_LINE, self._where)

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite a complaint; pass what is none."""
        if record.levelno < logging.WARNING:
            return True
        if self._is_told:
            record.levelno, record.levelname = logging.DEBUG, "DEBUG"
            return True
        self._is_told = True
        record.msg = "telemetry cannot be delivered to %s; budgets and reports do not depend on it"
        record.args = (self._where,)
        record.exc_info = record.exc_text = record.stack_info = None
        return True


def quieten(where: str) -> OneLine:
    """Let exporters complain in one line that names ``where`` they deliver to."""
    one_line = OneLine(where)
    for name in LOGGERS:
        logging.getLogger(name).addFilter(one_line)
    return one_line
