"""HTTP/1.1 on loopback: requests in, JSON and event streams out, and a peer that may leave.

Nothing here knows what a request means. Bytes leave in one write per body or event.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from http.client import responses
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import Any

from wflo_otel.testing.provider.encoding import ENCODINGS, Encoder, Identity, accepted
from wflo_otel.testing.provider.request import JsonObject, ReceivedRequest

_SECRETS = frozenset({"authorization", "x-api-key", "api-key", "cookie", "proxy-authorization"})


class Connection(BaseHTTPRequestHandler):
    """One client's connection; one thread."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Listener

    def setup(self) -> None:
        """Register with the listener."""
        super().setup()
        self.server.joined(self.connection)

    def finish(self) -> None:
        """Leave the listener."""
        self.server.left(self.connection)
        super().finish()

    def do_GET(self) -> None:
        """Answer one request."""
        with self.server.answering():
            try:
                self.server.answer(self._received(), self)
            except ConnectionError:
                self.close_connection = True

    do_POST = do_GET  # noqa: N815  # the names are those of http.server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing: the received requests are kept instead."""

    def stays(self, seconds: float) -> bool:
        """Wait so long; tell whether the client is still there. Returns early if it leaves."""
        self.connection.settimeout(seconds)
        try:
            return bool(self.connection.recv(1, socket.MSG_PEEK))
        except (TimeoutError, BlockingIOError):
            return True
        except ConnectionError:
            return False
        finally:
            self.connection.settimeout(None)

    def drop(self) -> None:
        """Close the connection, whatever was promised."""
        self.close_connection = True
        _end(self.connection)

    def send_json(
        self,
        status: int,
        body: JsonObject,
        headers: Mapping[str, str] | None = None,
        encoding: str | None = None,
    ) -> None:
        """Answer with a body."""
        head, data = self._json(status, body, headers or {}, encoding)
        self.wfile.write(head + data)

    def send_body(self, status: int, body: bytes) -> None:
        """Answer with lines of JSON, or one."""
        kind = {"content-type": "application/x-jsonl", "content-length": str(len(body))}
        self.wfile.write(_head(status, kind) + body)

    def send_half(self, body: JsonObject, headers: Mapping[str, str], encoding: str | None) -> None:
        """Promise a body, send half of it and close the connection."""
        head, data = self._json(200, body, headers, encoding)
        self.wfile.write(head + data[: len(data) // 2])
        self.drop()

    def open_stream(self, headers: Mapping[str, str], encoding: str | None) -> Stream:
        """Send the head of an event stream."""
        encoder, name = self._encoder(encoding)
        kind = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
        self.wfile.write(_head(200, {**kind, "transfer-encoding": "chunked", **name, **headers}))
        return Stream(self.wfile.write, encoder)

    def _json(
        self, status: int, body: JsonObject, headers: Mapping[str, str], encoding: str | None
    ) -> tuple[bytes, bytes]:
        encoder, name = self._encoder(encoding)
        data = encoder.encode(json.dumps(body).encode()) + encoder.end()
        kind = {"content-type": "application/json", "content-length": str(len(data))}
        return _head(status, {**kind, **name, **headers}), data

    def _encoder(self, wanted: str | None) -> tuple[Encoder, dict[str, str]]:
        name = accepted(wanted, self.headers.get("accept-encoding", ""))
        if name is None:
            return Identity(), {}
        return ENCODINGS[name](), {"content-encoding": name}

    def _received(self) -> ReceivedRequest:
        headers = {k.lower(): v for k, v in self.headers.items() if k.lower() not in _SECRETS}
        body = _json_object(self._read_body())
        return ReceivedRequest(self.command, self.path, headers, body, time.time())

    def _read_body(self) -> bytes:
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        data = b""
        while size := int(self.rfile.readline(), 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data


class Stream:
    """The chunks of one streamed body."""

    def __init__(self, write: Callable[[bytes], object], encoder: Encoder) -> None:
        self._write = write
        self._encoder = encoder

    def send(self, data: bytes) -> None:
        """Send so much, readable at once."""
        self._write(_chunk(self._encoder.encode(data)))

    def end(self) -> None:
        """Close the body."""
        rest = self._encoder.end()
        self._write((_chunk(rest) if rest else b"") + b"0\r\n\r\n")


Answer = Callable[[ReceivedRequest, Connection], None]


class Listener(ThreadingTCPServer):
    """Accepts connections on loopback and knows which are open."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256

    def __init__(self, port: int, answer: Answer) -> None:
        self.answer = answer
        #: What went wrong on this side.
        self.failures: list[BaseException] = []
        self._open: set[socket.socket] = set()
        self._busy = 0
        self._changed = threading.Condition()
        super().__init__(("127.0.0.1", port), Connection)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.server_address[1])

    @property
    def open_connections(self) -> int:
        """How many clients are connected."""
        return len(self._open)

    def joined(self, connection: socket.socket) -> None:
        """Count a connection."""
        with self._changed:
            self._open.add(connection)

    def left(self, connection: socket.socket) -> None:
        """Count it no longer."""
        with self._changed:
            self._open.discard(connection)
            self._changed.notify_all()

    def answering(self) -> _Answering:
        """Count a request as being answered, for as long as the block lasts."""
        return _Answering(self)

    def began(self, change: int) -> None:
        """Count requests that began (1) or ended (-1)."""
        with self._changed:
            self._busy += change
            self._changed.notify_all()

    def wait_until_idle(self, timeout_s: float) -> bool:
        """Wait until no request is being answered."""
        with self._changed:
            return self._changed.wait_for(lambda: self._busy == 0, timeout_s)

    def close(self, timeout_s: float = 5.0) -> None:
        """Stop listening and end all connections; one that does not end is a failure."""
        self.shutdown()
        self.server_close()
        with self._changed:
            for each in self._open:
                _end(each)
            if not self._changed.wait_for(lambda: not self._open, timeout_s):
                said = f"an answer is still being made {timeout_s:g} s after the provider closed"
                self.failures.append(TimeoutError(said))

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep what went wrong, but for clients that left in the middle of a request."""
        error = sys.exception()
        if error is not None and not isinstance(error, ConnectionError):
            self.failures.append(error)


class _Answering:
    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def __enter__(self) -> None:
        self._listener.began(1)

    def __exit__(self, *_: object) -> None:
        self._listener.began(-1)


def _end(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the client was faster


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    reason = responses.get(status, "Error")
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{k}: {v}" for k, v in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _json_object(data: bytes) -> JsonObject:
    try:
        parsed = json.loads(data or b"{}")
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}
