"""The names that users write are there, sorted, and cheap to import."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import wflo_otel


def test_every_public_name_can_be_imported():
    assert [name for name in wflo_otel.__all__ if getattr(wflo_otel, name, None) is None] == []


def test_public_names_are_sorted_and_listed():
    assert wflo_otel.__all__ == sorted(wflo_otel.__all__)
    assert set(wflo_otel.__all__) <= set(dir(wflo_otel))


def test_what_type_checkers_see_is_what_is_public():
    tree = ast.parse(Path(wflo_otel.__file__).read_text())
    seen = [
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("wflo_otel")
        for alias in node.names
    ]
    assert sorted(seen) == wflo_otel.__all__


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'track_llm'"):
        wflo_otel.track_llm  # noqa: B018


def test_importing_the_package_loads_no_sdk_and_no_catalogue():
    code = (
        "import sys, wflo_otel; "
        "print(*{'opentelemetry', 'httpx', 'genai_prices', 'yaml'} & set(sys.modules))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert shown.stdout.strip() == ""


def test_the_names_a_program_decorates_with_load_neither_an_event_loop_nor_a_database():
    # What measures coverage has loaded some of it before.
    code = (
        "import sys; before = set(sys.modules); "
        "from wflo_otel import WfloWorkflow, configure, track_llm_call; "
        "print(*{'asyncio', 'sqlite3'} & (set(sys.modules) - before))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert shown.stdout.strip() == ""


def test_the_version_is_the_distributions():
    from importlib.metadata import version

    assert version("wflo-otel") == wflo_otel.__version__
