"""A notice that leaves the process: posted, or given to a command."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hooks import NOTICE, hook
from wflo_otel import __file__ as package
from wflo_otel.core.policy import Notify
from wflo_otel.telemetry.notices.channels import (
    Command,
    Webhook,
    channels_of,
    plain_environment,
)
from wflo_otel.telemetry.notices.outbox import DeliveryError

PYTHON = sys.executable
#: Writes its arguments and its standard input into the file that its first argument names.
KEEP = "import sys; open(sys.argv[1], 'w').write(' '.join(sys.argv[2:]) + ' ' + sys.stdin.read())"


@contextmanager
def in_background(work: Callable[[], None]) -> Iterator[None]:
    thread = threading.Thread(target=work)
    thread.start()
    yield
    thread.join(10)


def is_gone(pid: int) -> bool:
    """Whether a killed process has ended; whoever inherits it may be slow to notice."""
    for _ in range(500):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


def test_a_webhook_is_posted_the_notice_as_json() -> None:
    with hook() as came:
        Webhook(f"{came.url}/hook?token=t").deliver(NOTICE)

    ((path, headers, body),) = came.came
    assert path == "/hook?token=t"
    assert headers["content-type"] == "application/json"
    assert "authorization" not in headers
    assert body == {
        "event": "stop",
        "time": "2026-11-24T12:00:00.000+00:00",
        "run_id": "r",
        "run_name": "tides",
        "agent": "writer",
        "model": "gpt-4o",
        "scope": "run:r",
        "reason": None,
        "unit": "usd",
        "limit": "1.000000000",
        "settled": "0.990000000",
        "shadow": False,
    }


def test_a_name_and_a_password_in_the_url_become_a_header() -> None:
    with hook() as came:
        Webhook(came.url.replace("://", "://ada:p%40ss@") + "/hook").deliver(NOTICE)

    assert came.came[0][1]["authorization"] == "Basic YWRhOnBAc3M="


@pytest.mark.parametrize("status", [302, 404, 410, 500, 503])
def test_a_webhook_that_does_not_take_it_is_a_failure(status: int) -> None:
    with hook(status) as came, pytest.raises(DeliveryError, match=f"HTTP {status}"):
        Webhook(came.url).deliver(NOTICE)

    assert len(came.came) == 1


def test_a_webhook_that_is_gone_is_a_failure() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(DeliveryError, match="ConnectionRefusedError"):
            Webhook(url).deliver(NOTICE)


def test_a_webhook_that_never_answers_is_given_up() -> None:
    with hook() as came:
        came.silent.set()
        with pytest.raises(DeliveryError, match="TimeoutError"):
            Webhook(came.url, timeout_s=0.1).deliver(NOTICE)


def test_a_webhook_that_speaks_no_http_is_a_failure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        url = f"http://127.0.0.1:{server.getsockname()[1]}"

        def speak() -> None:
            with server.accept()[0] as connection:
                connection.recv(65_536)
                connection.sendall(b"220 mail.example ESMTP\r\n")

        with in_background(speak), pytest.raises(DeliveryError, match="BadStatusLine"):
            Webhook(url).deliver(NOTICE)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://hooks.example/services/SECRET", "the webhook at https://hooks.example"),
        ("http://ada:SECRET@hooks.example:8080/?SECRET#SECRET", "http://hooks.example:8080"),
    ],
)
def test_logs_name_a_webhook_without_what_may_be_secret(url: str, name: str) -> None:
    made = Webhook(url)

    assert made.name.endswith(name)
    assert "SECRET" not in made.name
    assert "SECRET" not in repr(made)


def test_a_command_gets_the_event_as_its_last_argument_and_the_notice_to_read(
    tmp_path: Path,
) -> None:
    kept = tmp_path / "kept; touch hacked"

    Command((PYTHON, "-c", KEEP, str(kept), "$HOME")).deliver(NOTICE)

    words, _, read = kept.read_text().partition("{")
    assert words == "$HOME stop "
    assert json.loads("{" + read)["run_name"] == "tides"


def test_a_command_that_reads_nothing_is_fine() -> None:
    Command((PYTHON, "-c", "")).deliver(NOTICE)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("no-such-program-at-all",), "FileNotFoundError"),
        ((PYTHON, "-c", "raise SystemExit(3)"), "exit code 3"),
        (("/",), "PermissionError"),
    ],
)
def test_a_command_that_fails_is_a_failure(words: tuple[str, ...], why: str) -> None:
    with pytest.raises(DeliveryError, match=why):
        Command(words).deliver(NOTICE)


def test_a_command_that_hangs_is_killed_with_what_it_has_started(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    script = f"sleep 60 & echo $! > {pid}; wait"

    with pytest.raises(DeliveryError, match=r"took more than 0\.5 s"):
        Command(("sh", "-c", script), timeout_s=0.5).deliver(NOTICE)

    assert is_gone(int(pid.read_text()))


def test_a_command_that_is_abandoned_is_killed(tmp_path: Path) -> None:
    pid, failures = tmp_path / "pid", []
    command = Command(("sh", "-c", f"echo $$ > {pid}.new; mv {pid}.new {pid}; sleep 60"), 30.0)

    def deliver() -> None:
        with pytest.raises(DeliveryError) as raised:
            command.deliver(NOTICE)
        failures.append(str(raised.value))

    with in_background(deliver):
        while not pid.exists():
            time.sleep(0.01)
        command.abandon()

    assert failures == ["exit code -9"]
    assert is_gone(int(pid.read_text()))


def test_nothing_runs_that_could_be_abandoned() -> None:
    Command((PYTHON,)).abandon()
    Webhook("http://localhost").abandon()


def test_a_command_is_started_outside_the_run_and_the_guard() -> None:
    hook_folder = str(Path(package).parent / "bootstrap" / "hook")
    environ = {
        "PATH": "/bin",
        "WFLO_RUN_ID": "r",
        "WFLO_POLICY": "p",
        "PYTHONPATH": os.pathsep.join([hook_folder, "/own", ""]),
    }

    assert plain_environment(environ) == {"PATH": "/bin", "PYTHONPATH": f"/own{os.pathsep}"}
    assert plain_environment({"PYTHONPATH": hook_folder}) == {}


def test_a_policy_names_one_way_or_both() -> None:
    both = channels_of(Notify("https://hooks.example/x", ("mail", "ops")))

    assert [each.name for each in both] == [
        "the command 'mail'",
        "the webhook at https://hooks.example",
    ]
    assert channels_of(Notify()) == []
