"""The benchmarks run, and their page is what their results make of it. Nothing is timed here."""

import json
import math
import os
import re
import subprocess
import sys

import pytest

from doc_pages import ROOT

BENCHMARKS = ROOT / "benchmarks"
LATEST = BENCHMARKS / "results" / "latest.json"
PARTS = (
    "decisions",
    "pricing",
    "chunks",
    "sdk_calls",
    "imports",
    "breakers",
    "retries",
    "loops",
    "overspend",
)
PINS = sorted((BENCHMARKS / "peers").glob("*.txt"))


def run(script, *arguments):
    """Run one with as little work as there can be."""
    done = subprocess.run(
        [sys.executable, BENCHMARKS / script, *arguments],
        env=os.environ | {"BENCH_TINY": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def numbers(found):
    """Every number that is anywhere inside."""
    if isinstance(found, dict):
        found = list(found.values())
    if isinstance(found, list):
        return [number for each in found for number in numbers(each)]
    return [found] if isinstance(found, int | float) and not isinstance(found, bool) else []


@pytest.fixture(scope="module")
def remade(tmp_path_factory):
    """What the script makes of the results that are committed."""
    folder = tmp_path_factory.mktemp("page")
    run("page.py", folder)
    return {str(path.relative_to(folder)): path for path in folder.rglob("*.*") if path.is_file()}


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS)
def test_a_part_is_measured_and_kept(part, tmp_path):
    kept = tmp_path / "kept.json"

    assert "measured" in run("run.py", part, "--json", kept)

    rows = json.loads(kept.read_text())["parts"][part]["found"]
    assert rows
    assert all(math.isfinite(number) for number in numbers(rows))


@pytest.mark.slow
def test_an_observer_is_measured_in_its_own_environment(tmp_path):
    python, kept = tmp_path / "httpx" / "bin" / "python", tmp_path / "kept.json"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)

    run("peers.py", "httpx", "--environments", tmp_path, "--json", kept)

    found = json.loads(kept.read_text())["observers"]["httpx"]["found"]
    assert set(found) == {"versions", "times", "memory", "import"}
    assert all(math.isfinite(number) for number in numbers(found))


@pytest.mark.slow
def test_what_a_call_of_ours_holds_is_measured():
    found = json.loads(run("observe.py", "memory", "wflo_otel"))["memory"]

    assert found["open call"] > 0
    assert found["open stream"] > 0


def test_the_page_and_its_pictures_are_what_the_results_make_of_them(remade):
    assert set(remade) == {
        "docs/benchmarks.md",
        "docs/images/added-dark.svg",
        "docs/images/added-light.svg",
    }
    for name, path in remade.items():
        assert path.read_text(encoding="utf-8") == (ROOT / name).read_text(encoding="utf-8"), name


def test_every_target_that_is_missed_is_named_as_missed(remade):
    page = remade["docs/benchmarks.md"].read_text(encoding="utf-8")
    section = re.search(r"^## Where a target is missed\n(.*?)^## ", page, re.MULTILINE | re.DOTALL)
    said = re.sub(r"\s+", " ", section[1])
    parts = json.loads(LATEST.read_text(encoding="utf-8"))["parts"].values()
    missed = [row["what"] for part in parts for row in part["found"] if row["is_ok"] is False]

    assert [what for what in missed if what not in said] == []


@pytest.mark.parametrize("pins", PINS, ids=lambda path: path.stem)
def test_an_environment_has_exact_versions_and_names_no_place(pins):
    lines = [line for line in pins.read_text().splitlines() if not line.startswith("#")]
    if pins.stem == "wflo_otel":
        assert lines == ["-c ../../constraints.txt", "-e .", "openai"]
    else:
        assert [line for line in lines if not re.fullmatch(r"[\w.\[\]-]+==[\w.]+", line)] == []


def test_every_environment_is_measured():
    kept = json.loads(LATEST.read_text(encoding="utf-8"))["observers"]

    assert {pins.stem for pins in PINS} <= set(kept)
