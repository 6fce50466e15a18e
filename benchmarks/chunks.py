"""What reading a stream costs for each of its chunks, beside parsing that chunk once."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Mapping
from functools import partial
from statistics import median

from extent import times
from measure import Row, Side, Target, allocated, compared, interleaved, ratio

from wflo_otel.testing import Reply, ScriptedProvider
from wflo_otel.wire.api import StreamReader
from wflo_otel.wire.route import recognise
from wflo_otel.wire.sse import payload

_ASKED = [{"role": "user", "content": "Write two pages."}]

#: By name: the path, and the request.
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
#: Words of the stream that is timed, of a short one, and of a long one.
_USUAL, _FEW, _MANY = 400, 10, times(10_000, 500)


def rows() -> list[Row]:
    """Read each API's stream, as it comes and with the usage event hidden; then long ones."""
    found: list[Row] = []
    with ScriptedProvider() as provider:
        for name, (path, request) in _STREAMS.items():
            usual, few, many = (
                _recorded(provider, words, path, request) for words in (_USUAL, _FEW, _MANY)
            )
            found += [_row(name, path, usual, hides=hides) for hides in (False, True)]
            found += _growth(name, path, few, many)
    return found


def _recorded(
    provider: ScriptedProvider, words: int, path: str, request: Mapping[str, object]
) -> list[bytes]:
    text = " ".join('so:\n"yes"' if n % 20 == 19 else _WORDS[n % len(_WORDS)] for n in range(words))
    provider.default = Reply(text=text, input_tokens=20)
    body = json.dumps({**request, "stream": True}).encode()
    headers = {"content-type": "application/json", "authorization": "Bearer key"}
    sent = urllib.request.Request(provider.base_url + path, body, headers)
    with urllib.request.urlopen(sent) as response:
        events = response.read().split(b"\n\n")
    return [event + b"\n\n" for event in events if event]


def _start(path: str, *, hides: bool) -> Callable[[], StreamReader]:
    route = recognise("POST", f"https://api.openai.com{path}")
    assert route is not None
    return partial(route.api.stream, hide_usage=hides)


def _row(name: str, path: str, events: list[bytes], *, hides: bool) -> Row:
    datas = [data for event in events if (data := payload(event)).startswith((b"{", b" {"))]
    side = Side(_reads(_start(path, hides=hides), events), len(events))
    hidden = ", usage hidden" if hides else ""
    return compared(
        f"read a stream chunk, {name}{hidden}",
        side,
        "json.loads",
        Side(_parses(datas), len(datas)),
        target=Target("ratio", 1.0),
        rounds=31,
    )


def _growth(name: str, path: str, few: list[bytes], many: list[bytes]) -> list[Row]:
    """Time of a chunk among few and among many, and what more chunks hold while they are read."""
    start = _start(path, hides=False)
    reads = {len(events): _reads(start, events) for events in (few, many)}
    timed = interleaved({str(n): Side(read, n) for n, read in reads.items()})
    ours, others = timed[str(len(many))], timed[str(len(few))]
    held = [allocated(read, times(20, 2))[1] for read in reads.values()]
    return [
        Row(
            f"… of {len(many):,} chunks, {name}",
            median(ours),
            "µs",
            median(others),
            f"of {len(few)}",
            ratio(ours, others),
            Target("ratio", 1.25),
        ),
        Row(
            f"… memory in use for each chunk more, {name}",
            (held[1] - held[0]) / (len(many) - len(few)),
            "B",
        ),
    ]


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
