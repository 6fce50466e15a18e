"""What every wire API can do, as the transport guard sees it.

An API is bound to the dialect of the host it was recognised at, so that one and the same module
serves OpenAI, Azure and a gateway.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from wflo_otel.core.call import Answer, Ask, Heard, Operation


class RouteKind(StrEnum):
    """What a request does to the bill."""

    #: A call that is paid for.
    CALL = "call"
    #: A stored response is fetched, polled, resumed or cancelled: paid once, by its id.
    FETCH = "fetch"
    #: Counting tokens, or handing in a batch: costs nothing by itself.
    FREE = "free"


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes."""

    api: WireApi
    kind: RouteKind
    #: ``gen_ai.provider.name`` by the host; ``None`` where the host is a gateway or a local one.
    provider_hint: str | None = None
    #: The model that the URL names (an Azure deployment).
    model_hint: str | None = None
    #: Which stored response is fetched.
    response_id: str | None = None
    #: The URL itself asks for a stream.
    streaming: bool = False


class StreamReader(Protocol):
    """Reads a streamed response while it passes. Not safe for several threads at once.

    Memory is bounded: an event larger than the limit is passed on unread and counted.
    """

    @property
    def output_chars(self) -> int:
        """Characters of text, tool arguments and reasoning seen so far. Cheap to ask for."""
        ...

    @property
    def output_chunks(self) -> int:
        """Events that carried such output. Cheap to ask for."""
        ...

    @property
    def skipped(self) -> int:
        """Events that were too large to be read."""
        ...

    def listen(self, hears: Callable[[str], object]) -> None:
        """Tell each piece of text that comes, from now on; every event is read for it.

        Told are pieces that come alone in an event, as those of OpenAI and Anthropic do.
        """
        ...

    def feed(self, data: bytes) -> bytes:
        """Take what arrived; return what to hand on.

        That is ``data`` itself, unless the reader hides an injected usage event: then whole
        events are held until they are complete, that one is dropped, and the bytes of all
        others are handed on unchanged. (OpenAI then puts ``"usage":null`` on ordinary events;
        that stays.)
        """
        ...

    def finish(self) -> bytes:
        """The stream has ended: read and return what was held back."""
        ...

    @property
    def answer(self) -> Answer:
        """What the stream has said so far."""
        ...


class WireApi(Protocol):
    """One API of one provider, or of many that speak the same dialect. Stateless.

    No method raises, whatever the bytes are.
    """

    @property
    def name(self) -> str:
        """A name such as ``openai.chat``."""
        ...

    @property
    def operation(self) -> Operation:
        """What kind of call it is."""
        ...

    def ask(self, route: Route, body: bytes) -> Ask | None:
        """Read what a request asks for; ``None``: it is not JSON, or not of this API."""
        ...

    def heard(self, route: Route, body: bytes) -> Heard:
        """Read what a request brings that the model has not seen.

        Nothing where it is no call, or not of this API. Where an API has no conversation, each
        call begins something new.
        """
        ...

    def least_cap(self, route: Route, body: bytes) -> int:
        """The smallest output cap, in tokens per choice, that this request can carry."""
        ...

    def with_cap(self, route: Route, body: bytes, cap: int) -> bytes | None:
        """Write an output cap, in tokens per choice, into a request.

        Everything else keeps its value and its order. ``None``: it cannot be written: the API
        has no cap, the cap is below ``least_cap``, or the body is not of this API.
        """
        ...

    def with_hint(self, route: Route, body: bytes, hint: str) -> bytes | None:
        """Write words for the model after all that a request says, as a user's.

        Everything else keeps its value and its order. ``None``: they cannot be written: the API
        has no conversation, the model has the last word, or the body is not of this API.
        """
        ...

    def with_usage(self, route: Route, body: bytes) -> bytes | None:
        """Ask for usage in a stream that would not carry it; ``None``: nothing to change."""
        ...

    def answer(self, http_status: int, headers: Mapping[str, str], body: bytes) -> Answer:
        """Read a whole response. ``headers`` have lower-case names; ``body`` is decoded."""
        ...

    def stream(self, *, hide_usage: bool = False) -> StreamReader:
        """Begin to read a streamed response.

        ``hide_usage``: the usage event is there because ``with_usage`` asked for it, so the
        user must not see it.
        """
        ...
