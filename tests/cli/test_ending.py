"""Where spans went, in words; and signs for terminals that have few."""

from __future__ import annotations

import io
import sys

import pytest

from wflo_otel.cli import terminal
from wflo_otel.cli.ending import spans_went

OTLP = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({}, "not exported: set OTEL_EXPORTER_OTLP_ENDPOINT"),
        ({OTLP: "http://c:4318"}, "sent to http://c:4318"),
        ({OTLP: "http://me:secret@c:4318/v1?key=k"}, "sent to http://c:4318/v1"),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, "sent to localhost"),
        ({"OTEL_TRACES_EXPORTER": "console"}, "exported: console"),
        ({"OTEL_TRACES_EXPORTER": "none", OTLP: "http://c"}, "not exported: OTEL_TRACES_EXPORTER"),
        ({"OTEL_SDK_DISABLED": "true", OTLP: "http://c"}, "not exported: OTEL_SDK_DISABLED"),
    ],
)
def test_it_says_where_spans_went(environ, said):
    assert spans_went(environ).startswith(said)


def test_signs_that_an_encoding_lacks_are_written_in_others(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))

    assert terminal.plain("run · a… — b → ü") == "run - a... - b -> ?"


def test_a_reader_that_is_gone_is_no_error(monkeypatch):
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)

    terminal.say("nobody hears it")
    terminal.show(["nor this"])
