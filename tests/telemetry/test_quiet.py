"""Exporters that cannot deliver, on the terminal."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from wflo_otel.telemetry.quiet import LOGGERS, OneLine, quieten

LINE = "telemetry cannot be delivered to http://localhost; budgets and reports do not depend on it"


@pytest.fixture
def one_line() -> Iterator[OneLine]:
    made = quieten("http://localhost")
    yield made
    for name in LOGGERS:
        logging.getLogger(name).removeFilter(made)


@pytest.mark.usefixtures("one_line")
def test_all_exporters_together_complain_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    for name in LOGGERS:
        try:
            raise ConnectionError("refused")
        except ConnectionError:
            logging.getLogger(name).exception("Exception while exporting %s", "Span")

    (record, *later) = caplog.records
    assert (record.getMessage(), record.exc_info) == (LINE, None)
    assert {each.levelno for each in later} <= {logging.DEBUG}


@pytest.mark.usefixtures("one_line")
def test_what_is_no_complaint_passes_unchanged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    logging.getLogger(LOGGERS[0]).info("sent %d", 3)

    assert caplog.messages == ["sent 3"]


def test_the_line_can_be_said_without_a_complaint_and_only_once(
    one_line: OneLine, caplog: pytest.LogCaptureFixture
) -> None:
    one_line.tell()
    one_line.tell()
    logging.getLogger(LOGGERS[0]).warning("late")

    assert [each.getMessage() for each in caplog.records if each.levelno > logging.DEBUG] == [LINE]


def test_every_exporter_that_wflo_makes_is_quieted() -> None:
    import opentelemetry.exporter.otlp.proto.grpc.exporter as grpc
    import opentelemetry.exporter.otlp.proto.http.trace_exporter as http
    import opentelemetry.sdk._shared_internal as batch
    import opentelemetry.sdk.metrics._internal.export as periodic

    names = {grpc.logger.name, http._logger.name, batch._logger.name, periodic._logger.name}

    assert names <= set(LOGGERS)
