"""``wflo policy`` and ``wflo init``."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from wflo_otel.cli import main


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def wflo(*words: str, code: int = 0) -> str:
    ran = CliRunner().invoke(main, words)
    assert ran.exit_code == code, ran.output
    return ran.output


def test_a_good_file_is_summed_up_on_one_line(folder):
    (folder / "p.yaml").write_text(
        "version: 1\nmode: shadow\nbudgets:\n  run: {usd: 5, calls: 10}\n"
        '  agents: {writer: {tokens: 1000}}\n  tenants: {"*": {usd: 3, per: day}}\n'
    )

    assert wflo("policy", "check", "p.yaml") == (
        "p.yaml: run $5.00 and 10 calls; agent writer 1,000 tokens; tenant * $3.00 per day "
        "(shadow: nothing is refused)\n"
    )


def test_a_file_without_budgets_says_that_calls_are_only_counted(folder):
    (folder / "wflo.yaml").write_text("version: 1\n")

    assert wflo("policy", "check") == "wflo.yaml: no budget: calls are only counted\n"


def test_every_problem_of_a_bad_file_is_printed(folder):
    (folder / "bad.yaml").write_text("version: 1\nmode: maybe\nbudgts: {}\n")

    said = wflo("policy", "check", "bad.yaml", code=2).splitlines()

    assert [line.partition(": ")[0] for line in said] == ["bad.yaml:2", "bad.yaml:3", "wflo"]
    assert said[-1] == "wflo: 2 problems"


def test_a_file_that_is_missing_is_one_problem():
    assert "wflo: 1 problem\n" in wflo("policy", "check", "none.yaml", code=2)


def test_the_schema_is_json_schema():
    assert json.loads(wflo("policy", "schema"))["$schema"].startswith("https://json-schema.org")


def test_init_writes_a_policy_that_is_good(folder):
    assert wflo("init") == "wrote wflo.yaml: run $5.00; agent * $1.00\n"
    assert wflo("policy", "check").startswith("wflo.yaml: run $5.00")


def test_init_keeps_a_file_that_is_there(folder):
    (folder / "wflo.yaml").write_text("mine")

    assert "--force overwrites it" in wflo("init", code=1)
    assert (folder / "wflo.yaml").read_text() == "mine"
    wflo("init", "--force")
    assert (folder / "wflo.yaml").read_text() != "mine"


def test_init_says_where_it_cannot_write(folder):
    (folder / "wflo.yaml").mkdir()

    assert "wflo.yaml cannot be written" in wflo("init", "--force", code=1)


def test_the_version_is_the_distribution_s():
    assert wflo("--version").startswith("wflo, version ")
