"""What each path means: which requests are answered how, and what of them is billed.

The bill is written before the bytes that complete an answer, so a client that has its answer
finds it on the bill.
"""

from __future__ import annotations

import json
import re
import secrets
import threading
from collections.abc import Iterator
from itertools import count, islice
from urllib.parse import parse_qs, urlsplit

from wflo_otel.testing.provider.anthropic_messages import MESSAGES
from wflo_otel.testing.provider.batches import Batches
from wflo_otel.testing.provider.bedrock import CONVERSE
from wflo_otel.testing.provider.bill import PRICES, Bill, BilledCall
from wflo_otel.testing.provider.cohere import CHAT as COHERE_CHAT
from wflo_otel.testing.provider.cohere import EMBED as COHERE_EMBED
from wflo_otel.testing.provider.connection import Connection
from wflo_otel.testing.provider.dialect import Dialect, Event
from wflo_otel.testing.provider.errors import error_of, is_anthropic
from wflo_otel.testing.provider.gemini import GENERATE
from wflo_otel.testing.provider.openai_chat import CHAT
from wflo_otel.testing.provider.openai_plain import COMPLETIONS, EMBEDDINGS
from wflo_otel.testing.provider.openai_responses import RESPONSES, KeptResponses, events_of
from wflo_otel.testing.provider.output import Exchange, exchange
from wflo_otel.testing.provider.request import JsonObject, ReceivedRequest, words
from wflo_otel.testing.provider.script import Reply, Script

_DIALECTS = {
    "/chat/completions": CHAT,
    "/completions": COMPLETIONS,
    "/embeddings": EMBEDDINGS,
    "/responses": RESPONSES,
    "/messages": MESSAGES,
    "/v2/chat": COHERE_CHAT,
    "/v2/embed": COHERE_EMBED,
    "/converse": CONVERSE,
    "/converse-stream": CONVERSE,
    ":generateContent": GENERATE,
    ":streamGenerateContent": GENERATE,
}
_COUNTERS = ("/messages/count_tokens", "/responses/input_tokens")
_KEPT = re.compile(r".*/responses/(resp_\w+)$")


