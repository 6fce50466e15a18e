"""``wflo doctor``: what it says of packages that it meets for the first time, and how it says it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from doctor_rig import bring, doctor, has_ended
from wflo_otel.cli.doctor import findings
from wflo_otel.cli.doctor.findings import Verdict, judge
from wflo_otel.cli.doctor.probing import environment
from wflo_otel.cli.launch import HOOK

REFUSED = """
import httpx
httpx.post(f"{url}/v1/chat/completions", json=BODY)
"""
SWALLOWED_AND_SENT = """
import httpx
try:
    httpx.post(f"{url}/v1/chat/completions", json=BODY)
except Exception:
    send(url)
"""
TURNED = """
import httpx
try:
    httpx.post(f"{url}/v1/chat/completions", json=BODY)
except Exception:
    raise ValueError("something went wrong") from None
"""
SWALLOWED = """
import httpx
try:
    httpx.post(f"{url}/v1/chat/completions", json=BODY)
except Exception:
    return
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return here


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Install a package with these probes."""
    made = tmp_path / "site"
    made.mkdir()
    return lambda **probes: bring(made, monkeypatch, **probes)


# --- verdicts --------------------------------------------------------------------------------


def test_a_package_whose_request_arrives_is_unguarded(package):
    package(brought="send(url)")

    examined = doctor("brought", "--json")

    assert examined.code == 1
    assert examined.sdk("brought")["version"] == "1.2"
    assert examined.sdk("brought")["verdict"] == "unguarded"
    (way,) = examined.sdk("brought")["ways"]
    assert (way["requests"], way["seam"], way["error"]) == (1, "", "")


def test_a_package_whose_request_is_refused_is_held_by_the_client_it_uses(package):
    package(brought=REFUSED)

    examined = doctor("brought", "--json")

    assert examined.code == 0
    assert examined.json["ok"] is True
    (way,) = examined.sdk("brought")["ways"]
    assert (way["verdict"], way["seam"]) == ("holds", "httpx")
    assert (way["error"], way["requests"]) == ("BudgetExceededError", 0)


def test_a_package_that_swallows_the_refusal_and_sends_is_only_observed(package):
    package(brought=SWALLOWED_AND_SENT)

    examined = doctor("brought")

    assert examined.code == 1
    assert "observe only" in examined.out
    assert "the request arrived although it was refused" in examined.out


def test_a_package_that_raises_its_own_error_holds_but_wraps(package):
    package(brought=TURNED)

    examined = doctor("brought", "--json")

    assert examined.code == 0
    (way,) = examined.sdk("brought")["ways"]
    assert (way["verdict"], way["seam"], way["error"]) == ("wrapped", "httpx", "ValueError")


def test_a_package_that_raises_nothing_is_told_of(package):
    package(brought=SWALLOWED)

    assert "refused, but the caller gets no error at all" in doctor("brought").out


def test_a_probe_that_hangs_is_killed_with_all_it_started_and_said_so(package, tmp_path):
    pids = tmp_path / "pids"
    package(
        brought=f"""
import os, pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
pathlib.Path({str(pids)!r}).write_text(f"{{os.getpid()}} {{child.pid}}")
time.sleep(300)
"""
    )

    examined = doctor("brought", "--timeout", "5", "--json")

    assert examined.code == 1
    assert examined.sdk("brought")["verdict"] == "could not be probed"
    assert examined.sdk("brought")["why"] == "it did not end within 5 seconds (--timeout)"
    assert all(has_ended(int(pid)) for pid in pids.read_text().split())


def test_a_package_that_cannot_be_imported_could_not_be_probed(package):
    package(brought="send(url)")
    Path(sys.path[0], "brought.py").write_text("import no_such_module\n")

    examined = doctor("brought", "--json")

    assert examined.code == 1
    assert examined.sdk("brought")["verdict"] == "could not be probed"
    assert examined.sdk("brought")["why"] == (
        "ModuleNotFoundError: No module named 'no_such_module'"
    )


def test_a_probe_that_dies_is_told_with_its_last_words(package):
    package(brought="import os\nos.write(2, b'out of luck')\nos._exit(3)")

    assert doctor("brought", "--json").sdk("brought")["why"] == "exit code 3: out of luck"


def test_a_probe_reaches_nothing_but_loopback(package):
    package(brought="import urllib.request\nurllib.request.urlopen('http://192.0.2.1/', timeout=9)")

    (way,) = doctor("brought", "--json").sdk("brought")["ways"]

    assert way["verdict"] == "could not be probed"
    assert "a probe may not reach '192.0.2.1'" in way["why"]


def test_a_probe_looks_no_name_up(package):
    package(brought="import socket\nsocket.create_connection(('example.invalid', 80))")

    (way,) = doctor("brought", "--json").sdk("brought")["ways"]

    assert "a probe may not reach 'example.invalid'" in way["why"]


def test_what_a_probe_prints_is_not_taken_for_its_answer(package):
    package(brought=f"print('hello')\n{REFUSED}")

    assert doctor("brought", "--json").sdk("brought")["verdict"] == "holds"


def test_a_request_past_the_address_of_a_probe_is_no_proof(package):
    package(brought="send(url.rpartition('/')[0])")

    examined = doctor("brought", "--json")

    assert examined.code == 1
    assert examined.sdk("brought")["why"] == "1 request went past the probe's address"


def test_a_request_that_is_none_is_no_proof(package):
    package(
        brought="""
