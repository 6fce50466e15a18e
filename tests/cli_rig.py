"""Runs the real ``wflo`` on small programs, in a folder of its own, against a scripted provider."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

PROGRAMS = Path(__file__).parent / "cli" / "programs"
PYTHON = sys.executable
WFLO = (PYTHON, "-m", "wflo_otel.cli")


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


class Rig:
    """A folder, an environment without keys of the test's own, and the provider's addresses."""

    def __init__(self, folder: Path, base_url: str = "") -> None:
        self.folder = folder
        of_coverage = ("COVERAGE_PROCESS_CONFIG", "COVERAGE_FILE", "SUITE_ROOT")
        kept = ("PATH", "HOME", "LANG", "TMPDIR", *of_coverage)
        self.environ = {name: os.environ[name] for name in kept if name in os.environ}
        self.environ |= {
            "OPENAI_BASE_URL": f"{base_url}/v1",
            "ANTHROPIC_BASE_URL": base_url,
            "OPENAI_API_KEY": "test",
            "ANTHROPIC_API_KEY": "test",
            "PYTHONIOENCODING": "utf-8",
        }

    def start(self, *words: str, **env: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            words,
            cwd=self.folder,
            env=self.environ | env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def call(self, *words: str, **env: str) -> Ran:
        return finish(self.start(*words, **env))

    def run(self, *words: str, options: tuple[str, ...] = (), **env: str) -> Ran:
        """``wflo run OPTIONS -- python WORDS``."""
        return self.call(*WFLO, "run", *options, "--", PYTHON, *words, **env)

    def start_run(self, *words: str, **env: str) -> subprocess.Popen[str]:
        return self.start(*WFLO, "run", "--", PYTHON, *words, **env)

    def reports(self) -> list[dict[str, Any]]:
        """``wflo report --json``, newest first."""
        ran = self.call(*WFLO, "report", "--json")
        assert ran.code == 0, ran.err
        return json.loads(ran.out)["runs"]


def finish(process: subprocess.Popen[str]) -> Ran:
    try:
        out, err = process.communicate(timeout=120)
    finally:
        process.kill()
    return Ran(process.returncode, out, err)


def program(name: str) -> str:
    return str(PROGRAMS / name)


def cost(report: dict[str, Any]) -> Decimal:
    return Decimal(report["cost_usd"])
