"""What ``wflo doctor`` says of the interpreter, the variables, the policy, the state and OTLP."""

from __future__ import annotations

import socket
import sys
from importlib.metadata import PackageNotFoundError
from types import SimpleNamespace

import pytest

from doctor_rig import bring, doctor
from wflo_otel.cli.doctor import outlook, surroundings
from wflo_otel.cli.doctor.findings import Level
from wflo_otel.clock import SystemClock
from wflo_otel.config import Settings
from wflo_otel.core.decision import Stopped
from wflo_otel.metering import ranks
from wflo_otel.stores import open_store
from wflo_otel.stores.memory import MemoryStore

LIMITS = "version: 1\nbudgets:\n  run: {usd: 5}\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return here


def one(found):
    (finding,) = found
    return finding


# --- the interpreter -------------------------------------------------------------------------


def test_a_python_that_loads_the_start_up_hook_is_fine(monkeypatch):
    found = surroundings.interpreter({"PATH": "/bin", "WFLO_BUDGET_USD": "not a number"})

    assert [(each.check, each.level) for each in found] == [
        ("python", Level.OK),
        ("start-up", Level.OK),
    ]


@pytest.mark.parametrize("option", ["isolated", "ignore_environment", "no_site"])
def test_an_option_under_which_the_hook_is_not_loaded_is_a_problem(monkeypatch, option):
    flags = dict.fromkeys(("isolated", "ignore_environment", "no_site"), 0) | {option: 1}
    fake = SimpleNamespace(flags=SimpleNamespace(**flags), executable=sys.executable)
    monkeypatch.setattr(surroundings, "sys", fake)

    start_up = surroundings.interpreter({})[1]

    assert start_up.level is Level.PROBLEM
    assert "so the guard is not loaded; leave -" in start_up.says


# --- variables -------------------------------------------------------------------------------


def test_variables_that_are_right_need_no_word():
    read, found = surroundings.settings({"WFLO_BUDGET_USD": "5"})

    assert (read.budget_usd, found) == (5, [])


def test_a_variable_that_is_misspelt_is_a_problem():
    finding = one(surroundings.settings({"WFLO_BUDGE_USD": "5"})[1])

    assert finding.level is Level.PROBLEM
    assert "did you mean WFLO_BUDGET_USD?" in finding.says


def test_a_variable_with_an_impossible_value_is_a_problem():
    read, found = surroundings.settings({"WFLO_BUDGET_USD": "five"})

    assert read == Settings()
    assert one(found).level is Level.PROBLEM
    assert "WFLO_BUDGET_USD" in one(found).says


def test_being_switched_off_is_a_problem():
    finding = one(surroundings.settings({"WFLO_DISABLED": "1"})[1])

    assert (finding.level, finding.todo) == (Level.PROBLEM, "unset it")


# --- the policy ------------------------------------------------------------------------------


def test_without_a_policy_it_says_that_nothing_is_refused():
    finding = one(surroundings.policy(None, Settings()))

    assert finding.level is Level.NOTE
    assert "nothing is refused" in finding.says
    assert "wflo init" in finding.todo


def test_the_policy_of_this_folder_is_summed_up(folder):
    (folder / "wflo.yaml").write_text(LIMITS)

    finding = one(surroundings.policy(None, Settings()))

    assert (finding.level, finding.says) == (Level.OK, "wflo.yaml: run $5.00")


def test_a_budget_in_the_environment_limits_too(folder):
    (folder / "wflo.yaml").write_text(LIMITS)
    read, _ = surroundings.settings({"WFLO_BUDGET_USD": "2"})

    assert one(surroundings.policy(None, read)).says == "wflo.yaml, WFLO_BUDGET_USD: run $2.00"


def test_every_problem_of_a_policy_is_a_finding(folder):
    (folder / "bad.yaml").write_text("version: 1\nmode: maybe\nbudgts: {}\n")

    found = surroundings.policy("bad.yaml", Settings())

    assert [each.level for each in found] == [Level.PROBLEM] * 2
    assert [each.says.partition(": ")[0] for each in found] == ["bad.yaml:2", "bad.yaml:3"]


# --- the state -------------------------------------------------------------------------------


def test_a_state_that_is_not_there_is_not_made(folder):
    finding = one(surroundings.state(None, Settings()))

    assert finding.level is Level.OK
    assert finding.says == ".wflo/state.db: not there yet; it can be made"
    assert list(folder.iterdir()) == []


def test_a_state_that_is_there_is_tried_and_left_as_it_was(folder):
    url = f"sqlite:///{folder}/state.db"
    store = open_store(url, SystemClock())
    try:
        store.stop("run:kept", "for a test")
        finding = one(surroundings.state(url, Settings()))

        assert finding.says == "state.db: a call was reserved and released"
        assert [view.key for view in store.ledgers()] == ["run:kept"]
    finally:
        store.close()


def test_a_state_in_memory_is_tried_too():
    finding = one(surroundings.state(None, Settings(state="memory://")))

    assert (finding.level, finding.says) == (
        Level.OK,
        "memory://: a call was reserved and released",
    )


def test_a_folder_in_place_of_the_state_is_a_problem(folder):
    (folder / "state.db").mkdir()

    finding = one(surroundings.state("sqlite:///state.db", Settings()))

    assert finding.level is Level.PROBLEM
    assert "cannot be used" in finding.says


