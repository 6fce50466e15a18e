"""One guarded call to a model: what it asks for, what came of it, what is kept of it."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum

from wflo_otel.core.scope import Caller
from wflo_otel.core.usage import NOTHING, Usage
from wflo_otel.core.value import value


class Operation(StrEnum):
    """What kind of call it is; the values are ``gen_ai.operation.name``."""

    CHAT = "chat"
    TEXT_COMPLETION = "text_completion"
    EMBEDDINGS = "embeddings"
    EXECUTE_TOOL = "execute_tool"
    INVOKE_AGENT = "invoke_agent"
    INVOKE_WORKFLOW = "invoke_workflow"


#: The operations that ask a model, and so cost by themselves.
MODEL_CALLS = frozenset({Operation.CHAT, Operation.TEXT_COMPLETION, Operation.EMBEDDINGS})


class Status(StrEnum):
    """How a call ended."""

    OK = "ok"
    #: The provider, or the function, answered with an error.
    ERROR = "error"
    #: The caller's task was cancelled.
    CANCELLED = "cancelled"
    #: The caller left a stream before its end, or dropped it.
    ABANDONED = "abandoned"
    #: wflo cut the stream: its reservation was spent and could not grow.
    CUT = "cut"
    #: The request left, and whether it was answered is unknown (a read timeout).
    UNKNOWN = "unknown"
    #: The process died with the call open; its reservation was charged.
    EXPIRED = "expired"


@value
class Ask:
    """What a request asks for, read from its body and URL.

    Sizes are in characters; ``output_cap`` is in tokens, per choice, ``None`` where the
    request sets none.
    """

    operation: Operation
    provider: str
    model: str | None
    streaming: bool = False
    output_cap: int | None = None
    choices: int = 1
    messages: int = 0
    text_chars: int = 0
    tools_chars: int = 0
    schema_chars: int = 0
    #: Parts whose tokens cannot be read from characters (images, audio, files).
    media_parts: int = 0
    #: The request refers to history kept by the provider, so its size cannot be seen.
    hidden_history: bool = False
    #: Tools that run at the provider are on offer: what they find becomes input, unseen.
    server_tools: bool = False
    #: For how long the request writes to the provider's cache: nothing, ``5m`` or ``1h``.
    cache_write: str = ""
    service_tier: str | None = None
    #: A digest of the tool definitions: calls with the same tools share a learned correction.
    tool_set: str = ""
    #: The texts themselves, for an exact tokenizer. Never shown, never stored.
    texts: tuple[str, ...] = field(default=(), repr=False, compare=False)


@value
class ToolCall:
    """A tool that the model asks for. Arguments are content: never shown."""

    call_id: str
    name: str
    arguments: str = field(default="", repr=False)


@value
class ToolResult:
    """What a tool answered, as a request brings it. The text is content: never shown.

    ``call_id`` and ``name`` are empty where the request does not tell them.
    """

    call_id: str
    name: str
    text: str = field(repr=False)


@value
class Heard:
    """What a request brings that the model has not seen yet."""

    results: tuple[ToolResult, ...] = ()
    #: Something new is asked: the conversation begins, or a user speaks after an answer.
    begins: bool = False


@value
class Answer:
    """What a response, or a stream so far, says about itself.

    ``usage`` is ``None`` until the provider has told; ``output_chars`` and ``output_chunks``
    count what was seen, for an estimate where it never tells.
    """

    usage: Usage | None = None
    response_id: str | None = None
    model: str | None = None
    service_tier: str | None = None
    finish_reasons: tuple[str, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    #: The provider's own cost of the call, in nano-USD, where it tells.
    provider_cost: int | None = None
    #: ``type`` or ``code`` of an error in the body, also inside HTTP 200. Never its message.
    error_type: str | None = None
    output_chars: int = 0
    output_chunks: int = 0
    #: The provider has finished: a whole response, or a stream's end mark.
    complete: bool = False
    #: Answers that this one only brings (the results of a batch): each is paid for, once, by
    #: its ``response_id``. This one's own usage is then ``None``.
    parts: tuple[Answer, ...] = ()


@value
class Call:
    """One call that wants to run."""

    call_id: str
    ask: Ask
    caller: Caller
    #: Which attempt of one logical call this is, from 0.
    attempt: int = 0
    #: The smallest output cap that can be written into the request.
    least_cap: int = 1
    #: Who waits on this thread or task: a caller never waits for money it holds itself.
    owner: str = ""
    #: What its request brings; ``None`` where nobody has looked.
    heard: Heard | None = None


@value
class Outcome:
    """How a call ended, as the seam that ran it saw it."""

    status: Status
    answer: Answer = Answer()
    http_status: int | None = None
    #: The class of the exception, or the provider's error type. Never its message.
    error_type: str | None = None
    #: A response that is fetched again is charged once: its id, on such a fetch.
    charge_once: str | None = None
    #: For how long the provider asks to be left alone, in seconds.
    retry_after_s: float | None = None


@value
class CallRecord:
    """What is kept of a call: the line in a report. Times are in seconds since the epoch."""

    call_id: str
    caller: Caller
    operation: Operation
    status: Status
    started_at: float
    ended_at: float
    provider: str = ""
    model: str = ""
    usage: Usage = NOTHING
    #: In nano-USD.
    cost: int = 0
    #: ``price``, ``provider``, ``fallback``, ``estimate`` or ``reserved``; see docs/cost.md.
    cost_source: str = ""
    response_id: str | None = None
    #: The names of the tools that the model asked for.
    tool_calls: tuple[str, ...] = ()
    http_status: int | None = None
    error_type: str | None = None
    attempt: int = 0
    streaming: bool = False
    clamped: bool = False
    trace_id: str = ""
    span_id: str = ""
