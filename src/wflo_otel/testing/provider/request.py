"""What the provider received, and how many tokens it takes that to be.

One word is one token. The count is the provider's own and shares nothing with the guard's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

JsonObject = dict[str, Any]

_PROMPT_KEYS = (
    "system",
    "instructions",
    "messages",
    "input",
    "prompt",
    "texts",
    "inputs",
    "tools",
    "contents",
    "systemInstruction",
    "toolConfig",
)
#: Paths that name a model: Bedrock's and Google's; and those that ask for a stream.
_IN_PATH = re.compile(r"/models?/([^/:?]+(?:%3A[^/?]+)?)[/:]")
_STREAMS = (":streamGenerateContent", "/converse-stream")
_LABELS = frozenset({"role", "type", "id", "tool_call_id", "tool_use_id", "call_id", "status"})
_RESULT_TYPES = frozenset({"tool_result", "function_call_output"})


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """One HTTP request. Headers that carry credentials are left out."""

    method: str
    #: With the query string.
    path: str
    headers: Mapping[str, str] = field(repr=False)
    #: Empty where there was no JSON object.
    body: JsonObject = field(repr=False)
    #: Seconds since the epoch.
    at: float

    @property
    def model(self) -> str:
        """The model asked for, by the body or else by the path; empty where none was named."""
        named = self.body.get("model")
        if named is None and (found := _IN_PATH.search(self.path)) is not None:
            named = unquote(found[1])
        return str(named or "")

    @property
    def stream(self) -> bool:
        """Whether the answer is to be streamed."""
        return bool(self.body.get("stream")) or self.path.partition("?")[0].endswith(_STREAMS)

    @property
    def prompt(self) -> str:
        """All text of the prompt, tool definitions and tool results included."""
        return " ".join(text for key in _PROMPT_KEYS for text in _texts(self.body.get(key)))

    @property
    def tool_results(self) -> int:
        """How many tool results the conversation holds so far."""
        turns = self.body.get("messages") or self.body.get("input") or []
        return _count_results(turns)


def words(request: ReceivedRequest) -> int:
    """Count the words of the prompt, and token ids in it: what is billed, at least one."""
    return max(1, len(request.prompt.split()))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from [str(item)] if isinstance(item, int) else _texts(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key not in _LABELS:
                yield from _texts(item)


def _count_results(turns: object) -> int:
    if isinstance(turns, list):
        return sum(_count_results(turn) for turn in turns)
    if not isinstance(turns, dict):
        return 0
    if turns.get("role") == "tool" or turns.get("type") in _RESULT_TYPES:
        return 1
    return _count_results(turns.get("content"))
