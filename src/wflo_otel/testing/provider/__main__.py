"""The scripted provider as a process of its own.

::

    python -m wflo_otel.testing.provider [--port 0] [--script FILE] [--bill FILE]

It prints its URL as its first line and runs until SIGINT or SIGTERM; then it writes the bill.
``GET /__bill`` returns the bill as JSON, ``POST /__script`` takes a script like ``--script``:
an object with ``default``, ``replies`` and ``rules``, whose replies have the fields of
:class:`~wflo_otel.testing.provider.script.Reply`.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from pathlib import Path

from wflo_otel.testing.provider.server import ScriptedProvider


def main() -> None:
    """Run until a signal says to end."""
    parser = argparse.ArgumentParser(prog="python -m wflo_otel.testing.provider")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--script", type=Path, help="a JSON file of default, replies and rules")
    parser.add_argument("--bill", type=Path, help="where to write the bill as JSON at the end")
    parser.add_argument("--max-requests", type=int, default=10_000)
    options = parser.parse_args()
    ended = threading.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: ended.set())
    with ScriptedProvider(port=options.port, max_requests=options.max_requests) as provider:
        if options.script:
            try:
                provider.load(json.loads(options.script.read_text()))
            except (OSError, TypeError, ValueError) as error:
                parser.error(f"{options.script}: {error}")
        sys.stdout.write(f"{provider.base_url}\n")
        sys.stdout.flush()
        ended.wait()
    if options.bill:
        options.bill.write_text(json.dumps(provider.bill.as_json(), indent=2) + "\n")


if __name__ == "__main__":
    main()
