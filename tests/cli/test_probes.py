"""What happens inside a probe's process."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from doctor_rig import has_ended
from wflo_otel.bootstrap import configuration
from wflo_otel.cli.probes import GROUP, SUBJECTS, Ways
from wflo_otel.cli.probes.attempts import attempt_all
from wflo_otel.cli.probes.clients import CHAT, where
from wflo_otel.cli.probes.confine import _audit, is_loopback
from wflo_otel.cli.probes.reference import sdk_table
from wflo_otel.errors import BudgetExceededError
from wflo_otel.testing import ScriptedProvider

ROOT = Path(__file__).parents[2]


def tried(ways: Ways) -> list[dict[str, object]]:
    with ScriptedProvider() as provider:
        return attempt_all(ways, provider.base_url)


def ask(url: str) -> None:
    httpx.post(where(url), json=CHAT)


async def ask_async(url: str) -> None:
    async with httpx.AsyncClient() as client:
        await client.post(where(url), json=CHAT)


def turn(url: str) -> None:
    try:
        ask(url)
    except BudgetExceededError as error:
        raise RuntimeError("first line\nsecond line") from error


def test_each_way_is_refused_by_itself_and_names_the_client_that_did_it():
    found = tried({"sync": ask, "async": ask_async})

    assert [(each["way"], each["refused"], each["seam"]) for each in found] == [
        ("sync", 1, "httpx"),
        ("async", 1, "httpx"),
    ]
    assert all(each["typed"] and each["error"] == "BudgetExceededError" for each in found)


def test_an_error_around_the_refusal_is_named_by_its_first_line():
    (found,) = tried({"sync": turn})

    assert (found["typed"], found["error"], found["said"]) == (False, "RuntimeError", "first line")
    assert (found["refused"], found["seam"]) == (1, "httpx")


def test_an_error_of_a_package_is_named_with_it():
    (found,) = tried({"sync": lambda url: httpx.get("no-scheme")})

    assert found["error"] == "httpx.UnsupportedProtocol"
    assert (found["refused"], found["seam"]) == (0, "")


def test_a_way_that_ends_the_program_is_an_attempt_like_any_other():
    (found,) = tried({"sync": lambda url: sys.exit("no")})

    assert (found["error"], found["said"]) == ("SystemExit", "no")


def test_a_way_that_comes_back_raised_nothing():
    (found,) = tried({"sync": lambda url: None})

    assert (found["error"], found["typed"], found["refused"]) == ("", False, 0)


def test_nothing_stays_configured_after_a_probe():
    tried({"sync": ask})

    assert configuration() is None


@pytest.mark.parametrize(
    ("host", "is_here"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("::1%lo", True),
        ("localhost", True),
        ("LOCALHOST.", True),
        (b"localhost", True),
        ("", True),
        (None, True),
        ("0.0.0.0", False),
        ("192.0.2.1", False),
        ("2001:db8::1", False),
        ("example.invalid", False),
        ("localhost.example.invalid", False),
        (("127.0.0.1", 80), False),
    ],
)
def test_loopback_is_this_machine_and_nothing_else(host, is_here):
    assert is_loopback(host) is is_here


def test_every_way_out_is_refused():
    here, there = ("127.0.0.1", 9), ("192.0.2.1", 9)
    with socket.socket() as sender, socket.socket(socket.AF_UNIX) as local:
        for event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
            _audit(event, (sender, here))
            _audit(event, (local, "/run/some.sock"))
            with pytest.raises(PermissionError, match=r"192\.0\.2\.1"):
                _audit(event, (sender, there))
    for event in ("socket.getaddrinfo", "socket.gethostbyname"):
        _audit(event, ("localhost",))
        with pytest.raises(PermissionError, match=r"example\.invalid"):
            _audit(event, ("example.invalid",))
    _audit("open", ("/etc/hosts",))


def test_a_probe_answers_with_one_line_of_json_whatever_is_printed(tmp_path):
    (tmp_path / "noisy.py").write_text("print('noise')\ndef ways():\n    return {}\n")
    command = [sys.executable, "-m", "wflo_otel.cli.probes", "noisy:ways", "http://127.0.0.1:9"]

    ran = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True
    )

    assert json.loads(ran.stdout) == {"attempts": []}
    assert "noise" in ran.stderr


def test_a_probe_ends_with_the_process_that_started_it(tmp_path):
    (tmp_path / "hangs.py").write_text(
        "import pathlib, time\n"
        "def ways():\n    pathlib.Path('begun').touch()\n    time.sleep(300)\n"
    )
    (tmp_path / "starts.py").write_text(
        "import pathlib, subprocess, sys, time\n"
        "module, target = 'wflo_otel.cli.probes', 'hangs:ways'\n"
        "command = [sys.executable, '-m', module, target, 'http://127.0.0.1:9']\n"
        "print(subprocess.Popen(command, stdout=2, start_new_session=True).pid)\n"
        "while not pathlib.Path('begun').exists():\n    time.sleep(0.01)\n"
    )

    started = subprocess.run(
        [sys.executable, "starts.py"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=120,
        check=True,
    )

    assert has_ended(int(started.stdout))


# --- the table -------------------------------------------------------------------------------


def test_the_page_on_the_guard_shows_the_table_of_sdks():
    assert sdk_table() in (ROOT / "docs" / "guard.md").read_text(encoding="utf-8")


def _pinned(name: str) -> set[str]:
    files = ROOT.glob("constraints*.txt")
    pins = [line.split("==") for file in files for line in file.read_text().split()]
    return {
        version for package, version in (pin for pin in pins if len(pin) == 2) if package == name
    }


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda each: each.name)
def test_the_oldest_version_tried_is_the_oldest_that_an_environment_pins(subject):
    def number(version):
        return tuple(int(part) for part in version.split("."))

    pinned = _pinned(subject.name)

    assert subject.tested == min(pinned, key=number)


def test_the_group_of_entry_points_is_the_documented_one():
    assert f"`{GROUP}`" in (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
