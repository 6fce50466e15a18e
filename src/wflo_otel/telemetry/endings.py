"""How a span of another instrumentation says that its call ended, and what that call used.

The rule: what is not told is not made up. A call that may have been answered and of which
nothing is known is told apart from one that never reached its provider.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from opentelemetry.trace import Span, StatusCode

from wflo_otel.core.call import Answer, Outcome, Status
from wflo_otel.core.usage import Usage
from wflo_otel.telemetry.dialects import Attributes, attributes_of, find
from wflo_otel.telemetry.semconv import attributes as a

#: Errors of a caller that gave up, by the end of the exception's name.
_CANCELLED = ("CancelledError", "KeyboardInterrupt", "SystemExit")
#: Errors after which nobody knows whether the provider has worked.
_UNKNOWN = (
    "Timeout",
    "TimeoutError",
    "ConnectionError",
    "ReadError",
    "RemoteProtocolError",
    "IncompleteRead",
)
#: What in a stack trace proves that no request has left.
_NEVER_SENT = re.compile(r"\b(ConnectError|ConnectTimeout|PoolTimeout|UnsupportedProtocol)\b")
#: A response's id as the first thing in an answer that is shown whole.
_ID = re.compile(r'\{"id": ?"([\w.:-]{1,200})"')
#: OpenInference shows a chunk or a message as text; the texts are all that is counted.
_CONTENT = re.compile(r'"(?:content|text|output_text)": ?"((?:[^"\\]|\\.)*)"')
#: What was answered stands under such keys; what was asked, under others, has older tool calls.
_ANSWERS = ("llm.output_messages.", "gen_ai.completion.")


def ending_of(span: Span) -> Outcome:
    """Read how a call ended off its span, which may still be open."""
    attributes = attributes_of(span)
    answer = _answer(attributes)
    kind = _error_type(span, attributes)
    if kind is None:
        is_seen = answer.usage is not None or answer.output_chars > 0
        return Outcome(Status.OK if is_seen else Status.UNKNOWN, answer)
    status = _status_after(kind, span)
    return Outcome(
        status, answer, http_status=_count(find("http_status", attributes)) or None, error_type=kind
    )


def _status_after(kind: str, span: Span) -> Status:
    if kind.endswith(_CANCELLED):
        return Status.CANCELLED
    if kind.endswith("GeneratorExit"):
        return Status.ABANDONED
    if kind.endswith(_UNKNOWN) and not _never_sent(span):
        return Status.UNKNOWN
    return Status.ERROR


def _error_type(span: Span, attributes: Attributes) -> str | None:
    """The class of the error or the provider's code; never a message."""
    told = find("error_type", attributes)
    if isinstance(told, str) and told:
        return told
    for event in _exceptions(span):
        if isinstance(kind := event.get("exception.type"), str):
            return kind
    code = getattr(getattr(span, "status", None), "status_code", None)
    return "error" if code is StatusCode.ERROR else None


def _never_sent(span: Span) -> bool:
    traces = (str(event.get("exception.stacktrace", "")) for event in _exceptions(span))
    return any(_NEVER_SENT.search(trace) for trace in traces)


def _exceptions(span: Span) -> Iterable[Attributes]:
    for event in getattr(span, "events", ()):
        if event.name == "exception":
            yield event.attributes or {}


def _answer(attributes: Attributes) -> Answer:
    shown = find("completion", attributes)
    shown = shown if isinstance(shown, str) else ""
    usage = _usage(attributes)
    model, tier = find("model", attributes), find("service_tier", attributes)
    return Answer(
        usage=usage,
        response_id=_response_id(attributes, shown),
        model=str(model) if model else _asked_model(attributes),
        service_tier=str(tier) if tier else None,
        finish_reasons=_finish_reasons(attributes),
        output_chars=0 if usage else sum(map(len, _CONTENT.findall(shown))) or len(shown),
        complete=usage is not None,
    )


def _finish_reasons(attributes: Attributes) -> tuple[str, ...]:
    told = attributes.get(a.FINISH_REASONS)
    if isinstance(told, tuple | list):
        return tuple(map(str, told))
    # OpenInference and older OpenLLMetry tell of none, but show the calls, each under a key.
    asks = any(key.startswith(_ANSWERS) and ".tool_calls." in key for key in attributes)
    return ("tool_calls",) if asks else ()


def _asked_model(attributes: Attributes) -> str | None:
    model = find("asked_model", attributes)
    return str(model) if model else None


def _response_id(attributes: Attributes, shown: str) -> str | None:
    told = find("response_id", attributes)
    if isinstance(told, str) and told:
        return told
    found = _ID.match(shown)
    return found[1] if found else None


def _usage(attributes: Attributes) -> Usage | None:
    """In every dialect the input contains what was read from a cache and written to one."""
    told = {fact: find(fact, attributes) for fact in ("input_tokens", "output_tokens")}
    if all(each is None for each in told.values()):
        return None
    asked, given = _count(told["input_tokens"]), _count(told["output_tokens"])
    read = min(_fact("cache_read", attributes), asked)
    written = min(_fact("cache_write", attributes), asked - read)
    return Usage(
        input_tokens=asked,
        output_tokens=given,
        cache_read_tokens=read,
        cache_write_tokens=written,
        cache_write_1h_tokens=min(_fact("cache_write_1h", attributes), written),
        reasoning_tokens=min(_fact("reasoning", attributes), given),
        input_audio_tokens=min(_fact("input_audio", attributes), asked),
        output_audio_tokens=min(_fact("output_audio", attributes), given),
    )


def _fact(fact: str, attributes: Attributes) -> int:
    return _count(find(fact, attributes))


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
