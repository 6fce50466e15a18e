"""What a wire format is to the server: a cap, a body, a stream and the shape of an error."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from wflo_otel.testing.provider.output import Exchange
from wflo_otel.testing.provider.request import JsonObject


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a stream, with the output tokens that it carries."""

    data: bytes
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Dialect:
    """One endpoint's wire format."""

    endpoint: str
    #: The most output tokens that this request allows; ``None`` where it sets no cap.
    cap: Callable[[JsonObject], int | None]
    body: Callable[[Exchange], JsonObject]
    #: ``None`` where the endpoint has no streams.
    events: Callable[[Exchange], Iterator[Event]] | None
    #: The ``content-type`` of its streams.
    stream_type: str = "text/event-stream; charset=utf-8"


def event(data: JsonObject, *, name: str | None = None, tokens: int = 0) -> Event:
    """Write an event as it stands on the wire."""
    head = f"event: {name}\n" if name else ""
    text = f"{head}data: {json.dumps(data, separators=(',', ':'))}\n\n"
    return Event(text.encode(), tokens)


def cap_of(body: JsonObject, *names: str) -> int | None:
    """Return the first of these fields that is set."""
    return next((int(body[name]) for name in names if body.get(name) is not None), None)


def no_output(_body: JsonObject) -> int:
    """Return the cap of an endpoint that generates nothing."""
    return 0
