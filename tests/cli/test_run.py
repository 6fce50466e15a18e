"""``wflo run`` on real programs: what it lets through, what it stops, what it says."""

from __future__ import annotations

import os
import signal
from decimal import Decimal

import pytest

from cli_rig import PYTHON, WFLO, cost, finish, program
from wflo_otel.testing import Reply

#: 100 tokens in, 200 out of gpt-4o.
ONE_CALL = Decimal("0.00225")


@pytest.fixture(autouse=True)
def _answers(wflo_provider):
    wflo_provider.default = Reply(input_tokens=100, output_tokens=200)


def test_a_budget_stops_an_unmodified_program_before_the_call_leaves(rig, wflo_provider):
    ran = rig.run(program("ask.py"), "9", "200", options=("--budget", "0.01"))

    assert ran.lines == ["answered stop"] * 4 + ["failed BudgetExceededError"] * 5
    assert wflo_provider.bill.requests == 4
    assert wflo_provider.bill.total_usd == cost(rig.reports()[0]) == 4 * ONE_CALL


def test_the_exit_code_is_the_program_s(rig):
    assert rig.run(program("ask.py"), "0").code == 7


def test_a_program_that_a_signal_ended_gives_128_and_its_number(rig):
    assert rig.run("-c", "import os; os.kill(os.getpid(), 9)").code == 137


def test_an_anthropic_program_is_stopped_too(rig, wflo_provider):
    ran = rig.run(program("ask_anthropic.py"), "9", options=("--budget", "0.008"))

    answered = ran.lines.count("answered")
    assert ran.lines[answered:] == ["failed BudgetExceededError"] * (9 - answered)
    assert wflo_provider.bill.requests == answered > 0
    assert wflo_provider.bill.total_usd == cost(rig.reports()[0])


def test_the_end_says_what_was_spent_and_what_was_refused(rig):
    ran = rig.run(program("ask.py"), "6", "200", options=("--budget", "0.01"))

    assert "spent    $0.009 of $0.01, 4 calls" in ran.err
    assert "refused  2 by the budget of run, before leaving this machine" in ran.err
    assert "stopped  run: usd budget exceeded" in ran.err
    assert "spans    not exported: set OTEL_EXPORTER_OTLP_ENDPOINT" in ran.err
    assert f"more     wflo report {rig.reports()[0]['run_id']}" in ran.err


def test_the_end_names_the_unknown_apis_that_were_called(rig):
    ran = rig.run(program("ask_unknown.py"), options=("--budget", "1"))

    address = rig.environ["ANTHROPIC_BASE_URL"].removeprefix("http://") + "/v3/generate"
    assert ran.lines == ["sent"] * 3
    assert f"unrecognised 3 requests to {address}: like calls" in " ".join(ran.err.split())
    assert ran.err.count("look like calls to a model") == 1
    assert "hidden" not in ran.err
    assert "secret" not in ran.err
    (report,) = rig.reports()
    assert report["unrecognised"] == [{"address": address, "requests": 3}]


@pytest.mark.parametrize(("calls", "said"), [(1, "1 dead letter:"), (2, "2 dead letters:")])
def test_the_end_names_the_calls_that_the_run_gave_up_on(rig, calls, said):
    rig.run(program("gives_up.py"), "1")

    ran = rig.run(program("gives_up.py"), str(calls))

    assert f"failed  {said} wflo dlq list" in ran.err


def test_a_run_that_gave_up_on_nothing_names_no_dead_letters(rig):
    rig.run(program("gives_up.py"), "1")

    assert "dead letter" not in rig.run(program("gives_up.py"), "0").err


def test_a_stop_that_ends_the_program_is_still_told(rig):
    (rig.folder / "wflo.yaml").write_text(
        f"version: 1\nbudgets: {{run: {{usd: 0.001, clamp: false}}}}\nnotify: {{command: [{PYTHON}, tell.py]}}\n"
    )
    (rig.folder / "tell.py").write_text(
        "import json, os, sys\n"
        "notice = json.load(sys.stdin)\n"
        "guarded = 'wflo_otel' in sys.modules or 'WFLO_RUN_ID' in os.environ\n"
        "print(sys.argv[1], notice['run_id'], guarded, file=open('told', 'w'))\n"
    )
    ask = "import openai; openai.OpenAI().chat.completions.create"

    ran = rig.run("-c", f"{ask}(model='gpt-4o', messages=[{{'role': 'user', 'content': 'hi'}}])")

    assert ran.code == 1
    assert "BudgetExceededError" in ran.err
    told = (rig.folder / "told").read_text()
    assert told == f"stop {rig.reports()[0]['run_id']} False\n"


