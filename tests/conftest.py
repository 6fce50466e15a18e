"""What holds for every test: a clean configuration, and no skip that hides something."""

import os
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest

_HERE = Path(__file__).parent

#: Suites that may skip where the full run turns skips into failures.
_MAY_SKIP = {"corpus", "optional"}

#: What runs in the second environment, too: everything that meets an SDK.
_MEETS_SDKS = {"seams", "decorators", "workflow", "integrations", "testing"}

#: The second environment has the SDKs that CrewAI and others still need, and little else.
_IS_SECOND = int(version("openai").partition(".")[0]) < 3

#: What only the first environment has.
_NEEDS = {
    "bootstrap/test_self_test.py": "boto3",
    "integrations/test_langgraph.py": "langgraph",
    "integrations/test_langgraph_wrap.py": "langgraph",
    "integrations/test_langgraph_saver.py": "langgraph",
    "integrations/test_langgraph_conformance.py": "langgraph",
    "seams/test_http_aiohttp.py": "aiohttp",
    "seams/test_http_botocore.py": "boto3",
    "seams/test_http_trio.py": "trio",
}

collect_ignore = [path for path, module in _NEEDS.items() if _IS_SECOND and not find_spec(module)]
if not find_spec("openinference"):  # the third environment has other projects' instrumentations
    collect_ignore.append("foreign")
if not find_spec("groq"):  # the fourth environment has many SDKs
    collect_ignore.append("sdks")
if not find_spec("litellm"):  # only the second environment has it: it needs openai 2
    collect_ignore.append("integrations/test_litellm.py")
if not find_spec("crewai"):  # and this, for the same reason
    collect_ignore.append("integrations/test_crewai.py")


def _refuses_skips(marks):
    return os.environ.get("SUITE_NO_SKIPS") == "1" and not marks & _MAY_SKIP


def _turned(report):
    report.outcome = "failed"
    report.longrepr = f"skipped in the full run: {report.longrepr}"


def pytest_collection_modifyitems(config, items):
    """Mark tests by where they lie, and leave out what the second environment cannot run."""
    left_out = [item for item in items if _IS_SECOND and item.get_closest_marker("newest")]
    for item in items:
        if _MEETS_SDKS & set(item.path.relative_to(_HERE).parts[:-1]):
            item.add_marker(pytest.mark.legacy)
        if "telemetry" in item.path.relative_to(_HERE).parts:
            item.add_marker(pytest.mark.fragments)
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report(collector):
    """Turn a module that skips itself into a failure under ``SUITE_NO_SKIPS=1``."""
    report = (yield).get_result()
    if report.skipped and _refuses_skips({mark.name for mark in collector.iter_markers()}):
        _turned(report)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Turn a skip into a failure under ``SUITE_NO_SKIPS=1``: the full run has everything."""
    report = (yield).get_result()
    if report.skipped and _refuses_skips({mark.name for mark in item.iter_markers()}):
        _turned(report)


@pytest.fixture(autouse=True)
def _nothing_configured(monkeypatch):
    """Leave no configuration behind, and take none from the environment of the test run."""
    for name in [name for name in os.environ if name.startswith(("WFLO_", "OTEL_"))]:
        monkeypatch.delenv(name)
    yield
    from wflo_otel.bootstrap import shutdown

    shutdown()


@pytest.fixture(autouse=True)
def _spans_keep_the_rules(request, monkeypatch):
    """Check each span that ends in this process, ours and what we add to those of others."""
    from opentelemetry.sdk.trace import SynchronousMultiSpanProcessor as Processors

    from genai_rules import all_violations

    broken = []
    on_end = Processors.on_end

    def checked(self, span):
        broken.extend(f"{span.name}: {each}" for each in all_violations(span))
        on_end(self, span)

    if not request.node.get_closest_marker("fragments"):
        monkeypatch.setattr(Processors, "on_end", checked)
    yield
    assert not broken, broken
