"""Measure every observer in its own environment: ``python benchmarks/peers.py [NAME ...]``.

``make bench-peers`` makes the environments, from ``benchmarks/peers/NAME.txt``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from results import LATEST, keep

_HERE = Path(__file__).parent
#: What is measured in which environment.
_ENVIRONMENTS = {
    "wflo_otel": ("wflo_otel", "wflo_otel-traced"),
    "httpx": ("httpx",),
    "genai-openai": ("genai-openai",),
    "openllmetry": ("openllmetry",),
    "openinference": ("openinference",),
    "logfire": ("logfire",),
    "litellm": ("litellm",),
}


def main() -> None:
    """Measure those named, all by default; what comes out is kept after each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(_ENVIRONMENTS))
    parser.add_argument("--environments", type=Path, default=_HERE.parent / ".venv-bench")
    parser.add_argument("--json", type=Path, default=LATEST, metavar="FILE")
    options = parser.parse_args()
    if unknown := set(options.names) - set(_ENVIRONMENTS):
        parser.error(f"no environment is called {', '.join(sorted(unknown))}")
    for name in options.names or _ENVIRONMENTS:
        python = options.environments / name / "bin" / "python"
        for observer in _ENVIRONMENTS[name]:
            keep(options.json, "observers", {observer: measured(python, observer)})


def measured(python: Path, observer: str) -> dict[str, object]:
    """Times, memory and import of one observer."""
    found: dict[str, object] = {}
    for what in ("times", "memory", "import"):
        print(f"measuring {observer}, {what} …", file=sys.stderr, flush=True)
        found |= seen(python, what, observer)
    return found


def seen(python: Path, what: str, observer: str) -> dict[str, Any]:
    """One of the three, in a process of its own: see :mod:`observe`."""
    command = [str(python), str(_HERE / "observe.py"), what, observer]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    main()
