"""What a Bedrock conversation says about itself, whole or as events.

Nova's own bodies have the same shape. The counts of the input leave out what was read from and
written to the cache.
"""

from __future__ import annotations

from collections.abc import Mapping

from wflo_otel.core.call import Answer
from wflo_otel.core.usage import Usage
from wflo_otel.wire.body import (
    JsonObject,
    compact,
    count,
    error_type,
    mapping,
    objects,
    plain_name,
    text,
)
from wflo_otel.wire.calls import CallPieces


class ConverseFold:
    """Folds events, or one whole response, into an answer."""

    def __init__(self) -> None:
        self.output_chars = 0
        self.output_chunks = 0
        self.plain: str | None = None
        self._usage: Mapping[str, object] = {}
        self._reason: str | None = None
        self._tier: str | None = None
        self._calls = CallPieces()
        self._error: str | None = None
        self._done = False

    def event(self, data: JsonObject) -> bool:
        """Take one event: an object under the event's name. None carries only usage."""
        if delta := mapping(data.get("contentBlockDelta")):
            self._take_delta(delta.get("contentBlockIndex"), mapping(delta.get("delta")))
        elif start := mapping(data.get("contentBlockStart")):
            self._begin(start.get("contentBlockIndex"), mapping(start.get("start")))
        elif "messageStop" in data:
            self._take_reason(mapping(data["messageStop"]).get("stopReason"))
        elif "metadata" in data:
            self._take_metadata(mapping(data["metadata"]))
        self._error = error_type(data) or self._error
        return False

    def whole(self, data: JsonObject) -> None:
        """Take a whole response."""
        for at, part in enumerate(objects(_message(data).get("content"))):
            self._begin(at, part)
            self._take_delta(at, part)
        self.output_chunks = 0
        self._take_reason(data.get("stopReason"))
        self._take_metadata(data)

    def done(self) -> None:
        """An end mark came."""
        self._done = True

    def result(self) -> Answer:
        """What was said so far."""
        raw = self._usage
        return Answer(
            usage=converse_usage(raw) if raw else None,
            service_tier=self._tier,
            finish_reasons=(self._reason,) if self._reason else (),
            tool_calls=self._calls.result(),
            error_type=self._error,
            output_chars=self.output_chars,
            output_chunks=self.output_chunks,
            complete=self._done or self._reason is not None,
        )

    def _take_metadata(self, metadata: Mapping[str, object]) -> None:
        self._usage = mapping(metadata.get("usage")) or self._usage
        self._tier = text(mapping(metadata.get("serviceTier")).get("type")) or self._tier

    def _take_reason(self, reason: object) -> None:
        if reason:
            self._reason = plain_name(reason) or "other"

    def _begin(self, index: object, part: Mapping[str, object]) -> None:
        if tool := mapping(part.get("toolUse")):
            self._calls.begin(_place(index), text(tool.get("toolUseId")), text(tool.get("name")))

    def _take_delta(self, index: object, delta: Mapping[str, object]) -> None:
        reasoning = mapping(delta.get("reasoningContent"))
        written = (
            text(delta.get("text"))
            or text(reasoning.get("text"))
            or text(mapping(reasoning.get("reasoningText")).get("text"))
            or ""
        )
        given = mapping(delta.get("toolUse")).get("input")
        arguments = given if isinstance(given, str) else compact(given) if given else ""
        self._calls.more(_place(index), arguments)
        self.output_chars += len(written) + len(arguments)
        self.output_chunks += bool(written or arguments)


def converse_usage(raw: Mapping[str, object]) -> Usage:
    """Read the usage of a conversation."""
    read, write = (_cached(raw, f"cache{each}InputToken") for each in ("Read", "Write"))
    hour = sum(
        count(each.get("inputTokens"))
        for each in objects(raw.get("cacheDetails"))
        if each.get("ttl") == "1h"
    )
    tools = mapping(raw.get("serverToolUsage"))
    used = tuple(sorted((name[:64], uses) for name in tools if (uses := count(tools[name]))))
    return Usage(
        input_tokens=count(raw.get("inputTokens")) + read + write,
        output_tokens=count(raw.get("outputTokens")),
        cache_read_tokens=read,
        cache_write_tokens=write,
        cache_write_1h_tokens=min(hour, write),
        server_tools=used,
        summed=bool(used),
    )


def _cached(raw: Mapping[str, object], start: str) -> int:
    return count(raw.get(f"{start}s")) or count(raw.get(f"{start}Count"))


def _message(data: Mapping[str, object]) -> Mapping[str, object]:
    return mapping(mapping(data.get("output")).get("message"))


def _place(index: object) -> int:
    return index if isinstance(index, int) else -1
