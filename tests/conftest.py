"""What holds for every test: a clean configuration, and no skip that hides something."""

import os

import pytest

#: Suites that may skip where the full run turns skips into failures.
_MAY_SKIP = {"corpus", "optional"}


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Turn a skip into a failure under ``WFLO_NO_SKIPS=1``: the full run has everything."""
    outcome = yield
    report = outcome.get_result()
    marks = {mark.name for mark in item.iter_markers()}
    if report.skipped and os.environ.get("WFLO_NO_SKIPS") == "1" and not marks & _MAY_SKIP:
        report.outcome = "failed"
        report.longrepr = f"skipped in the full run: {report.longrepr}"


@pytest.fixture(autouse=True)
def _nothing_configured(monkeypatch):
    """Leave no configuration behind, and take none from the environment of the test run."""
    for name in [name for name in os.environ if name.startswith(("WFLO_", "OTEL_"))]:
        if name not in {"WFLO_NO_SKIPS", "WFLO_CORPUS"}:
            monkeypatch.delenv(name)
    yield
    from wflo_otel.bootstrap import shutdown

    shutdown()