def test_calls_in_unknown_apis_are_refused_where_the_policy_says_so(rig, wflo_provider):
    (rig.folder / "wflo.yaml").write_text("version: 1\nunrecognised: refuse\n")

    ran = rig.run(program("ask_unknown.py"))

    assert ran.lines == ["UnrecognisedCallError"] * 3, ran.err
    assert "no budget (wflo.yaml): only requests to unknown APIs are refused" in ran.err
    assert wflo_provider.requests == []
    assert "3 in an unknown API, before leaving this machine" in ran.err


def test_nothing_is_written_but_lines_where_there_is_no_terminal(rig):
    ran = rig.run(program("ask.py"), "1", options=("--budget", "1"))

    assert "\033" not in ran.err + ran.out
    assert all(len(line) <= 80 for line in ran.err.splitlines()[1:])


def test_without_a_policy_the_first_line_says_that_nothing_is_refused(rig):
    ran = rig.run(program("ask.py"), "1")

    first = ran.err.splitlines()[0]
    assert "no budget and no policy: calls are only counted, nothing is refused" in first
    assert cost(rig.reports()[0]) == ONE_CALL


def test_a_policy_file_in_the_folder_is_used_and_named(rig):
    (rig.folder / "wflo.yaml").write_text("version: 1\nbudgets: {run: {usd: 0.005}}\n")

    ran = rig.run(program("ask.py"), "4", "200")

    assert "budget $0.005 (wflo.yaml)" in ran.err.splitlines()[0]
    assert ran.lines.count("answered stop") == 2


def test_a_broken_policy_ends_it_before_anything_starts(rig):
    bad = rig.folder / "bad.yaml"
    bad.write_text("version: 1\nbudgts: {run: 1}\nmode: maybe\n")

    ran = rig.run("-c", "print('started')", options=("--policy", str(bad)))

    assert (ran.code, ran.out) == (2, "")
    assert "did you mean budgets" in ran.err
    assert "mode" in ran.err
    assert "wflo: 2 problems" in ran.err


@pytest.mark.parametrize("flag", ["-I", "-E", "-S"])
def test_an_interpreter_option_that_keeps_the_guard_out_is_refused(rig, flag):
    ran = rig.run(flag, "-c", "print('started')")

    assert (ran.code, ran.out) == (78, "")
    assert f"leave {flag} out" in ran.err


@pytest.mark.parametrize("kind", ["fork", "mp_fork", "spawn", "threads", "subprocess"])
def test_workers_of_every_kind_share_the_run(rig, wflo_provider, kind):
    ran = rig.run(program("children.py"), kind)

    assert ran.code == 0, ran.err
    (report,) = rig.reports()
    assert report["calls"] == wflo_provider.bill.requests == 2
    assert cost(report) == wflo_provider.bill.total_usd


def test_a_signal_to_wflo_ends_the_program_and_keeps_its_spend(rig, wflo_provider):
    process = rig.start_run(program("hang.py"))
    assert process.stdout.readline() == "ready\n"

    process.send_signal(signal.SIGTERM)
    ran = finish(process)

    assert ran.code == 128 + signal.SIGTERM
    (report,) = rig.reports()
    assert cost(report) == wflo_provider.bill.total_usd > 0
    assert report["ended_at"] is not None


def test_a_command_that_is_no_python_is_named(rig):
    ran = rig.call(*WFLO, "run", "--", "sh", "-c", f"exec {PYTHON} {program('ask.py')} 1")

    assert "sh is no Python program: only Pythons that it starts are guarded" in ran.err
    assert ran.code == 7
    assert rig.reports()[0]["calls"] == 1


def test_strict_refuses_a_command_that_is_no_python(rig):
    ran = rig.call(*WFLO, "run", "--strict", "--", "sh", "-c", "echo started")

    assert (ran.code, ran.out) == (78, "")


def test_a_command_in_which_nothing_was_guarded_is_said_loudly(rig):
    ran = rig.call(*WFLO, "run", "--", "sh", "-c", "exit 4")

    assert ran.code == 4
    assert "NO call was counted or refused" in ran.err


@pytest.mark.parametrize(
    ("command", "code"), [("no-such-program", 127), ("./no-program.txt", 126), ("./broken", 126)]
)
def test_a_command_that_cannot_be_run_has_the_shell_s_exit_code(rig, command, code):
    (rig.folder / "no-program.txt").write_text("text")
    (rig.folder / "broken").write_text("#!/no/such/interpreter\n")
    (rig.folder / "broken").chmod(0o755)

    assert rig.call(*WFLO, "run", "--", command).code == code


