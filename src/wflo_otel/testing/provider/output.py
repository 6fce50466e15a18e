"""From a reply to what is generated: words and tool calls under the request's cap.

Every dialect renders the same :class:`Exchange`; only here is anything cut.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice

from wflo_otel.testing.provider.bill import Tokens
from wflo_otel.testing.provider.request import JsonObject, ReceivedRequest, words
from wflo_otel.testing.provider.script import Reply, ToolRequest

_PIECE = re.compile(r"\s*\S+|\s+")
#: Each is one token, with the space before it, in every vocabulary of the last years.
_TEXT = "time year people way day man thing life child world school state family group"
DEFAULT_WORDS = 20


@dataclass(frozen=True, slots=True)
class CallPiece:
    """A tool call as far as it was generated. The name is one token, each piece another."""

    name: str
    pieces: tuple[str, ...]

    @property
    def arguments(self) -> str:
        """The JSON text, which a cap may have cut."""
        return "".join(self.pieces)

    @property
    def parsed(self) -> JsonObject:
        """The arguments as data; empty where a cap has cut them."""
        try:
            parsed = json.loads(self.arguments)
        except json.JSONDecodeError:
            return {}
        return parsed if isinstance(parsed, dict) else {}


@dataclass(frozen=True, slots=True)
class Output:
    """One choice of a response."""

    words: tuple[str, ...] = ()
    calls: tuple[CallPiece, ...] = ()
    reasoning: int = 0
    #: Nothing was cut.
    whole: bool = True

    @property
    def text(self) -> str:
        """The words as one text."""
        return "".join(self.words)

    @property
    def tokens(self) -> int:
        """Everything generated, reasoning included."""
        return self.reasoning + len(self.words) + sum(1 + len(c.pieces) for c in self.calls)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request with what is answered to it."""

    request: ReceivedRequest
    reply: Reply
    output: Output
    tokens: Tokens
    #: The end of every id in the response; new for each exchange.
    key: str
    #: How many times ``output`` is given (``n``).
    choices: int = 1

    @property
    def model(self) -> str:
        """The model that the response names."""
        return self.reply.model or self.request.model

    @property
    def created(self) -> int:
        """Whole seconds since the epoch."""
        return int(self.request.at)


def exchange(request: ReceivedRequest, reply: Reply, *, cap: int | None, key: str) -> Exchange:
    """Generate the answer to a request, with its token counts."""
    output = _generate(reply, cap)
    choices = request.body.get("n") or 1
    parts = reply.cached_tokens + reply.cache_write_tokens
    billed = words(request) if reply.input_tokens is None else reply.input_tokens
    tokens = Tokens(
        input=max(billed, parts),
        output=output.tokens * choices,
        cached=reply.cached_tokens,
        cache_write=reply.cache_write_tokens,
        reasoning=output.reasoning * choices,
    )
    return Exchange(request, reply, output, tokens, key, choices)


def _generate(reply: Reply, cap: int | None) -> Output:
    left = _Allowance(cap)
    reasoning = left.take(reply.reasoning_tokens)
    spoken = tuple(_spoken(reply))
    shown = spoken[: left.take(len(spoken))]
    calls = tuple(_call(tool, left) for tool in reply.tool_calls if left.any)
    whole = not left.missed and len(calls) == len(reply.tool_calls)
    return Output(shown, calls, reasoning, whole)


def _spoken(reply: Reply) -> Iterator[str]:
    if reply.text is not None:
        return iter(_PIECE.findall(reply.text))
    default = 0 if reply.tool_calls else DEFAULT_WORDS
    count = default if reply.output_tokens is None else reply.output_tokens
    return (f" {word}" if i else word for i, word in enumerate(islice(cycle(_TEXT.split()), count)))


def _call(tool: ToolRequest, left: _Allowance) -> CallPiece:
    left.take(1)
    pieces = tuple(_PIECE.findall(json.dumps(dict(tool.arguments))))
    return CallPiece(tool.name, pieces[: left.take(len(pieces))])


class _Allowance:
    """Tokens that may still be generated."""

    def __init__(self, cap: int | None) -> None:
        self._cap = cap
        self.missed = 0

    @property
    def any(self) -> bool:
        return self._cap is None or self._cap > 0

    def take(self, wanted: int) -> int:
        if self._cap is None:
            return wanted
        given = min(wanted, self._cap)
        self._cap -= given
        self.missed += wanted - given
        return given
