"""The instrumentations of OpenTelemetry that are installed."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from opentelemetry.instrumentation.httpx import HTTPX2ClientInstrumentor, HTTPXClientInstrumentor
from opentelemetry.instrumentation.threading import ThreadingInstrumentor

from wflo_otel.telemetry import instrumentations
from wflo_otel.telemetry.instrumentations import (
    Instrumentation,
    instrument_http,
    instrument_threads,
)

ALL = (HTTPXClientInstrumentor, HTTPX2ClientInstrumentor, ThreadingInstrumentor)


@pytest.fixture(autouse=True)
def uninstrumented() -> Iterator[None]:
    _uninstrument()
    yield
    _uninstrument()


def _uninstrument() -> None:
    for each in (made() for made in ALL):
        if each.is_instrumented_by_opentelemetry:
            each.uninstrument()


def test_http_attempts_are_instrumented_on_every_library_there_is() -> None:
    assert instrument_http({}) in (
        {"httpx": "installed", "httpx2": "installed"},
        {"httpx": "installed", "httpx2": "absent"},
    )
    assert HTTPXClientInstrumentor().is_instrumented_by_opentelemetry


def test_threads_carry_the_context() -> None:
    assert instrument_threads({}) == {"threading": "installed"}
    assert ThreadingInstrumentor().is_instrumented_by_opentelemetry


def test_installing_twice_is_silent(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    instrument_threads({})

    assert instrument_threads({}) == {"threading": "installed"}
    assert not caplog.records


@pytest.mark.parametrize("disabled", ["threading", "redis, threading", "*"])
def test_what_the_user_disabled_is_not_installed(disabled: str) -> None:
    environ = {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": disabled}

    assert instrument_threads(environ) == {"threading": "disabled"}
    assert not ThreadingInstrumentor().is_instrumented_by_opentelemetry


def test_the_environment_of_the_process_decides_by_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "httpx,httpx2")

    assert set(instrument_http().values()) == {"disabled"}


@pytest.mark.parametrize(
    ("path", "library", "expected"),
    [
        ("anything:At", "no_such_library", "absent"),
        ("no_such_instrumentation:At", "json", "failed"),
        ("json:NoSuchInstrumentor", "json", "failed"),
    ],
)
def test_what_cannot_be_installed_is_reported(
    path: str, library: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instrumentations, "THREADS", (Instrumentation("x", path, library),))

    assert instrument_threads({}) == {"x": expected}
