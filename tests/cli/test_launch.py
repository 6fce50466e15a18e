"""What a program is started with."""

from __future__ import annotations

import os

import pytest

from wflo_otel.cli.launch import HOOK, Options, check_name, child_environment, prepare
from wflo_otel.cli.run import first_lines
from wflo_otel.errors import ConfigError

COMMAND = ("python", "agent.py")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_environment_names_the_run_and_its_state_absolutely(folder):
    launch = prepare(COMMAND, Options(), {"LANG": "C"})

    assert launch.environ == {
        "LANG": "C",
        "WFLO_RUN_ID": launch.run_id,
        "WFLO_RUN_NAME": "agent",
        "WFLO_STATE": f"sqlite:///{folder}/.wflo/state.db",
        "PYTHONPATH": str(HOOK),
    }


def test_options_reach_the_program(folder):
    (folder / "p.yaml").write_text("version: 1\n")
    options = Options("2.50", "p.yaml", "sqlite:///s.db", "mine", strict=True)

    environ = prepare(COMMAND, options, {}).environ

    assert environ["WFLO_BUDGET_USD"] == "2.50"
    assert environ["WFLO_POLICY"] == str(folder / "p.yaml")
    assert environ["WFLO_STATE"] == f"sqlite:///{folder}/s.db"
    assert (environ["WFLO_RUN_NAME"], environ["WFLO_STRICT"]) == ("mine", "1")


def test_a_run_of_the_environment_is_joined():
    launch = prepare(COMMAND, Options(), {"WFLO_RUN_ID": "theirs", "WFLO_RUN_NAME": "n"})

    assert (launch.run_id, launch.name, launch.joined) == ("theirs", "n", True)
    assert "joined run theirs" in first_lines(launch)[0]


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ("", [str(HOOK)]),
        ("/a", [str(HOOK), "/a"]),
        (f"/a{os.pathsep}{os.pathsep}/b", [str(HOOK), "/a", "", "/b"]),
        (f"{HOOK}{os.pathsep}/a", [str(HOOK), "/a"]),
    ],
)
def test_the_hook_comes_first_and_the_path_is_kept(given, made):
    assert child_environment({"PYTHONPATH": given}, {})["PYTHONPATH"].split(os.pathsep) == made


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("budgets: {agents: {a: 1}}", Options(), "budgets for agents (wflo.yaml)"),
        ("budgets: {run: 3}", Options("1"), "budget $1.00 (wflo.yaml, --budget)"),
        ("budgets: {run: 3}\nmode: shadow", Options(), "budget $3.00 (wflo.yaml), shadow: nothing"),
        ("mode: enforce", Options(), "no budget (wflo.yaml): calls are only counted"),
    ],
)
def test_the_first_line_says_what_holds(folder, text, options, said):
    (folder / "wflo.yaml").write_text(f"version: 1\n{text}\n")

    assert said in first_lines(prepare(COMMAND, options, {}))[0]


def test_a_budget_of_the_environment_is_named_as_such():
    launch = prepare(COMMAND, Options(), {"WFLO_BUDGET_USD": "4"})

    assert "budget $4.00 (WFLO_BUDGET_USD)" in first_lines(launch)[0]


def test_a_policy_of_the_environment_is_used(folder):
    (folder / "p.yaml").write_text("version: 1\nbudgets: {run: 3}\n")

    assert (
        "$3.00 (p.yaml)" in first_lines(prepare(COMMAND, Options(), {"WFLO_POLICY": "p.yaml"}))[0]
    )


@pytest.mark.parametrize("name", ["", " ", "two\nlines", "x" * 201])
def test_a_name_that_no_report_could_show_is_refused(name):
    with pytest.raises(ConfigError, match="--name"):
        check_name(name)


def test_a_budget_that_is_no_amount_is_refused():
    with pytest.raises(ConfigError, match="budget"):
        prepare(COMMAND, Options("five"), {})
