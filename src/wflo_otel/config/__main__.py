"""Print what the documentation holds: the tables, or with ``--schema`` the JSON Schema."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from wflo_otel.config.reference import (
    environment_table,
    json_schema,
    options_table,
    sections_table,
)


def main(arguments: Sequence[str]) -> int:
    """Print to standard output; return the exit code."""
    match list(arguments):
        case []:
            text = "\n".join((sections_table(), options_table(), environment_table()))
        case ["--schema"]:
            text = json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
        case _:
            sys.stderr.write("usage: python -m wflo_otel.config [--schema]\n")
            return 2
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
