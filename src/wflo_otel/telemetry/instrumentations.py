"""OpenTelemetry's own instrumentations that wflo relies on: HTTP attempts, context in threads.

The rule: each is installed once, when its library is there, and not at all where the user has
disabled it by name in ``OTEL_PYTHON_DISABLED_INSTRUMENTATIONS``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Literal

Result = Literal["installed", "waits", "disabled", "absent", "failed"]


@dataclass(frozen=True, slots=True)
class Instrumentation:
    """One instrumentation: its entry point's name, its class, and the library it is for."""

    name: str
    path: str
    library: str


HTTP = (
    Instrumentation(
        "httpx", "opentelemetry.instrumentation.httpx:HTTPXClientInstrumentor", "httpx"
    ),
    Instrumentation(
        "httpx2", "opentelemetry.instrumentation.httpx:HTTPX2ClientInstrumentor", "httpx2"
    ),
)
THREADS = (
    Instrumentation(
        "threading", "opentelemetry.instrumentation.threading:ThreadingInstrumentor", "threading"
    ),
)


#: Libraries that are instrumented when they are imported.
_hooked: set[str] = set()


def instrument_http(environ: Mapping[str, str] | None = None) -> dict[str, Result]:
    """Give each HTTP attempt on httpx and httpx2 a span. Idempotent; says what came of each."""
    return _install(HTTP, environ)


def instrument_threads(environ: Mapping[str, str] | None = None) -> dict[str, Result]:
    """Carry the context into threads and executors. Idempotent; says what came of it."""
    return _install(THREADS, environ)


def _when_imported(each: Instrumentation) -> None:
    from wrapt import register_post_import_hook

    if each.name not in _hooked:
        _hooked.add(each.name)
        register_post_import_hook(lambda _: _install_one(each), each.library)


def _install(
    wanted: tuple[Instrumentation, ...], environ: Mapping[str, str] | None
) -> dict[str, Result]:
    given = (os.environ if environ is None else environ).get(
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", ""
    )
    disabled = {name.strip() for name in given.split(",")}
    return {
        each.name: "disabled" if disabled & {each.name, "*"} else _install_one(each)
        for each in wanted
    }


def _install_one(each: Instrumentation) -> Result:
    if find_spec(each.library) is None:
        return "absent"
    if each.library not in sys.modules:
        _when_imported(each)
        return "waits"
    module, _, name = each.path.partition(":")
    try:
        instrumentor = getattr(import_module(module), name)()
    except (ImportError, AttributeError):  # too old for this library, or not there
        return "failed"
    if not instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.instrument()
    return "installed" if instrumentor.is_instrumented_by_opentelemetry else "failed"
