"""Runs the probes: each in a process of its own, before a provider of its own, for a while.

The rules: a process that is started here is ended here, whatever happens; and what a probe finds
does not depend on the keys, proxies and settings of whoever asks.
"""

from __future__ import annotations

import json
import os
import signal
import site
import subprocess
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from wflo_otel.cli.doctor.findings import Sdk, judge
from wflo_otel.cli.launch import HOOK
from wflo_otel.cli.probes import Probe
from wflo_otel.testing import ScriptedProvider

#: Called with the names of the probes that run, and how many are done.
Tell = Callable[[Sequence[str], int], None]

#: So many processes at a time: their work is to import.
_AT_ONCE = min(4, max(2, os.cpu_count() or 2))
_GLANCE_S = 0.02
_LONGEST = 200

#: All that a probe's environment has of ours.
_KEPT = frozenset(
    {
        "PATH",
        "LANG",
        "LC_ALL",
        "LD_LIBRARY_PATH",
        "DYLD_LIBRARY_PATH",
        "SYSTEMROOT",
        "VIRTUAL_ENV",
        "PYTHONHOME",
        "PYTHONNOUSERSITE",
        "PYTHONDONTWRITEBYTECODE",
        # These two measure the children of a test run.
        "COVERAGE_PROCESS_CONFIG",
        "COVERAGE_FILE",
    }
)
#: What keeps SDKs from phoning home and from fetching things; the probe would not let them.
_QUIET = {
    "ANONYMIZED_TELEMETRY": "False",
    "AWS_EC2_METADATA_DISABLED": "true",
    "CREWAI_DISABLE_TELEMETRY": "true",
    "CREWAI_DISABLE_TRACKING": "true",
    "CREWAI_TRACING_ENABLED": "false",
    "LANGSMITH_TRACING": "false",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "NO_PROXY": "*",
    "OPENAI_AGENTS_DISABLE_TRACING": "1",
    "PYTHONWARNINGS": "ignore",
}


def probe_all(probes: Sequence[Probe], timeout_s: float, tell: Tell) -> list[Sdk]:
    """Run the probes, a few at a time; one that takes longer than ``timeout_s`` is killed."""
    waiting, running = deque(enumerate(probes)), list[_Running]()
    done: dict[str, Sdk] = {}
    with tempfile.TemporaryDirectory(prefix="wflo-doctor-") as folder:
        try:
            while waiting or running:
                while waiting and len(running) < _AT_ONCE:
                    number, probe = waiting.popleft()
                    running.append(_Running(probe, Path(folder, str(number)), timeout_s))
                tell([each.probe.name for each in running], len(done))
                time.sleep(_GLANCE_S)
                for each in [one for one in running if one.is_over]:
                    done[each.probe.name] = each.finish()
                    running.remove(each)
        finally:
            for each in running:
                each.end()
    return [done[each.name] for each in probes]


class _Running:
    """A probe that runs."""

    def __init__(self, probe: Probe, folder: Path, timeout_s: float) -> None:
        self.probe = probe
        self._folder = folder
        self._timeout_s = timeout_s
        self._provider = ScriptedProvider()
        folder.mkdir()
        module = "wflo_otel.cli.probes"
        command = [sys.executable, "-m", module, probe.target, self._provider.base_url]
        with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
            self._process = subprocess.Popen(  # noqa: S603  # this very Python
                command,
                env=environment(os.environ, folder),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        self._gives_up_at = time.monotonic() + timeout_s

    @property
    def is_over(self) -> bool:
        """Whether it has ended, or must be."""
        return self._process.poll() is not None or time.monotonic() > self._gives_up_at

    def finish(self) -> Sdk:
        """End it and judge what it did."""
        hangs = self._process.poll() is None
        self.end()
        unread = self._close_provider()
        written = (self._folder / "out").read_text(encoding="utf-8").strip()
        if not written and hangs:
            return self._unprobed(f"it did not end within {self._timeout_s:g} seconds (--timeout)")
        if not written:
            code = self._process.returncode
            return self._unprobed(f"exit code {code}: {self._last_words()}")
        answer = json.loads(written)
        problem = unread or answer.get("problem")
        return self._unprobed(problem) if problem else self._judged(answer["attempts"])

    def _judged(self, attempts: Sequence[Mapping[str, Any]]) -> Sdk:
        arrived = Counter(_address(each.path) for each in self._provider.requests)
        ways = tuple(judge(each, arrived.pop(each["way"], 0)) for each in attempts)
        if arrived:  # they used another address than they were given
            return self._unprobed(f"{_count(arrived.total())} went past the probe's address")
        return Sdk(self.probe.name, self.probe.version, ways)

    def end(self) -> None:
        """Kill it where it runs, with what it has started."""
        if self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _close_provider(self) -> str:
        """Take it down; return what was wrong with what it was sent."""
        try:
            self._provider.close()
        except Exception as error:  # noqa: BLE001  # it was sent no request, but anything
            return f"what arrived could not be read: {type(error).__name__}"
        return ""

    def _unprobed(self, why: str) -> Sdk:
        return Sdk(self.probe.name, self.probe.version, why=why[:_LONGEST])

    def _last_words(self) -> str:
        lines = (self._folder / "err").read_text(encoding="utf-8", errors="replace").splitlines()
        return next((line.strip() for line in reversed(lines) if line.strip()), "it says nothing")


def _address(path: str) -> str:
    """The first part of a path, by which the ways of a probe are told apart."""
    return path.partition("/")[2].partition("/")[0]


def _count(requests: int) -> str:
    return "1 request" if requests == 1 else f"{requests} requests"


def environment(ours: Mapping[str, str], home: Path) -> dict[str, str]:
    """What a probe sees of our environment: where Python and its packages are, and no more."""
    kept = {name: value for name, value in ours.items() if name in _KEPT}
    path = os.pathsep.join(_absolute(ours.get("PYTHONPATH", "")))
    places = {"PYTHONPATH": path, "PYTHONUSERBASE": site.getuserbase(), "HOME": str(home)}
    return kept | _QUIET | places | {"TMPDIR": str(home)}


def _absolute(path: str) -> Iterator[str]:
    for each in filter(None, path.split(os.pathsep)):
        found = Path(each).absolute()
        if found != HOOK:
            yield str(found)
