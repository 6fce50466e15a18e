"""Under which name, version and schema everything is emitted."""

from __future__ import annotations

from functools import cache
from typing import Final

SCOPE_NAME: Final = "wflo_otel"

#: The last release of the core conventions that holds the GenAI ones.
SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.41.0"


@cache
def version() -> str:
    """The version of the installed distribution; empty where it runs from bare sources."""
    from importlib import metadata  # 10 ms, which importing wflo need not cost

    try:
        return metadata.version("wflo-otel")
    except metadata.PackageNotFoundError:
        return ""
