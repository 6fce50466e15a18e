"""Batches: requests handed in together, answered at once, billed at half the price.

OpenAI's come as a file of lines, Anthropic's in the request itself; the results of both are a
file of lines. The rule: a batch is billed when it is handed in, however often it is fetched.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from itertools import count

from wflo_otel.testing.provider.anthropic_messages import MESSAGES
from wflo_otel.testing.provider.bill import Bill, BilledCall
from wflo_otel.testing.provider.openai_chat import CHAT
from wflo_otel.testing.provider.output import exchange
from wflo_otel.testing.provider.request import JsonObject, ReceivedRequest
from wflo_otel.testing.provider.script import Reply

_HALF = Decimal("0.5")
_RESULTS = re.compile(r".*/(?:files|batches)/(\w+-?\w*)/(?:content|results)$")


class Batches:
    """Answers batches by the script, and keeps their results."""

    def __init__(self, reply_to: Callable[[ReceivedRequest], Reply], bill: Bill) -> None:
        self._reply_to = reply_to
        self._bill = bill
        self._files: dict[str, bytes] = {}
        self._ids = count(1)

    def hand_in(self, path: str, request: ReceivedRequest) -> JsonObject | None:
        """Answer a batch; ``None``: the path is no batch's.

        OpenAI's names its lines under ``requests`` here: this server takes no files.
        """
        asked = request.body.get("requests") or []
        number = next(self._ids)
        if path.endswith("/messages/batches"):
            name = f"msgbatch_{number}"
            self._keep(name, (self._message(request, each) for each in asked))
            return {"id": name, "type": "message_batch", "processing_status": "ended"}
        if path.endswith("/batches"):
            name = f"file-{number}"
            self._keep(name, (self._chat(request, each) for each in asked))
            return {"id": f"batch_{number}", "object": "batch", "output_file_id": name}
        return None

    def results(self, path: str) -> bytes | None:
        """The results that lie at a path."""
        found = _RESULTS.match(path)
        return self._files.get(found[1]) if found else None

    def _keep(self, name: str, lines: Iterable[JsonObject]) -> None:
        self._files[name] = b"".join(json.dumps(line).encode() + b"\n" for line in lines)

    def _chat(self, request: ReceivedRequest, asked: JsonObject) -> JsonObject:
        one = replace(request, body=asked["body"])
        made = exchange(one, self._reply_to(one), cap=CHAT.cap(one.body), key=f"b{next(self._ids)}")
        self._bill.entries.append(BilledCall(made.model, "batch", made.tokens, share=_HALF))
        response = {"status_code": 200, "body": CHAT.body(made)}
        return {"custom_id": asked["custom_id"], "response": response, "error": None}

    def _message(self, request: ReceivedRequest, asked: JsonObject) -> JsonObject:
        one = replace(request, body=asked["params"])
        cap = MESSAGES.cap(one.body)
        made = exchange(one, self._reply_to(one), cap=cap, key=f"b{next(self._ids)}")
        self._bill.entries.append(BilledCall(made.model, "batch", made.tokens, share=_HALF))
        result = {"type": "succeeded", "message": MESSAGES.body(made)}
        return {"custom_id": asked["custom_id"], "result": result}
