"""What reading a stream costs for each of its chunks, beside parsing that chunk once."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Mapping

from measure import Row, Side, Target, compared

from wflo_otel.testing import Reply, ScriptedProvider
from wflo_otel.wire.api import StreamReader
from wflo_otel.wire.route import recognise
from wflo_otel.wire.sse import payload

_ASKED = [{"role": "user", "content": "Write two pages."}]

#: By name: the path, and the request. Each reply has some 400 chunks.
_STREAMS: dict[str, tuple[str, dict[str, object]]] = {
    "OpenAI chat": (
        "/v1/chat/completions",
        {"model": "gpt-4o", "messages": _ASKED, "stream_options": {"include_usage": True}},
    ),
    "Responses": ("/v1/responses", {"model": "gpt-4o", "input": _ASKED}),
    "Anthropic": (
        "/v1/messages",
        {"model": "claude-haiku-4-5", "messages": _ASKED, "max_tokens": 4_000},
    ),
}

#: Prose, in which one word in twenty has something that JSON must escape.
_WORDS = ("the", "ledger", "holds", "what", "each", "call", "has", "cost", "and", "no", "more")
_TEXT = " ".join('so:\n"yes"' if n % 20 == 19 else _WORDS[n % len(_WORDS)] for n in range(400))


def rows() -> list[Row]:
    """Read each API's stream, as it comes and with the usage event hidden."""
    found: list[Row] = []
    with ScriptedProvider() as provider:
        provider.default = Reply(text=_TEXT, input_tokens=20)
        for name, (path, request) in _STREAMS.items():
            events = _recorded(provider.base_url + path, request)
            found += [_row(name, path, events, hides=hides) for hides in (False, True)]
    return found


def _recorded(url: str, request: Mapping[str, object]) -> list[bytes]:
    body = json.dumps({**request, "stream": True}).encode()
    headers = {"content-type": "application/json", "authorization": "Bearer key"}
    sent = urllib.request.Request(url, body, headers)
    with urllib.request.urlopen(sent) as response:
        events = response.read().split(b"\n\n")
    return [event + b"\n\n" for event in events if event]


def _row(name: str, path: str, events: list[bytes], *, hides: bool) -> Row:
    route = recognise("POST", f"https://api.openai.com{path}")
    assert route is not None
    datas = [data for event in events if (data := payload(event)).startswith((b"{", b" {"))]
    side = Side(_reads(lambda: route.api.stream(hide_usage=hides), events), len(events))
    hidden = ", usage hidden" if hides else ""
    return compared(
        f"read a stream chunk, {name}{hidden}",
        side,
        "json.loads",
        Side(_parses(datas), len(datas)),
        target=Target("ratio", 1.0),
        rounds=31,
    )


def _reads(start: Callable[[], StreamReader], events: list[bytes]) -> Callable[[], object]:
    def read() -> object:
        reader = start()
        for event in events:
            reader.feed(event)
        reader.finish()
        return reader.answer

    return read


def _parses(datas: list[bytes]) -> Callable[[], object]:
    def parse() -> None:
        for data in datas:
            json.loads(data)

    return parse
