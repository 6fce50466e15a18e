"""What every request has in common: its texts, its tools, its cap.

Sizes are in characters of what the user wrote. Tokens that stand in a prompt as numbers count
as six characters each, media as parts of their own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from wflo_otel.core.call import Answer, Ask, Heard, Operation
from wflo_otel.core.value import value
from wflo_otel.wire.api import Route, RouteKind, StreamReader
from wflo_otel.wire.body import (
    JsonObject,
    cache_write,
    compact,
    digest,
    error_type,
    items,
    mapping,
    objects,
    optional_count,
    parse,
    read_object,
    text,
    write,
)
from wflo_otel.wire.dialects import Dialect, provider_of_model
from wflo_otel.wire.heard import heard_in_messages
from wflo_otel.wire.hints import add_message
from wflo_otel.wire.sse import Fold, HidingReader, SseReader

_CHARS_PER_TOKEN_ID = 6
_FIRST_ERROR = 400


class Texts:
    """Gathers the texts of a request, and what cannot be read as text."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.more_chars = 0
        self.media = 0

    @property
    def chars(self) -> int:
        """How much text there is."""
        return sum(map(len, self.found)) + self.more_chars

    def add(self, value: object) -> None:
        """Take a text; anything that is none counts as its JSON."""
        if isinstance(value, str):
            if value:
                self.found.append(value)
        elif value is not None:
            self.add(compact(value))

    def add_parts(self, content: object) -> None:
        """Take a message's content: a text, or parts of text and media."""
        if not isinstance(content, list):
            self.add(content)
            return
        for part in content:
            self._add_part(part)

    def add_prompt(self, prompt: object) -> int:
        """Take a prompt or several, as text or token ids; return how many there are."""
        if not isinstance(prompt, list):
            self.add(prompt)
            return 1
        several = items(prompt)
        if not several or not isinstance(several[0], str | list):
            self.more_chars += len(several) * _CHARS_PER_TOKEN_ID
            return 1
        for each in several:
            if isinstance(each, list):
                self.more_chars += len(each) * _CHARS_PER_TOKEN_ID
            else:
                self.add(each)
        return len(several)

    def _add_part(self, part: object) -> None:
        if not isinstance(part, dict):
            self.add(part)
            return
        for key in ("text", "refusal", "thinking"):
            if isinstance(found := part.get(key), str):
                self.add(found)
                return
        if isinstance(part.get("content"), list):
            self._add_flat(part)
        elif part.get("type") in _CALL_PARTS:
            self.add(part.get("name"))
            self.add(part.get("input"))
            self.add(part.get("content"))
        else:
            self.media += 1

    def _add_flat(self, part: JsonObject) -> None:
        """Take what a tool gave back; its own parts hold no further ones."""
        for inner in items(part.get("content")):
            held = mapping(inner).get("text")
            if isinstance(held, str):
                self.add(held)
            else:
                self.media += 1


_CALL_PARTS = frozenset({"tool_use", "tool_result", "server_tool_use", "mcp_tool_use"})


@value
class Size:
    """What was gathered of a request, beside its texts."""

    messages: int = 0
    choices: int = 1
    output_cap: int | None = None
    tools: object = None
    schema: object = None
    hidden_history: bool = False
    server_tools: bool = False