import socket
with socket.create_connection(("127.0.0.1", int(url.split(":")[2].split("/")[0]))) as sender:
    sender.sendall(b"POST /x HTTP/1.1\\r\\nContent-Length: x\\r\\n\\r\\n")
    sender.recv(1)
"""
    )

    examined = doctor("brought", "--json")

    assert examined.sdk("brought")["why"] == "what arrived could not be read: ValueError"


def test_a_name_that_nothing_here_has_is_an_error_of_the_command_line():
    examined = doctor("nothing")

    assert examined.code == 2
    assert examined.err.startswith("wflo: there is no probe of nothing here; there is: ")


def attempt(**saw: object) -> dict[str, object]:
    nothing = {"way": "sync", "error": "", "said": "", "typed": False, "refused": 0, "seam": ""}
    return nothing | saw


@pytest.mark.parametrize(
    ("saw", "requests", "verdict"),
    [
        (attempt(typed=True, refused=1, error="BudgetExceededError"), 0, Verdict.HOLDS),
        (attempt(refused=1, error="x.Error"), 0, Verdict.WRAPPED),
        (attempt(refused=1), 0, Verdict.WRAPPED),
        (attempt(error="x.Error", said="no"), 0, Verdict.UNPROBED),
        (attempt(), 0, Verdict.UNPROBED),
        (attempt(typed=True, refused=1), 1, Verdict.OBSERVES),
        (attempt(refused=1, error="x.Error"), 1, Verdict.OBSERVES),
        (attempt(error="x.Error"), 1, Verdict.UNGUARDED),
        (attempt(), 2, Verdict.UNGUARDED),
    ],
)
def test_a_verdict_follows_from_what_the_caller_saw_and_what_arrived(saw, requests, verdict):
    assert judge(saw, requests).verdict is verdict


def test_an_sdk_is_as_good_as_its_worst_way():
    ways = (judge(attempt(typed=True, refused=1), 0), judge(attempt(way="async"), 1))

    assert findings.Sdk("x", "1", ways).verdict is Verdict.UNGUARDED


# --- the environment of a probe --------------------------------------------------------------


def test_a_probe_sees_no_keys_proxies_or_settings_of_ours(tmp_path):
    ours = {
        "OPENAI_API_KEY": "secret",
        "OPENAI_BASE_URL": "https://example.invalid",
        "HTTPS_PROXY": "http://example.invalid",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://example.invalid",
        "WFLO_BUDGET_USD": "5",
        "HOME": "/home/somebody",
        "PATH": "/bin",
    }

    seen = environment(ours, tmp_path)

    assert seen["PATH"] == "/bin"
    assert seen["HOME"] == str(tmp_path)
    assert [name for name in ours if name in seen] == ["HOME", "PATH"]


def test_a_probe_finds_packages_where_we_do_but_not_the_start_up_hook(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ours = {"PYTHONPATH": os.pathsep.join([str(HOOK), "lib", "/somewhere"])}

    seen = environment(ours, tmp_path)["PYTHONPATH"]

    assert seen.split(os.pathsep) == [str(tmp_path / "lib"), "/somewhere"]


# --- how it is said --------------------------------------------------------------------------


def test_no_line_is_wider_than_80_columns(package):
    package(brought="send(url)", a_package_with_quite_a_long_name_of_its_own=SWALLOWED_AND_SENT)

    examined = doctor("brought", "a_package_with_quite_a_long_name_of_its_own", "httpx")

    assert [line for line in examined.out.splitlines() if len(line) > 80] == []
    assert examined.out.rstrip().endswith("2 problems")


def test_where_all_is_well_it_says_so_and_ends_with_0(package):
    package(brought=REFUSED)

    examined = doctor("brought")

    assert examined.code == 0
    assert examined.out.rstrip().endswith("all is well")


def test_the_program_itself_says_the_same_without_unicode(folder, package):
    package(brought="send(url)")
    command = [sys.executable, "-m", "wflo_otel.cli", "doctor", "brought"]
    environ = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}

    ran = subprocess.run(
        command, env=environ, capture_output=True, text=True, timeout=120, check=False
    )

    assert ran.returncode == 1, ran.stderr
    assert ran.stderr == ""
    assert "-> put @track_llm_call on the function that calls it" in ran.stdout


def test_the_json_has_the_keys_that_are_documented(package):
    package(brought=REFUSED)
    page = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")

    found = doctor("brought", "--json").json

    def keys(value):
        if isinstance(value, dict):
            yield from value
        for each in value.values() if isinstance(value, dict) else value:
            if isinstance(each, dict | list):
                yield from keys(each)

    section = page.partition("## `wflo doctor`")[2].partition("\n## ")[0]
    assert [key for key in dict.fromkeys(keys(found)) if f"`{key}`" not in section] == []
    assert json.loads(json.dumps(found)) == found
