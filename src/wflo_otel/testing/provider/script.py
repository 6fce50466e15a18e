"""What the provider answers: replies, the queue they wait in, and rules.

A request takes the first of: the next queued reply, the reply of the first rule that matches,
what the ``reply_to`` function says, the default.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from wflo_otel.testing.provider.encoding import ENCODINGS
from wflo_otel.testing.provider.request import ReceivedRequest

Drop = Literal["before_headers", "mid_body"]


@dataclass(frozen=True, slots=True)
class ToolRequest:
    """A tool that the reply asks the agent to call. Arguments are plain data."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """One scripted answer. One word is one token and one chunk of a stream.

    Raises:
        ValueError: a count or a time is negative, or the encoding's library is missing.
    """

    text: str | None = None
    #: How many words to write where ``text`` is not given; 20, or none beside tool calls.
    output_tokens: int | None = None
    tool_calls: tuple[ToolRequest, ...] = ()
    #: Billed input; the number of words in the prompt where it is not given.
    input_tokens: int | None = None
    #: Parts of the input; it grows where they are more.
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    #: Billed output that is not shown. It comes on top of the words, and first under a cap.
    reasoning_tokens: int = 0
    #: From 400 on, an error in the provider's shape, for which nothing is billed.
    status: int = 200
    error_type: str | None = None
    retry_after_s: float | None = None
    #: Seconds before the headers, and before each chunk that carries output.
    delay_s: float = 0.0
    chunk_delay_s: float = 0.0
    #: Close the connection instead of answering (nothing is billed), or halfway through.
    drop: Drop | None = None
    #: ``gzip``, ``deflate``, ``br`` or ``zstd``, applied where the request accepts it.
    encoding: str | None = None
    #: The model the response names and the bill charges; the one asked for by default.
    model: str | None = None

    def __post_init__(self) -> None:
        if self.encoding is not None and self.encoding not in ENCODINGS:
            raise ValueError(f"no encoding {self.encoding!r} here, only {', '.join(ENCODINGS)}")
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, int | float) and value < 0:
                raise ValueError(f"{each.name} is negative: {value}")


@dataclass(frozen=True, slots=True)
class Rule:
    """A reply for every request that fits. A condition that is ``None`` always fits."""

    reply: Reply
    model: str | None = None
    #: Text that the prompt contains.
    contains: str | None = None
    #: How many tool results the conversation holds: an agent's loop, turn by turn.
    tool_results: int | None = None

    def fits(self, request: ReceivedRequest) -> bool:
        """Tell whether this request is answered so."""
        return (
            self.model in (None, request.model)
            and (self.contains is None or self.contains in request.prompt)
            and self.tool_results in (None, request.tool_results)
        )


Responder = Callable[[ReceivedRequest], Reply]


class Script:
    """Chooses the reply to a request. Safe from any thread."""

    def __init__(self, replies: Iterable[Reply] = ()) -> None:
        self.default = Reply()
        self.rules: tuple[Rule, ...] = ()
        self.responder: Responder | None = None
        self._queue = deque(replies)
        self._lock = threading.Lock()

    def add(self, replies: Iterable[Reply]) -> None:
        """Queue replies; each is given once."""
        with self._lock:
            self._queue.extend(replies)

    def reply_to(self, request: ReceivedRequest) -> Reply:
        """Choose, and take the reply from the queue where it came from there."""
        with self._lock:
            if self._queue:
                return self._queue.popleft()
        for rule in self.rules:
            if rule.fits(request):
                return rule.reply
        return self.responder(request) if self.responder else self.default

    def load(self, data: Mapping[str, Any]) -> None:
        """Take over a script of plain data: ``default``, ``replies`` and ``rules``.

        What it does not name stays as it is; ``replies`` are added to the queue.

        Raises:
            TypeError: a key is unknown or a reply is no object.
            ValueError: a reply's field has no meaning.
        """
        unknown = set(data) - {"default", "replies", "rules"}
        if unknown:
            raise TypeError(f"a script has no {', '.join(sorted(unknown))}")
        rules = tuple(_rule(each) for each in data.get("rules", ()))
        self.add([reply_from(each) for each in data.get("replies", ())])
        self.rules = rules or self.rules
        if "default" in data:
            self.default = reply_from(data["default"])


def reply_from(data: Mapping[str, Any]) -> Reply:
    """Make a reply of plain data: its fields by name.

    Raises:
        TypeError: a field is unknown.
        ValueError: a field's value has no meaning.
    """
    calls = tuple(ToolRequest(**each) for each in data.get("tool_calls", ()))
    return Reply(**{**data, "tool_calls": calls})


def _rule(data: Mapping[str, Any]) -> Rule:
    if "reply" not in data:
        raise TypeError("a rule has no reply")
    return Rule(**{**data, "reply": reply_from(data["reply"])})
