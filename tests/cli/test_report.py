"""``wflo report`` and ``wflo budgets``: what is kept of runs, for people and for programs."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

import made_calls as made
from made_letters import letter
from wflo_otel.cli import main
from wflo_otel.clock import SystemClock
from wflo_otel.core.call import Operation, Status
from wflo_otel.core.dead_letter import LetterState
from wflo_otel.core.ledger import Amount
from wflo_otel.core.policy import Budget
from wflo_otel.core.scope import Caller, Scope, agent_key, run_key
from wflo_otel.core.usage import Usage
from wflo_otel.ports import Charge, RunInfo
from wflo_otel.report import report_of
from wflo_otel.stores import open_store
from wflo_otel.stores.sqlite import SqliteStore
from wflo_otel.testing import assert_cost

RUN = {
    "run_id",
    "name",
    "started_at",
    "ended_at",
    "calls",
    "cost_usd",
    "tokens",
    "refused",
    "stopped",
    "by_agent",
    "by_model",
    "by_tool",
    "by_step",
    "errors",
    "unrecognised",
    "trace_ids",
    "trace_url",
    "checkpoints",
    "unsaved",
}


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    opened = open_store("sqlite:///.wflo/state.db", SystemClock())
    opened.open_run(RunInfo("first1", "nightly", 1_000.0))
    opened.close_run("first1", 1_002.5)
    opened.open_run(RunInfo("second2", "report", 2_000.0))
    yield opened
    opened.close()


def charge(store, call_id: str, nano: int, caller: Caller, **facts) -> None:
    record = made.record(call_id, 0, caller)
    facts = {"cost": nano, "usage": Usage(input_tokens=10, output_tokens=5), **facts}
    amount = Amount(nano, 15, 1)
    scopes = [Scope(run_key(caller.run_id), made.budget(1_000))]
    scopes += [Scope(agent_key(caller.run_id, each), made.budget(500)) for each in caller.agents]
    store.settle(scopes, Charge(amount, replace(record, **facts)))


@pytest.fixture
def spent(store):
    """Two agents, two models, a tool and a step."""
    writer = Caller("second2", agents=("writer",), step="draft")
    seeker = Caller("second2", agents=("seeker",), tool="search")
    charge(store, "a", 123_456_789, writer, model="gpt-4o", trace_id="t1", tool_calls=("search",))
    charge(store, "b", 1, seeker, model="claude", trace_id="t2", cost_source="estimate")
    charge(store, "c", 0, seeker, model="claude", trace_id="t2", status=Status.ERROR)
    tool = replace(made.record("d", 0, seeker), operation=Operation.EXECUTE_TOOL, cost=0)
    store.record(tool)
    store.save(made.checkpoint("cp", b"{}", run_id="second2"), b"{}")
    return store


def wflo(*words: str, code: int = 0) -> str:
    ran = CliRunner().invoke(main, words)
    assert ran.exit_code == code, ran.output
    return ran.output


def in_json(*words: str) -> list[dict]:
    return json.loads(wflo("report", "--json", *words))["runs"]


def test_the_json_has_exactly_these_fields(spent):
    (report, _) = in_json()

    assert set(report) == RUN
    assert report["run_id"], report["name"] == ("second2", "report")
    assert report["started_at"] == "1970-01-01T00:33:20.000+00:00"
    assert report["ended_at"] is None
    assert report["tokens"] == {
        "input": 30,
        "output": 15,
        "cached": 0,
        "reasoning": 0,
        "total": 45,
    }
    assert (report["calls"], report["errors"], report["trace_url"]) == (3, 1, None)
    assert report["trace_ids"] == ["t1", "t2"]
    assert report["checkpoints"] == [
        {
            "id": "cp",
            "parent": None,
            "name": "draft",
            "step": "node",
            "agent": "writer",
            "created_at": "1970-01-01T00:00:01.000+00:00",
            "size": 2,
            "digest": made.checkpoint("cp", b"{}").digest,
        }
    ]


@pytest.mark.parametrize("by", ["by_agent", "by_model", "by_step"])
def test_each_breakdown_sums_to_the_run_to_the_nano_dollar(spent, by):
    report = in_json("second2")[0]

    assert report["cost_usd"] == "0.123456790"
    assert sum(Decimal(line["cost_usd"]) for line in report[by]) == Decimal("0.123456790")
    assert sum(line["calls"] for line in report[by]) == 3


def test_a_tool_shows_how_often_it_was_asked_for_and_ran(spent):
    (tool,) = in_json("second2")[0]["by_tool"]

    assert (tool["name"], tool["requested"], tool["ran"]) == ("search", 1, 1)
    assert (tool["calls"], tool["cost_usd"]) == (2, "0.000000001")


def test_runs_come_newest_first_and_as_many_as_are_asked_for(store):
    assert [run["run_id"] for run in in_json()] == ["second2", "first1"]
    assert [run["run_id"] for run in in_json("--last", "1")] == ["second2"]
    assert in_json("first1")[0]["ended_at"] == "1970-01-01T00:16:42.500+00:00"


def test_the_start_of_an_id_is_enough(store):
    assert in_json("fir")[0]["run_id"] == "first1"


@pytest.mark.parametrize(
    ("wanted", "answer"),
    [
        ("frst1", "no run 'frst1'; did you mean first1 (nightly)?"),
        ("zzz", "no run 'zzz'; the newest are second2 (report), first1 (nightly)"),
        ("", "'' is the start of 2 runs: second2 (report), first1 (nightly)"),
    ],
)
def test_a_run_that_is_not_there_is_answered_with_those_that_are(store, wanted, answer):
    assert answer in wflo("report", wanted, code=1)


def test_a_state_without_runs_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    open_store("sqlite:///state.db", SystemClock()).close()

    for words in (("report",), ("report", "any")):
        said = wflo(*words, "--state", "sqlite:///state.db", code=1)
        assert "no run is in this state yet" in said


def test_where_nothing_has_run_no_state_is_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert "no state at .wflo/state.db: nothing has run here yet" in wflo("report", code=2)
    assert not (tmp_path / ".wflo").exists()


@pytest.mark.parametrize("state", ["memory://", "redis://somewhere", "sqlite:///"])
def test_a_state_that_no_command_can_read_is_refused(state):
    assert "sqlite:///" in wflo("report", "--state", state, code=2)


def test_a_state_that_is_damaged_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "state.db").write_text("no database " * 100)

    assert "damaged" in wflo("report", "--state", "sqlite:///state.db", code=2)


def test_the_tables_name_agents_models_steps_and_tools(spent):
    shown = wflo("report")

    rows = [line.split() for line in shown.splitlines()]
    assert ["writer", "1", "0", "10", "5", "$0.1235", "$0.0005"] in rows
    assert ["seeker", "2", "1", "20", "10", "~<$0.0001", "$0.0005"] in rows
    assert ["gpt-4o", "1", "0", "10", "5", "$0.1235"] in rows
    assert ["draft", "1", "0", "10", "5", "$0.1235"] in rows
    assert ["search", "1", "1", "1", "2", "~<$0.0001"] in rows
    assert "estimate  ~$0.000000001 of it is estimated" in shown
    assert all(len(line) <= 80 for line in shown.splitlines())


def test_a_list_of_runs_has_a_line_for_each(spent):
    shown = wflo("report", "--last", "5").splitlines()

    assert shown[2].split() == ["report", "second2", "1970-01-01", "00:33", "3", "1", "$0.1235"]
    assert shown[3].split()[:2] == ["nightly", "first1"]


REQUEST = "0af7651916cd43dd8448eb211c80319c"


def test_a_process_s_run_sums_the_requests_it_served(spent):
    spent.open_run(RunInfo(REQUEST, "POST /ask", 2_100.0, parent="second2"))
    charge(spent, "d", 2_000_000_000, Caller(REQUEST))

    said = wflo("report", "second2")

    assert re.search(r"spent +\$2\.12", said), said
    assert "1 request called a model, each a run of its own" in said


def test_a_list_shows_as_much_of_a_request_s_id_as_names_it(store):
    store.open_run(RunInfo(REQUEST, "POST /ask", 3_000.0, parent="second2"))

    said = wflo("report", "--last", "2")

    assert f" {REQUEST[:16]} " in said
    assert "POST /ask" in said
    assert "POST /ask" in wflo("report", REQUEST[:16])


def test_a_run_that_stopped_says_where_and_why(spent):
    spent.stop(agent_key("second2", "writer"), "usd budget exceeded")

    assert in_json("second2")[0]["stopped"] == "usd budget exceeded (agent writer)"
    assert "stopped   agent writer: usd budget exceeded" in wflo("report")
    spent.stop(run_key("second2"), "told to")
    assert in_json("second2")[0]["stopped"] == "told to"


def test_refusals_are_counted_where_they_happened(store):
    scopes = made.scopes(0, run_id="second2")
    for call_id in ("x", "y"):
        store.admit(scopes, made.call(call_id, made.caller("second2")), made.request(call_id, 10))

    assert "refused  2 by the budget of run, before leaving this machine" in wflo("report")
    assert report_of(RunInfo("second2", "", 0.0), store).refused == 2


def test_refusals_that_no_budget_counts_are_counted_too(store):
    for why in ("unpriced", "waited", "waited", "unrecognised", "breaker"):
        store.note(["second2"], "refused", why)

    shown = " ".join(wflo("report").split())

    assert (
        "refused 2 while other calls held the rest, 1 by a circuit breaker, 1 without a price, "
        "1 in an unknown API, before leaving this machine" in shown
    )
    assert in_json("second2")[0]["refused"] == 5


def test_requests_to_unknown_apis_are_named_the_busiest_first(store):
    for number in range(7):
        for _ in range(7 - number):
            store.note(["second2"], "unrecognised", f"{number}.example/v3")

    shown = " ".join(wflo("report").split())

    assert "unrecognised 7 requests to 0.example/v3, 6 requests to 1.example/v3," in shown
    assert "3 requests to 4.example/v3, and to 2 more: like calls to a model" in shown
    assert "5.example" not in shown
    assert in_json("second2")[0]["unrecognised"][6] == {"address": "6.example/v3", "requests": 1}


def test_what_is_still_reserved_is_said(store):
    scopes = made.scopes(100, run_id="second2")
    store.admit(scopes, made.call("x", made.caller("second2")), made.request("x", 10))

    assert "reserved  still $0.00001 for calls whose process ended" in wflo("report")


def test_what_dead_processes_had_reserved_is_flagged(store):
    who = made.caller("second2")
    dead = SqliteStore(Path(".wflo/state.db"), SystemClock(), lease_s=0.0)
    dead.admit(made.scopes(100, run_id="second2"), made.call("x", who), made.request("x", 10))
    dead.close()

    shown = wflo("report")

    assert "flagged   $0.00001 of it for calls whose process died" in shown
    assert "flagged" in wflo("budgets", "show").splitlines()[0]


def test_where_a_trace_is_looked_at_is_shown_where_the_environment_says_it(spent, monkeypatch):
    monkeypatch.setenv("WFLO_TRACE_URL", "http://localhost:16686/trace/{trace_id}")

    assert in_json("second2")[0]["trace_url"] == "http://localhost:16686/trace/t1"
    assert "trace http://localhost:16686/trace/t1 and 1 more" in " ".join(wflo("report").split())


def test_a_trace_url_without_a_place_for_the_id_is_refused(spent, monkeypatch):
    monkeypatch.setenv("WFLO_TRACE_URL", "http://localhost:16686")

    ran = CliRunner().invoke(main, ["report"])

    assert ran.exit_code == 2
    assert "WFLO_TRACE_URL: must be a URL such as" in ran.output


def test_streams_that_were_cut_and_calls_that_were_clamped_are_counted(store):
    who = Caller("second2", agents=("a",))
    charge(store, "a", 5, who, status=Status.CUT)
    charge(store, "b", 5, who, clamped=True)

    shown = wflo("report")

    assert "cut      1 stream before the end" in shown
    assert "clamped  1 call ran with a smaller output cap" in shown


def test_an_agent_without_a_budget_is_shown_beside_one_that_has_one(store):
    charge(store, "a", 5, Caller("second2", agents=("limited",)))
    free = Charge(Amount(7, 1, 1), replace(made.record("b", 7), caller=Caller("second2")))
    store.settle([Scope(run_key("second2"))], free)

    rows = [line.split() for line in wflo("report").splitlines()]

    assert ["(no", "name)", "1", "0", "0", "7", "<$0.0001"] in rows


def test_many_lines_end_in_one_for_the_rest(store):
    for number in range(25):
        who = Caller("second2", agents=(f"agent{number:02}",))
        charge(store, f"c{number}", 1_000_000 * (30 - number), who)

    shown = wflo("report")

    assert "agent18" in shown
    assert "agent19" not in shown
    assert next(line for line in shown.splitlines() if "6 more" in line).split()[2] == "6"


def test_budgets_show_limits_spend_and_stops(spent):
    spent.stop(run_key("second2"), "told to")

    rows = [line.split() for line in wflo("budgets", "show", "second2").splitlines()]

    assert ["run:second2", "$0.0010", "$0.1235", "$0.0000", "0", "stopped"] in rows
    assert ["run:second2/agent:writer", "$0.0005", "$0.1235", "$0.0000", "0"] in rows


def test_budgets_show_other_units_and_scopes_without_a_limit(store):
    scopes = [Scope("tenant:acme@all", Budget(tokens=5_000)), Scope("run:free")]
    store.settle(scopes, made.charge("c", 7_000))

    rows = [line.split() for line in wflo("budgets", "show").splitlines()]

    assert ["run:free", "-", "$0.0070", "$0.0000", "0"] in rows
    assert any(row[:4] == ["tenant:acme@all", "5,000", "tokens", "7,000"] for row in rows)


def test_a_report_can_be_asserted_on(spent):
    report = report_of(RunInfo("second2", "report", 0.0), spent)

    assert assert_cost(report) <= Decimal("0.13")
    assert report.by_agent["writer"] == Decimal("0.123456789")
    with pytest.raises(AssertionError, match="writer"):
        assert assert_cost(report) <= Decimal("0.1")


def test_another_run_whose_id_begins_the_same_is_kept_apart(spent):
    charge(spent, "z", 5, Caller("second22"))

    report = report_of(RunInfo("second2", "", 0.0), spent)

    assert {each.key.partition("/")[0] for each in report.ledgers} == {"run:second2"}


def test_dead_letters_of_the_run_and_of_those_inside_are_counted_until_they_are_done(store):
    store.open_run(RunInfo("inside", "child", 2_001.0, parent="second2"))
    for number, (run_id, state) in enumerate(
        [
            ("second2", LetterState.DEAD),
            ("inside", LetterState.POISON),
            ("second2", LetterState.DONE),
            ("first1", LetterState.DEAD),
        ]
    ):
        now = SystemClock().time()
        made_letter = letter(
            f"l{number}", run_id=run_id, state=state, created_at=now, changed_at=now
        )
        store.dead_letters.bury(made_letter)

    out = CliRunner().invoke(main, ["report", "second2", "--state", "sqlite:///.wflo/state.db"])

    assert "2 dead letters: wflo dlq list" in out.stdout


def test_what_was_saved_and_what_could_not_be_is_said(store, spent):
    store.note(["second2"], "unsaved", "plan")
    store.note(["second2"], "unsaved", "plan")

    shown = " ".join(wflo("report").split())
    assert "saved 1 checkpoint, the last is cp (draft)" in shown
    assert "unsaved 2 states that could not be stored, of plan; the log says why" in shown
    assert in_json("second2")[0]["unsaved"] == [{"name": "plan", "states": 2}]
