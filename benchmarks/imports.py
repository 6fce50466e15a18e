"""What importing the package adds to importing the OpenTelemetry SDK."""

from __future__ import annotations

import subprocess
import sys
from time import perf_counter_ns

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
    for _ in range(_TIMES):
        for name, program in {"": _SDK, **_SIDES}.items():
            best[name] = min(best.get(name, float("inf")), _milliseconds(program))
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


def _milliseconds(program: str) -> float:
    began = perf_counter_ns()
    subprocess.run([sys.executable, "-c", program], check=True)
    return (perf_counter_ns() - began) / 1e6