def test_a_state_below_a_file_is_a_problem(folder):
    (folder / "file").write_text("")

    finding = one(surroundings.state("sqlite:///file/state.db", Settings()))

    assert finding.level is Level.PROBLEM
    assert "Not a directory" in finding.says


def test_a_state_that_is_no_state_is_a_problem():
    assert one(surroundings.state("mysql://host", Settings())).level is Level.PROBLEM


def test_a_state_that_admits_nothing_is_a_problem(monkeypatch):
    class Full(MemoryStore):
        def admit(self, scopes, call, request):
            return Stopped(scopes[0].key, "full")

    monkeypatch.setattr(surroundings, "open_store", lambda _, clock: Full(clock))

    finding = one(surroundings.state("memory://", Settings()))

    assert finding.level is Level.PROBLEM
    assert "was not admitted" in finding.says


# --- metering --------------------------------------------------------------------------------


def test_without_a_vocabulary_it_says_what_that_means(monkeypatch, tmp_path):
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))

    tokens, prices = outlook.metering()

    assert tokens.level is Level.NOTE
    assert "estimated from its characters" in tokens.says
    assert tokens.todo == "tiktoken.get_encoding('o200k_base') fetches it, once"
    assert prices.says.startswith("genai-prices 0.")


def test_with_the_vocabularies_it_says_that_tokens_are_counted(monkeypatch):
    monkeypatch.setattr(outlook, "on_disk", lambda: tuple(ranks.KNOWN))

    tokens = outlook.metering()[0]

    assert (tokens.level, tokens.todo) == (Level.OK, "")
    assert "o200k_base, cl100k_base" in tokens.says


# --- telemetry -------------------------------------------------------------------------------


def otlp(**environ):
    names, *found = outlook.telemetry(environ)
    assert names.check == "names"
    return found


def test_the_conventions_in_force_are_named():
    named = {"OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental"}

    assert outlook.telemetry({})[0].says == "GenAI conventions: released"
    assert outlook.telemetry(named)[0].says == "GenAI conventions: latest"


def test_without_an_endpoint_nothing_is_exported():
    finding = one(otlp())

    assert finding.level is Level.NOTE
    assert finding.says == "not exported: set OTEL_EXPORTER_OTLP_ENDPOINT"


def test_a_switched_off_sdk_is_told(monkeypatch):
    given = {"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}

    assert one(otlp(**given)).says == "not exported: OTEL_SDK_DISABLED is set"


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.mark.parametrize("form", ["http://127.0.0.1:{}", "127.0.0.1:{}"])
def test_a_collector_that_listens_is_fine(listener, form):
    finding = one(otlp(OTEL_EXPORTER_OTLP_ENDPOINT=form.format(listener)))

    assert (finding.level, finding.says.endswith(": somebody listens")) == (Level.OK, True)


def test_a_port_where_nobody_listens_is_a_problem_and_its_password_is_not_shown(closed_port):
    url = f"http://user:secret@127.0.0.1:{closed_port}?key=secret"

    finding = one(otlp(OTEL_EXPORTER_OTLP_ENDPOINT=url))

    assert finding.level is Level.PROBLEM
    assert finding.says == f"http://127.0.0.1:{closed_port}: Connection refused"


def test_an_endpoint_that_is_no_address_is_a_problem():
    assert one(otlp(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:port")).level is Level.PROBLEM


def test_each_signal_with_an_endpoint_of_its_own_is_tried(listener, closed_port):
    found = otlp(
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{listener}",
        OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=f"http://127.0.0.1:{closed_port}",
    )

    assert [each.level for each in found] == [Level.OK, Level.PROBLEM]


def test_otlp_without_an_endpoint_goes_where_exporters_send_by_default(monkeypatch):
    tried = []

    def refuse(address, timeout):
        tried.append(address)
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket, "create_connection", refuse)

    otlp(OTEL_TRACES_EXPORTER="otlp", OTEL_EXPORTER_OTLP_PROTOCOL="grpc")
    otlp(OTEL_TRACES_EXPORTER="otlp")
    otlp(OTEL_EXPORTER_OTLP_ENDPOINT="https://collector.invalid")

    assert tried == [("localhost", 4317), ("localhost", 4318), ("collector.invalid", 443)]


def test_a_protocol_that_nobody_knows_is_a_problem():
    given = {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "carrier pigeon"}

    assert one(otlp(**given)).level is Level.PROBLEM


# --- what nobody sees ------------------------------------------------------------------------


def test_clients_that_nobody_sees_are_named():
    finding = one(outlook.unseen())

    assert finding.level is Level.NOTE
    assert "requests" in finding.says  # the exporters need it
    assert "@track_llm_call" in finding.todo


def test_where_there_are_none_nothing_is_said(monkeypatch):
    def absent(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(outlook, "version", absent)

    assert outlook.unseen() == []


# --- all of it -------------------------------------------------------------------------------


def test_the_command_says_all_of_it_and_ends_with_1(folder, tmp_path, monkeypatch, closed_port):
    site = tmp_path / "site"
    site.mkdir()
    bring(site, monkeypatch, brought="send(url)")
    (folder / "wflo.yaml").write_text("version: 1\nmode: maybe\n")
    (folder / "file").write_text("")
    monkeypatch.setenv("WFLO_BUDGE_USD", "5")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{closed_port}")

    examined = doctor("brought", "--state", "sqlite:///file/state.db", "--json")

    assert examined.code == 1
    problems = [each["check"] for each in examined.json["checks"] if each["level"] == "problem"]
    assert problems == ["variables", "policy", "state", "otlp"]
