"""The scripted provider as a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "wflo_otel.testing.provider", "--port", "0"]
SCRIPT = {
    "default": {"text": "the end"},
    "replies": [{"status": 500}],
    "rules": [
        {
            "tool_results": 0,
            "contains": "research",
            "reply": {"tool_calls": [{"name": "look", "arguments": {"q": "x"}}]},
        }
    ],
}


def post(url: str, content: str) -> dict:
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": content}]}
    with urllib.request.urlopen(f"{url}/v1/chat/completions", json.dumps(body).encode()) as answer:
        return json.load(answer)["choices"][0]


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_its_address_follows_its_script_and_leaves_its_bill(
    tmp_path: Path, ending: signal.Signals
) -> None:
    script, bill = tmp_path / "script.json", tmp_path / "bill.json"
    script.write_text(json.dumps(SCRIPT))
    command = [*COMMAND, "--script", str(script), "--bill", str(bill)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().strip()
        with pytest.raises(urllib.error.HTTPError) as failed:
            post(url, "research this")
        failed.value.close()
        answers = [post(url, "research this"), post(url, "write this")]
        process.send_signal(ending)

    assert process.returncode == 0
    assert answers[0]["finish_reason"] == "tool_calls"
    assert answers[1]["message"]["content"] == "the end"
    written = json.loads(bill.read_text())
    assert (written["requests"], written["calls"]) == (3, 2)


def test_it_says_what_is_wrong_with_a_script(tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    script.write_text('{"default": {"txt": "hello"}}')

    ended = subprocess.run(
        [*COMMAND, "--script", str(script)], capture_output=True, text=True, check=False
    )

    assert ended.returncode == 2
    assert "txt" in ended.stderr
    assert "Traceback" not in ended.stderr
