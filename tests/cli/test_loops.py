"""``wflo run`` on bare tool loops that know nothing of us."""

from __future__ import annotations

import pytest

from cli_rig import program
from wflo_otel.testing import Reply, ToolRequest

LOOPS = "version: 1\nloops: {}\n"
PROGRAMS = ("loop_openai.py", "loop_anthropic.py")


@pytest.fixture(autouse=True)
def _answers(rig, wflo_provider):
    wflo_provider.default = Reply(tool_calls=(ToolRequest("find_job", {"job": "nightly"}),))
    (rig.folder / "wflo.yaml").write_text(LOOPS)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_loop_that_repeats_a_call_is_stopped_and_shown(rig, wflo_provider, name):
    ran = rig.run(program(name), "same")

    assert ran.lines == [f"turn {n}" for n in range(4)]
    assert wflo_provider.bill.requests == 4
    assert "InfiniteLoopDetectedError" in ran.err
    assert "loop: identical, 4 times: find_job(" in ran.err
    assert "the job is in the list" not in ran.err
    assert "refused  1 for going in circles, before leaving this machine" in ran.err
    assert "loop: identical, 4 times: find_job(" in ran.err[ran.err.index("spent") :]


@pytest.mark.parametrize("name", PROGRAMS)
def test_polling_that_gets_on_is_not(rig, wflo_provider, name):
    ran = rig.run(program(name), "moves")

    assert ran.lines == [f"turn {n}" for n in range(30)]
    assert ran.code == 0
    assert wflo_provider.bill.requests == 30


def test_what_the_stop_refuses_later_is_counted_there(rig, wflo_provider):
    code = (
        "import runpy\n"
        "for _ in range(3):\n"
        "    try: runpy.run_path(PATH)\n"
        "    except Exception as error: print(type(error).__name__)\n"
    )
    ran = rig.run("-c", code.replace("PATH", repr(program("loop_openai.py"))), "same")

    assert ran.lines[4:] == ["InfiniteLoopDetectedError"] * 3
    assert wflo_provider.bill.requests == 4
    assert "refused  2 by the stop of" in ran.err
    assert "1 for going in circles" in ran.err
