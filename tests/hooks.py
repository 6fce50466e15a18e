"""A notice, and a web hook on loopback that remembers what was posted to it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from wflo_otel.telemetry.notices.notice import Notice

NOTICE = Notice(
    event="stop",
    time="2026-11-24T12:00:00.000+00:00",
    run_id="r",
    run_name="tides",
    agent="writer",
    model="gpt-4o",
    scope="run:r",
    reason=None,
    unit="usd",
    limit="1.000000000",
    settled="0.990000000",
    shadow=False,
)


class Hook:
    """What came, and what is answered: a status, or nothing while ``silent`` is set."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.came: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.silent = threading.Event()
        self.over = threading.Event()
        self.url = ""

    @property
    def notices(self) -> list[dict[str, Any]]:
        return [body for _, _, body in self.came]

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> int:
        self.came.append((path, headers, json.loads(body)))
        if self.silent.is_set():
            self.over.wait(30)
        return self.statuses.pop(0) if self.statuses else 204


@contextmanager
def hook(*statuses: int) -> Iterator[Hook]:
    """Serve a hook; it gives these statuses first, then 204."""
    made = Hook(*statuses)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status = made.answer(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("location", "/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """The suite's output is its own."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    made.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield made
    finally:
        made.over.set()
        server.shutdown()
        server.server_close()
