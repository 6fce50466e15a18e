"""Which commands are Python programs, and how their interpreter is called."""

from __future__ import annotations

import pytest

from wflo_otel.cli.interpreter import interpreter_of, is_python, program_of


@pytest.mark.parametrize(
    "word", ["python", "python3", "python3.13", "/usr/bin/python3.14t", "pypy3", "python.exe"]
)
def test_a_python_is_known_by_its_name(word):
    assert is_python(word)


@pytest.mark.parametrize("word", ["sh", "pythonic", "python-config", "ipython", "uv"])
def test_other_names_are_no_python(word):
    assert not is_python(word)


@pytest.mark.parametrize(
    ("command", "argv", "program"),
    [
        ("python agent.py -I", "python", "agent.py"),
        ("python -u agent.py", "python -u", "agent.py"),
        ("python -uB -W error agent.py", "python -uB -W error", "agent.py"),
        ("python -Werror -X dev agent.py", "python -Werror -X dev", "agent.py"),
        ("python -uX dev agent.py", "python -uX dev", "agent.py"),
        ("python -m pkg.agent -I", "python", "pkg.agent"),
        ("python -Em pkg", "python -E", "pkg"),
        ("python -c pass", "python", "-c"),
        ("python -i agent.py", "python", "agent.py"),
        ("python -", "python", ""),
        ("python", "python", ""),
        (
            "python --check-hash-based-pycs always agent.py",
            "python --check-hash-based-pycs always",
            "agent.py",
        ),
        ("python -m", "python", ""),
    ],
)
def test_the_interpreter_s_own_options_are_kept_apart(command, argv, program):
    found = interpreter_of(command.split())

    assert found is not None
    assert (" ".join(found.argv), found.program) == (argv, program)


def test_flags_are_known_one_by_one():
    assert interpreter_of(["python", "-IuB", "agent.py"]).flags == frozenset("IuB")


@pytest.mark.parametrize("flag", ["-V", "-h", "-VV"])
def test_showing_the_version_or_help_runs_nothing(flag):
    assert interpreter_of(["python", flag]).runs_nothing


@pytest.mark.parametrize(
    ("head", "argv"),
    [
        ("#!/opt/python3", "/opt/python3"),
        ("#!/opt/python3 -I", "/opt/python3 -I"),
        ("#!/usr/bin/env python3", "python3"),
        ("#!/usr/bin/env -S python3 -u", "python3 -u"),
        ("#!/bin/sh\n'''exec' '/a b/python3' \"$0\" \"$@\"", "/a b/python3"),
    ],
)
def test_a_script_is_read_for_its_interpreter(tmp_path, head, argv):
    script = tmp_path / "tool"
    script.write_text(f"{head}\nprint()\n")
    script.chmod(0o755)

    found = interpreter_of([str(script), "-I"])

    assert " ".join(found.argv) == argv
    assert found.program == str(script)


@pytest.mark.parametrize(
    "head", ["#!/bin/sh", "#!/bin/sh\nexec python", "no script", "", "#!", "#!'", "#!/usr/bin/env"]
)
def test_a_script_of_another_kind_is_no_python_program(tmp_path, head):
    script = tmp_path / "tool"
    script.write_text(head)
    script.chmod(0o755)

    assert interpreter_of([str(script)]) is None


def test_a_command_that_is_not_there_is_no_python_program():
    assert interpreter_of(["no-such-command-anywhere"]) is None


def test_a_command_that_may_not_be_read_is_no_python_program(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda _: str(tmp_path))

    assert interpreter_of(["tool"]) is None


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (["python", "a/agent.py"], "a/agent.py"),
        (["python", "-c", "pass"], "python"),
        (["python"], "python"),
        (["tool", "x"], "tool"),
    ],
)
def test_a_program_is_named_for_people(command, name):
    assert program_of(command) == name
