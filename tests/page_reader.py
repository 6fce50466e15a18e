"""Somebody who does what a page of the documentation says, against a scripted provider.

The blocks of a page run in their order, in one namespace and one folder; markers are described
in :mod:`doc_pages`.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import io
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from doc_pages import Block, commands, shows
from wflo_otel.bootstrap import shutdown
from wflo_otel.testing import ScriptedProvider

PYTHON = sys.executable
#: How a page's commands are run here.
RUNNERS = {
    "wflo": (PYTHON, "-m", "wflo_otel.cli"),
    "python": (PYTHON,),
    "pytest": (PYTHON, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:asyncio"),
    "opentelemetry-instrument": (str(Path(PYTHON).with_name("opentelemetry-instrument")),),
}


class Reader:
    """Somebody who does what a page says."""

    def __init__(self, folder: Path, provider: ScriptedProvider) -> None:
        self.folder = folder
        self.provider = provider
        self.namespace: dict[str, object] = {"__name__": "page"}
        #: What the block before has printed, if it has run.
        self.printed: str | None = None

    def follow(self, block: Block) -> None:
        if "provider" in block.markers:
            self.provider.load({"rules": [], **json.loads(block.markers["provider"])})
        if name := block.markers.get("file"):
            (self.folder / name).write_text(block.text, encoding="utf-8")
        elif not block.is_run or block.language in {"yaml", "json"}:
            self.printed = None
        elif block.language == "python":
            self.printed = self.execute(block)
        elif block.language == "console":
            self.call(block)
        elif self.printed is not None:
            assert shows(block.text, self.printed), self.printed

    def execute(self, block: Block) -> str:
        """Run Python that may await at its top level; return what it printed."""
        source = "\n" * (block.line - 1) + block.text
        code = compile(source, "page", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            found = eval(code, self.namespace)
            if inspect.iscoroutine(found):
                asyncio.run(found)
        return printed.getvalue()

    def call(self, block: Block) -> None:
        """Run a block's commands, and compare what they print with what it shows."""
        found = commands(block)
        for command in found:
            words = shlex.split(command.line)
            given = [each for each in words if re.match(r"[A-Z_]+=", each)]
            words = words[len(given) :]
            if words[0] not in RUNNERS:
                continue
            done = subprocess.run(
                [*RUNNERS[words[0]], *words[1:]],
                cwd=self.folder,
                env=os.environ | dict(each.split("=", 1) for each in given),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                timeout=60,
                check=False,
            )
            self.printed = done.stdout
            assert done.returncode == int(block.markers.get("exit", 0)), self.printed
            if command.output:
                assert shows(command.output, self.printed), self.printed

    def leave(self) -> None:
        shutdown()
        for value in self.namespace.values():
            if type(value).__module__.split(".")[0] in {"openai", "anthropic", "httpx"}:
                close = getattr(value, "close", None)
                if callable(close) and not inspect.iscoroutinefunction(close):
                    close()


@contextlib.contextmanager
def reading(folder: Path, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch):
    """Sit down in a folder, with keys and the provider's address in the environment."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("OPENAI_BASE_URL", provider.openai_url)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", provider.anthropic_url)
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "test")
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8")
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(PYTHON).parent), os.environ["PATH"]]))
    reader = Reader(folder, provider)
    yield reader
    reader.leave()
