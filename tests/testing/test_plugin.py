"""The pytest plugin and the package's public names."""

from __future__ import annotations

import subprocess
import sys
import urllib.request

import pytest

import wflo_otel.testing
from wflo_otel.testing import FakeClock, ScriptedProvider


def test_a_test_gets_a_provider_that_answers(wflo_provider: ScriptedProvider) -> None:
    with urllib.request.urlopen(f"{wflo_provider.openai_url}/models") as answer:
        assert answer.status == 200


def test_a_test_gets_a_clock_of_its_own(wflo_clock: FakeClock) -> None:
    assert wflo_clock.monotonic() == 0


def test_loading_the_plugin_imports_neither_server_nor_clock() -> None:
    code = (
        "import sys, wflo_otel.testing.plugin;"
        "print([m for m in sys.modules if m.startswith('wflo_otel.testing.')])"
    )

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ended.stdout.strip() == "['wflo_otel.testing.plugin']"


def test_every_public_name_is_there_and_listed() -> None:
    assert dir(wflo_otel.testing) == sorted(wflo_otel.testing.__all__)
    for name in wflo_otel.testing.__all__:
        assert getattr(wflo_otel.testing, name).__name__ == name


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'ScriptedProvidr'"):
        wflo_otel.testing.ScriptedProvidr  # noqa: B018
