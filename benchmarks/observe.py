"""Measure one observer in its own environment, and print what came out as JSON.

``python benchmarks/observe.py times|memory|import NAME``; the names are in :mod:`observers`. Each
of the three wants a process of its own.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import version

import observed_memory
import observed_times
from extent import times
from imports import beside
from observers import OBSERVERS

#: What a program has anyway.
_ANYWAY = "import openai, opentelemetry.sdk.trace.export, opentelemetry.sdk.metrics"


def imported(name: str) -> dict[str, float]:
    """Milliseconds that importing and starting it adds to the SDKs' own, and theirs."""
    took = beside(_ANYWAY, {name: f"{_ANYWAY}\n{OBSERVERS[name].imported}"}, times(5, 1))
    return {"added_ms": took[name], "sdk_ms": took[""]}


_MEASURED: dict[str, Callable[[str], object]] = {
    "times": lambda name: asdict(observed_times.measured(name)),
    "memory": observed_memory.measured,
    "import": imported,
}


def main() -> None:
    """Measure, print."""
    what, name = sys.argv[1:]
    logging.disable(logging.WARNING)
    found = _MEASURED[what](name)
    packages = {"openai", "opentelemetry-sdk", OBSERVERS[name].package}
    json.dump(
        {"versions": {each: version(each) for each in sorted(packages)}, what: found}, sys.stdout
    )


if __name__ == "__main__":
    main()
