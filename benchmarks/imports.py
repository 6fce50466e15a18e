"""What importing the package adds to importing the OpenTelemetry SDK.

Every module is compiled before, as it is where a package was installed, whatever the environment
of the benchmark says of bytecode.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping

from extent import times
from measure import Row, Target

_SDK = "import opentelemetry.sdk.trace.export, opentelemetry.sdk.metrics, opentelemetry.sdk._logs"
_SIDES = {
    "import wflo_otel": f"{_SDK}\nimport wflo_otel",
    "import of every public name": f"{_SDK}\nfrom wflo_otel import *",
    "… and configure(), memory://": f"{_SDK}\nfrom wflo_otel.bootstrap import configure\n"
    "configure(state='memory://')",
}


def rows() -> list[Row]:
    """Each beside an interpreter that imports only the SDK."""
    added = beside(_SDK, _SIDES)
    sdk = added.pop("")
    return [
        Row(
            name,
            more,
            "ms",
            sdk,
            "SDK alone",
            target=None if name.startswith("…") else Target("most", 150),
        )
        for name, more in added.items()
    ]


def beside(anyway: str, programs: Mapping[str, str], tries: int = times(10, 1)) -> dict[str, float]:
    """Run each program in fresh interpreters, in turn with what it has anyway.

    Returns:
        By name, milliseconds that the best of its tries took beyond the best of ``anyway``; that
        one is under the empty name.
    """
    best: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as compiled:
        for _ in range(tries):
            for name, program in {"": anyway, **programs}.items():
                best[name] = min(best.get(name, float("inf")), _milliseconds(program, compiled))
    base = best.pop("")
    return {"": base} | {name: took - base for name, took in best.items()}


def _milliseconds(program: str, compiled: str) -> float:
    environ = {**os.environ, "PYTHONPYCACHEPREFIX": compiled}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    began = _processor_seconds()
    command = [sys.executable, "-c", program]
    subprocess.run(command, check=True, env=environ, stderr=subprocess.DEVNULL)
    return (_processor_seconds() - began) * 1e3


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
