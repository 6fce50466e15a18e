"""A proxy on loopback that writes down every exchange between a framework and the provider."""

from __future__ import annotations

import http.client
import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

_PASSED_ON = ("content-type", "retry-after")


@dataclass(frozen=True)
class WireExchange:
    """One request and its response. A stream is the list of its events."""

    path: str
    request: dict[str, Any]
    status: int
    response: dict[str, Any] | list[dict[str, Any]]


class WireLog:
    """Passes requests on to a provider and keeps what both sides said.

    The provider's ids begin with a random prefix; it is written down as zeros.
    """

    def __init__(self, provider_url: str) -> None:
        self.exchanges: list[WireExchange] = []
        target = urlsplit(provider_url)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = (
                -1
            )  # headers and body in one packet, or each turn waits for an acknowledgement

            def do_POST(handler) -> None:  # noqa: N805  # the name is the server's
                self._pass_on(handler, str(target.hostname), int(target.port or 0))

            def log_message(handler, *_: object) -> None:  # noqa: N805
                """Say nothing on the terminal."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def url(self) -> str:
        """Where a framework sends its requests."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _pass_on(self, handler: BaseHTTPRequestHandler, host: str, port: int) -> None:
        body = handler.rfile.read(int(handler.headers["content-length"]))
        provider = http.client.HTTPConnection(host, port)
        kind = {"content-type": handler.headers["content-type"]}
        provider.request("POST", handler.path, body, kind)
        response = provider.getresponse()
        answer = response.read()
        provider.close()
        prefix = response.headers["x-request-id"].removeprefix("req_")[:8]
        self._keep(handler.path, response.status, prefix, body, answer)
        handler.send_response(response.status)
        for name in _PASSED_ON:
            if name in response.headers:
                handler.send_header(name, response.headers[name])
        handler.send_header("content-length", str(len(answer)))
        handler.end_headers()
        handler.wfile.write(answer)
        handler.wfile.flush()

    def _keep(self, path: str, status: int, prefix: str, body: bytes, answer: bytes) -> None:
        asked, said = (each.decode().replace(prefix, "0" * 8) for each in (body, answer))
        self.exchanges.append(WireExchange(path, json.loads(asked), status, _response(said)))


def _response(text: str) -> dict[str, Any] | list[dict[str, Any]]:
    if text.startswith("{"):
        return dict(json.loads(text))
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]
