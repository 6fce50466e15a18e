"""Whether the guard would be up, asked of interpreters that answer in every way."""

from __future__ import annotations

import os

import pytest

from wflo_otel.cli import preflight
from wflo_otel.cli.interpreter import Interpreter
from wflo_otel.cli.preflight import problem_of


@pytest.fixture
def answering(tmp_path):
    """Make an interpreter that does what this shell line says."""

    def make(line: str, flags: str = "") -> Interpreter:
        path = tmp_path / "python3"
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)
        return Interpreter((str(path),), frozenset(flags), "agent.py")

    return make


def test_an_interpreter_in_which_the_guard_is_up_is_no_problem(answering):
    assert problem_of(answering("exit 0"), os.environ) is None


def test_one_that_runs_nothing_is_not_even_started(answering):
    assert problem_of(answering("exit 79", flags="V"), os.environ) is None


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("exit 79", "did not load the start-up hook"),
        ("echo 'wflo: refusing to start: bad policy' >&2; exit 78", "bad policy"),
        (
            "echo \"wflo: refusing to start: (No module named 'wflo_otel')\" >&2; exit 78",
            "install wflo-otel into ",
        ),
        ("echo 'Fatal: no memory' >&2; exit 1", "cannot start (exit code 1): Fatal: no memory"),
        ("exit 1", "it says nothing"),
    ],
)
def test_every_other_answer_is_a_problem_and_says_which(answering, line, reason):
    assert reason in problem_of(answering(line), os.environ)


def test_an_option_that_is_to_blame_is_named(answering):
    assert "python -E ignores PYTHONPATH" in problem_of(answering("exit 79", "uE"), os.environ)


def test_one_that_does_not_answer_is_a_problem(answering, monkeypatch):
    monkeypatch.setattr(preflight, "_PATIENCE_S", 0.2)

    assert "did not start within 0.2 seconds" in problem_of(answering("sleep 5"), os.environ)


def test_the_probe_leaves_no_trace_in_the_run(answering, tmp_path):
    seen = tmp_path / "seen"
    asked = answering(f'echo "$WFLO_RUN_ID,$WFLO_STATE,$WFLO_POLICY" > {seen}; exit 0')

    problem_of(asked, {"WFLO_RUN_ID": "r", "WFLO_STATE": "sqlite:///s.db", "WFLO_POLICY": "p"})

    assert seen.read_text() == ",memory://,p\n"
