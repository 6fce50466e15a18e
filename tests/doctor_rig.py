"""``wflo doctor`` in a folder of its own, and packages with probes that it has not seen before."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from wflo_otel.cli import main
from wflo_otel.cli.doctor.probing import environment
from wflo_otel.cli.probes import SUBJECTS, Probe, installed
from wflo_otel.testing import ScriptedProvider

#: The probes of what is installed where the tests run.
HERE = [each for each in installed() if each.name in {subject.name for subject in SUBJECTS}]

#: Sends each way of a probe, guarded by nobody; what the caller gets does not matter.
SENDS = """
import asyncio, inspect, sys
from contextlib import suppress
from wflo_otel.cli.probes import ways_of

for way, call in ways_of(sys.argv[1]).items():
    with suppress(Exception):
        made = call(f"{sys.argv[2]}/{way}")
        if inspect.iscoroutine(made):
            asyncio.run(made)
"""


@dataclass(frozen=True)
class Examined:
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.out)

    def sdk(self, name: str) -> dict[str, Any]:
        (found,) = (each for each in self.json["sdks"] if each["name"] == name)
        return found

    def checks(self, name: str) -> list[dict[str, str]]:
        return [each for each in self.json["checks"] if each["check"] == name]


def doctor(*words: str) -> Examined:
    ran = CliRunner().invoke(main, ["doctor", *words])
    assert ran.exception is None or isinstance(ran.exception, SystemExit), ran.exception
    return Examined(ran.exit_code, ran.stdout, ran.stderr)


def bring(folder: Path, monkeypatch: Any, **probes: str) -> None:
    """Install a package ``brought`` 1.2 whose probes are these bodies of functions of a URL."""
    bodies = "\n".join(
        f"def call_{name}(url):\n"
        + "".join(f"    {line}\n" for line in body.splitlines())
        + f"def {name}():\n    return {{'sync': call_{name}}}\n"
        for name, body in probes.items()
    )
    (folder / "brought.py").write_text(_SENDS_BY_HAND + bodies, encoding="utf-8")
    about = folder / "brought-1.2.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: brought\nVersion: 1.2\n")
    named = "".join(f"{name} = brought:{name}\n" for name in probes)
    (about / "entry_points.txt").write_text(f"[wflo_otel.probes]\n{named}")
    monkeypatch.syspath_prepend(str(folder))
    known = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(folder), known))))


_SENDS_BY_HAND = """
import json, urllib.request

BODY = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Say hello"}]}


def send(url):
    to = urllib.request.Request(f"{url}/v1/chat/completions", json.dumps(BODY).encode())
    urllib.request.urlopen(to, timeout=20).read()


"""


def requests_by_way(probe: Probe, folder: Path) -> Counter[str]:
    """How many requests each way of a probe sends where nothing guards it."""
    with ScriptedProvider() as provider:
        subprocess.run(
            [sys.executable, "-c", SENDS, probe.target, provider.base_url],
            env=environment(os.environ, folder),
            cwd=folder,
            capture_output=True,
            timeout=120,
            check=True,
        )
        return Counter(each.path.split("/")[1] for each in provider.requests)


def ways_in_table(name: str) -> tuple[str, ...]:
    return next(each.ways for each in SUBJECTS if each.name == name)


def seams_in_table(name: str) -> set[str]:
    seam = next(each.seam for each in SUBJECTS if each.name == name)
    return {word.strip("();,") for word in seam.split()}


def has_ended(pid: int) -> bool:
    """Wait for a process to be gone, or to be a zombie that waits for its parent."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state in "ZX":
            return True
        time.sleep(0.01)
    return False