@dataclass(frozen=True, slots=True)
class JsonApi(ABC):
    """The part that all JSON APIs share; each adds its own reading.

    A request that is nested too deeply to be read is not of this API. An API adds no field, so
    none is a dataclass of its own: making two dozen would take a program 10 ms at its start.
    """

    dialect: Dialect

    #: The provider's name where neither host nor model tells.
    stand_in = "openai_compatible"

    @property
    def operation(self) -> Operation:
        """What kind of call it is."""
        return Operation.CHAT

    def ask(self, route: Route, body: bytes) -> Ask | None:
        """Read what a request asks for; ``None``: it is not JSON, or not of this API."""
        request = self._mine(route, body)
        if request is None:
            return None
        texts = Texts()
        ask = self._ask(route, request, texts, self._size(request, texts))
        return replace(ask, cache_write=written) if (written := cache_write(body)) else ask

    def heard(self, route: Route, body: bytes) -> Heard:
        """Read what a request brings that the model has not seen."""
        request = self._mine(route, body) if route.kind is RouteKind.CALL else None
        if request is None:
            return Heard()
        return self._heard(request) if self.operation is Operation.CHAT else Heard(begins=True)

    def least_cap(self, route: Route, body: bytes) -> int:
        """The smallest output cap that this request can carry, in tokens per choice."""
        if type(self)._least is JsonApi._least:  # noqa: SLF001  # no need to read the body again
            return 1
        request = self._mine(route, body)
        return 1 if request is None else self._least(request)

    def with_cap(self, route: Route, body: bytes, cap: int) -> bytes | None:
        """Write an output cap into a request; ``None``: it cannot be written."""
        if route.kind is not RouteKind.CALL:
            return None
        request = self._mine(route, body)
        if request is None or cap < self._least(request) or not self._cap(request, cap):
            return None
        return write(request)

    def with_hint(self, route: Route, body: bytes, hint: str) -> bytes | None:
        """Write words for the model into a request; ``None``: they cannot be written."""
        if route.kind is not RouteKind.CALL or self.operation is not Operation.CHAT:
            return None
        request = self._mine(route, body)
        return write(request) if request is not None and self._hint(request, hint) else None

    def with_usage(self, route: Route, body: bytes) -> bytes | None:
        """Nothing to change: this API tells its usage unasked."""
        del route, body
        return None

    def answer(self, http_status: int, headers: Mapping[str, str], body: bytes) -> Answer:
        """Read a whole response, or an error's body."""
        del headers
        value = parse(body)
        fold = self._fold()
        if isinstance(value, dict):
            fold.whole(value)
        for piece in objects(value):  # a stream's chunks as one array
            fold.event(piece)
        answer = fold.result()
        failed = error_type(value) or answer.error_type
        if http_status >= _FIRST_ERROR:
            return replace(answer, error_type=failed or str(http_status), complete=False)
        if failed == answer.error_type:
            return answer
        return replace(answer, error_type=failed)

    def stream(self, *, hide_usage: bool = False) -> StreamReader:
        """Begin to read a streamed response."""
        reader = HidingReader if hide_usage else SseReader
        return reader(self._fold())

    @abstractmethod
    def _fold(self) -> Fold:
        """Begin to read a response."""

    def _mine(self, route: Route, body: bytes) -> JsonObject | None:
        """The request, if it is one of this API."""
        if route.kind is not RouteKind.CALL:
            return {}
        request = read_object(body)
        if request is None or not self._is_mine(route, request):
            return None
        return request

    @abstractmethod
    def _is_mine(self, route: Route, request: JsonObject) -> bool:
        """Whether a body has what this API needs."""

    @abstractmethod
    def _size(self, request: JsonObject, texts: Texts) -> Size:
        """Gather a request's texts, and measure the rest."""

    def _heard(self, request: JsonObject) -> Heard:
        """What a chat's request brings."""
        return heard_in_messages(request)

    def _hint(self, request: JsonObject, hint: str) -> bool:
        """Write words after all that the model reads; ``False``: there is no place."""
        return add_message(request, hint)

    def _least(self, request: JsonObject) -> int:
        del request
        return 1

    @abstractmethod
    def _cap(self, request: JsonObject, cap: int) -> bool:
        """Write a cap that is at least ``_least``; ``False``: this API has none."""

    def _streams(self, route: Route, request: JsonObject) -> bool:
        """Whether the response is to be a stream."""
        return route.streaming or request.get("stream") is True

    def _provider(self, route: Route, model: str | None) -> str:
        """Whose prices hold: the host's, else the model's maker's."""
        return route.provider_hint or provider_of_model(model) or self.stand_in

    def _ask(self, route: Route, request: JsonObject, texts: Texts, size: Size) -> Ask:
        model = text(request.get("model")) or route.model_hint
        tools = compact(size.tools) if size.tools else ""
        return Ask(
            operation=self.operation,
            provider=self._provider(route, model),
            model=model,
            streaming=self._streams(route, request),
            output_cap=size.output_cap,
            choices=size.choices,
            messages=size.messages,
            text_chars=texts.chars,
            tools_chars=len(tools),
            schema_chars=len(compact(size.schema)) if size.schema else 0,
            media_parts=texts.media,
            hidden_history=size.hidden_history,
            server_tools=size.server_tools,
            service_tier=text(request.get("service_tier")),
            tool_set=digest(tools),
            texts=tuple(texts.found),
        )


def first_count(request: Mapping[str, object], keys: Iterable[str]) -> int | None:
    """The first of these keys that holds a count."""
    for key in keys:
        if (found := optional_count(request.get(key))) is not None:
            return found
    return None


def at_least_one(value: object) -> int:
    """A count of choices: what is no count asks for one."""
    return max(optional_count(value) or 1, 1)