def test_a_misspelled_option_is_not_taken_for_the_program(rig):
    ran = rig.call(*WFLO, "run", "--bugdet", "5", "--", PYTHON, "-c", "print('started')")

    assert (ran.code, ran.out) == (2, "")
    assert "--budget" in ran.err


def test_a_name_and_a_budget_that_make_no_sense_are_refused(rig):
    for options in (("--name", ""), ("--budget", "five")):
        ran = rig.run("-c", "print('started')", options=options)

        assert (ran.code, ran.out) == (2, "")


def test_a_state_that_is_lost_meanwhile_does_not_change_the_exit_code(rig):
    ran = rig.run("-c", "import shutil; shutil.rmtree('.wflo'); raise SystemExit(5)")

    assert ran.code == 5
    assert "the report cannot be read: " in ran.err


def test_a_sitecustomize_of_the_user_still_runs(rig):
    site = rig.folder / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text("print('their own')\n")

    ran = rig.run("-c", "print('started')", PYTHONPATH=str(site))

    # The third is of the wflo command itself, which has the same path.
    assert ran.lines == ["their own", "started", "their own"]
    assert len(rig.reports()) == 1


def test_a_folder_that_cannot_be_written_is_no_obstacle(rig, tmp_path_factory):
    (rig.folder / ".wflo").write_text("no folder")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    rig.environ.pop("HOME", None)

    ran = rig.run(program("ask.py"), "1", options=("--budget", "0.0001"), TMPDIR=str(elsewhere))

    assert ran.lines == ["failed BudgetExceededError"]
    assert ".wflo cannot be written here, so the state is kept in" in ran.err


def test_a_state_that_cannot_be_used_refuses_to_start(rig):
    (rig.folder / "state.db").write_text("no database " * 100)

    ran = rig.run("-c", "print('started')", options=("--state", "sqlite:///state.db"))

    assert (ran.code, ran.out) == (78, "")
    assert "refusing to start: " in ran.err


def test_a_state_in_memory_cannot_be_shared(rig):
    ran = rig.run("-c", "print('started')", options=("--state", "memory://"))

    assert (ran.code, ran.out) == (2, "")
    assert "use sqlite:///path" in ran.err


def test_switched_off_it_says_so_and_counts_nothing(rig, wflo_provider):
    ran = rig.run(program("ask.py"), "1", options=("--budget", "0.001"), WFLO_DISABLED="1")

    assert ran.lines == ["answered stop"]
    assert "switched off by WFLO_DISABLED=1" in ran.err
    assert not (rig.folder / ".wflo" / "state.db").exists() or rig.call(*WFLO, "report").code == 1


def test_a_run_inside_a_run_joins_it(rig, wflo_provider):
    inner = " ".join([*WFLO, "run", "--", PYTHON, program("ask.py"), "1"])

    rig.call(*WFLO, "run", "--budget", "1", "--", "sh", "-c", f"{inner}; {inner}")

    (report,) = rig.reports()
    assert report["calls"] == wflo_provider.bill.requests == 2


@pytest.mark.parametrize("limits", [(), ("10000",)], ids=["without_max_tokens", "with_max_tokens"])
def test_four_processes_of_one_run_never_pass_its_budget(rig, wflo_provider, limits):
    # 1,000 tokens in and 10,000 out of gpt-4o: $0.1025 a call.
    wflo_provider.default = Reply(input_tokens=1000, output_tokens=10_000)

    ran = rig.run(program("four.py"), "4", *limits, options=("--budget", "1"), WORDS="1000")

    (report,) = rig.reports()
    assert wflo_provider.bill.total_usd == cost(report) <= 1
    assert ran.lines.count("answered stop") >= 9
    assert "still" not in ran.err
    shown = rig.call(*WFLO, "budgets", "show", report["run_id"]).out
    run = f"run:{report['run_id']}"
    row = shown.splitlines()[2].split()
    assert row[:4] == [run, "$1.0000", f"${cost(report):.4f}", "$0.0000"]


def test_the_first_signal_is_not_lost_while_the_program_starts(rig):
    process = rig.start_run("-c", "import time; print('ready', flush=True); time.sleep(60)")
    assert process.stdout.readline() == "ready\n"

    os.kill(process.pid, signal.SIGINT)

    assert finish(process).code in {130, 1}