class Service:
    """Answers requests by the script and keeps the bill."""

    def __init__(self, script: Script, max_requests: int) -> None:
        self.script = script
        self.bill = Bill()
        self.requests: list[ReceivedRequest] = []
        #: What ``reply_to`` functions raised.
        self.failures: list[Exception] = []
        self._max_requests = max_requests
        self._kept = KeptResponses()
        self._batches = Batches(script.reply_to, self.bill)
        self._keys = count(1)
        self._prefix = secrets.token_hex(4)
        self._lock = threading.Lock()

    def answer(self, request: ReceivedRequest, client: Connection) -> None:
        """Answer one request, whatever it is."""
        path = urlsplit(request.path).path
        if path.startswith("/__"):
            return self._control(path, request, client)
        self.requests.append(request)
        dialect = _dialect(path) if request.method == "POST" else None
        if dialect is not None:
            return self._infer(dialect, request, client)
        if path.endswith(_COUNTERS):
            return client.send_json(200, {"input_tokens": words(request)})
        if path.endswith("/models"):
            return client.send_json(200, _models(request))
        return self._find_stored(path, request, client)

    def _find_stored(self, path: str, request: ReceivedRequest, client: Connection) -> None:
        batch = self._batch(path, request)
        if batch is not None:
            return client.send_body(200, batch)
        kept = self._find(path) if request.method == "GET" else None
        if kept is not None:
            return self._fetch(kept, request, client)
        return self._fail(request, client, Reply(status=404), f"no such path: {path}")

    def _control(self, path: str, request: ReceivedRequest, client: Connection) -> None:
        if path == "/__bill":
            return client.send_json(200, self.bill.as_json())
        if path != "/__script":
            return client.send_json(404, {"error": f"no such path: {path}"})
        try:
            self.script.load(request.body)
        except (TypeError, ValueError) as error:
            return client.send_json(400, {"error": str(error)})
        return client.send_json(200, {})

    def _batch(self, path: str, request: ReceivedRequest) -> bytes | None:
        if request.method == "GET":
            return self._batches.results(path)
        made = self._batches.hand_in(path, request)
        return None if made is None else json.dumps(made).encode()

    def _find(self, path: str) -> Exchange | None:
        match = _KEPT.match(path)
        return self._kept.find(match[1]) if match else None

    def _fetch(self, kept: Exchange, request: ReceivedRequest, client: Connection) -> None:
        query = parse_qs(urlsplit(request.path).query)
        if query.get("stream") != ["true"]:
            return client.send_json(200, self._kept.poll(kept), self._headers(kept.key))
        (seen,) = query.get("starting_after", ["-1"])
        stream = client.open_stream(self._headers(kept.key), kept.reply.encoding)
        for event in islice(events_of(kept), int(seen) + 1, None):
            stream.send(event.data)
        return stream.end()

    def _infer(self, dialect: Dialect, request: ReceivedRequest, client: Connection) -> None:
        with self._lock:
            self.bill.requests += 1
            exhausted = self.bill.requests > self._max_requests
        if exhausted:
            said = f"this provider answers {self._max_requests} requests and no more"
            return self._fail(request, client, Reply(status=503), said)
        try:
            reply = self.script.reply_to(request)
        except Exception as error:  # noqa: BLE001  # raised again when the provider is closed
            self.failures.append(error)
            return self._fail(request, client, Reply(status=500), f"the script raised {error!r}")
        if reply.drop == "before_headers":
            client.stays(reply.delay_s)
            return client.drop()
        if reply.status >= 400:
            client.stays(reply.delay_s)
            return self._fail(request, client, reply, f"scripted error {reply.status}")
        return self._reply(dialect, request, reply, client)

    def _fail(
        self, request: ReceivedRequest, client: Connection, reply: Reply, message: str
    ) -> None:
        shape = error_of(request)
        headers = self._headers(f"{next(self._keys):06d}")
        if reply.retry_after_s is not None:
            headers["retry-after"] = f"{reply.retry_after_s:g}"
        client.send_json(reply.status, shape(reply.status, message, reply.error_type), headers)

    def _reply(
        self, dialect: Dialect, request: ReceivedRequest, reply: Reply, client: Connection
    ) -> None:
        key = f"{self._prefix}{next(self._keys):06d}"
        made = exchange(request, reply, cap=dialect.cap(request.body), key=key)
        entry = BilledCall(made.model, dialect.endpoint, made.tokens)
        events = dialect.events(made) if request.stream and dialect.events else None
        if events is not None:
            entry.start_stream()
        if dialect is RESPONSES:
            self._kept.keep(made)
        self.bill.entries.append(entry)
        if not client.stays(reply.delay_s):
            entry.disconnected = True
            return client.drop()
        try:
            if events is not None:
                return self._stream(dialect, events, made, entry, client)
            return self._whole(dialect.body(made), made, entry, client)
        except ConnectionError:
            entry.disconnected = True
            raise

    def _whole(
        self, body: JsonObject, made: Exchange, entry: BilledCall, client: Connection
    ) -> None:
        headers, encoding = self._headers(made.key), made.reply.encoding
        if made.reply.drop:
            entry.disconnected = True
            return client.send_half(body, headers, encoding)
        return client.send_json(made.reply.status, body, headers, encoding)

    def _stream(
        self,
        dialect: Dialect,
        events: Iterator[Event],
        made: Exchange,
        entry: BilledCall,
        client: Connection,
    ) -> None:
        half = made.tokens.output / 2 if made.reply.drop else None
        headers = {"content-type": dialect.stream_type, **self._headers(made.key)}
        stream = client.open_stream(headers, made.reply.encoding)
        for event in events:
            pause = made.reply.chunk_delay_s if event.tokens else 0
            if not client.stays(pause) or (half is not None and entry.tokens.output >= half):
                entry.disconnected = True
                return client.drop()
            stream.send(event.data)
            entry.add_output(event.tokens)
        return stream.end()

    def _headers(self, key: str) -> dict[str, str]:
        return {"x-request-id": f"req_{key}", "request-id": f"req_{key}"}


def _dialect(path: str) -> Dialect | None:
    return next((each for end, each in _DIALECTS.items() if path.endswith(end)), None)


def _models(request: ReceivedRequest) -> JsonObject:
    anthropic = is_anthropic(request)
    others = ("gemini", "amazon", "command", "embed")
    listed = [name for name in PRICES if not name.startswith(others)]
    names = [name for name in listed if name.startswith("claude") == anthropic]
    if not anthropic:
        stated = {"object": "model", "created": 0, "owned_by": "openai"}
        return {"object": "list", "data": [{"id": name, **stated} for name in names]}
    stated = {"type": "model", "created_at": "1970-01-01T00:00:00Z"}
    data = [{"id": name, "display_name": name, **stated} for name in names]
    return {"data": data, "has_more": False, "first_id": names[0], "last_id": names[-1]}
