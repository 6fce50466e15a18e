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

from measure import Row, Target

_SDK = "import opentelemetry.sdk.trace.export, opentelemetry.sdk.metrics, opentelemetry.sdk._logs"
_SIDES = {
    "import wflo_otel": f"{_SDK}\nimport wflo_otel",
    "import of every public name": f"{_SDK}\nfrom wflo_otel import *",
    "… and configure(), memory://": f"{_SDK}\nfrom wflo_otel.bootstrap import configure\n"
    "configure(state='memory://')",
}
_TIMES = 10


def rows() -> list[Row]:
    """The best of ten fresh interpreters, each beside one that imports only the SDK."""
    best: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as compiled:
        for _ in range(_TIMES):
            for name, program in {"": _SDK, **_SIDES}.items():
                best[name] = min(best.get(name, float("inf")), _milliseconds(program, compiled))
    sdk = best.pop("")
    return [
        Row(
            name,
            took - sdk,
            "ms",
            sdk,
            "SDK alone",
            target=None if name.startswith("…") else Target("most", 150),
        )
        for name, took in best.items()
    ]


def _milliseconds(program: str, compiled: str) -> float:
    environ = {**os.environ, "PYTHONPYCACHEPREFIX": compiled}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    began = _processor_seconds()
    subprocess.run([sys.executable, "-c", program], check=True, env=environ)
    return (_processor_seconds() - began) * 1e3


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
