"""What a function's own return value says about the model call it made.

SDK and framework objects are read by the names of their attributes; none is imported. The
rule: only counts, names and ids are read, of texts only their length.
"""

from __future__ import annotations

from collections.abc import Mapping

from wflo_otel.core.call import Answer
from wflo_otel.core.usage import Usage
from wflo_otel.wire.anthropic_usage import messages_usage
from wflo_otel.wire.body import count, mapping, text
from wflo_otel.wire.dialects import dialect_of
from wflo_otel.wire.openai_usage import chat_usage, is_told, responses_usage

_PLAIN_DIALECT = dialect_of("", "", None)
#: Where frameworks put the model's name: LangChain, and Google's SDK.
_MODEL_KEYS = ("model", "model_name", "model_version", "model_id")
_MERGED = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "reasoning_tokens",
    "input_audio_tokens",
    "output_audio_tokens",
    "cache_read_audio_tokens",
)
_ANTHROPIC_KEYS = ("cache_read_input_tokens", "cache_creation_input_tokens", "cache_creation")


def answer_of(result: object) -> Answer:
    """Read a response: OpenAI's or Anthropic's, LangChain's or Google's, as object or mapping.

    ``usage`` is ``None`` where it tells none; ``output_chars`` counts the text it holds.
    """
    model = _model(result)
    return Answer(
        usage=usage_of(result, model),
        response_id=text(_get(result, "id")),
        model=model,
        output_chars=text_chars(result),
        output_chunks=1 if result is not None else 0,
        complete=True,
    )


def usage_of(result: object, model: str | None = None) -> Usage | None:
    """Read the usage that a response carries, or that is one itself."""
    if isinstance(result, Usage):
        return result
    for name in ("usage", "usage_metadata"):
        raw = _plain(_get(result, name))
        if _says_something(raw):
            return _read(raw, model)
    raw = _plain(result) if isinstance(result, Mapping) else {}
    return _read(raw, model) if _says_something(raw) else None


def merged(one: Usage | None, other: Usage | None) -> Usage | None:
    """Join what two chunks of a stream say: each count stands in one of them, or grows."""
    if one is None or other is None:
        return one or other
    most = {name: max(getattr(one, name), getattr(other, name)) for name in _MERGED}
    return Usage(**most, server_tools=other.server_tools or one.server_tools)


def text_chars(value: object) -> int:
    """Count the characters of the text in a response or a chunk."""
    if isinstance(value, str):
        return len(value)
    for name in ("content", "text", "output_text"):
        found = _get(value, name)
        if isinstance(found, str):
            return len(found)
        if isinstance(found, list):
            return sum(map(text_chars, found))
    choices = _get(value, "choices")
    if isinstance(choices, list):
        return sum(map(_choice_chars, choices))
    return text_chars(delta) if (delta := _get(value, "delta")) is not None else 0


def _choice_chars(choice: object) -> int:
    for name in ("message", "delta"):
        if (found := _get(choice, name)) is not None:
            return text_chars(found)
    return text_chars(choice)


def _read(raw: Mapping[str, object], model: str | None) -> Usage:
    if "prompt_token_count" in raw:
        return _google(raw)
    if "input_token_details" in raw or "output_token_details" in raw:
        return _langchain(raw)
    if any(key in raw for key in _ANTHROPIC_KEYS) and "prompt_tokens" not in raw:
        return messages_usage(raw, model)
    if "input_tokens" in raw or "output_tokens" in raw:
        return responses_usage(raw)
    return chat_usage(raw, _PLAIN_DIALECT)


def _google(raw: Mapping[str, object]) -> Usage:
    """Google's counts: thoughts are beside the candidates, tool results beside the prompt."""
    asked = count(raw.get("prompt_token_count")) + count(raw.get("tool_use_prompt_token_count"))
    thoughts = count(raw.get("thoughts_token_count"))
    return Usage(
        input_tokens=asked,
        output_tokens=count(raw.get("candidates_token_count")) + thoughts,
        cache_read_tokens=min(count(raw.get("cached_content_token_count")), asked),
        reasoning_tokens=thoughts,
    )


def _langchain(raw: Mapping[str, object]) -> Usage:
    """LangChain's ``UsageMetadata``: inclusive, as ours."""
    asked, given = mapping(raw.get("input_token_details")), mapping(raw.get("output_token_details"))
    total_in, total_out = count(raw.get("input_tokens")), count(raw.get("output_tokens"))
    read = min(count(asked.get("cache_read")), total_in)
    return Usage(
        input_tokens=total_in,
        output_tokens=total_out,
        cache_read_tokens=read,
        cache_write_tokens=min(count(asked.get("cache_creation")), total_in - read),
        reasoning_tokens=min(count(given.get("reasoning")), total_out),
        input_audio_tokens=min(count(asked.get("audio")), total_in),
        output_audio_tokens=min(count(given.get("audio")), total_out),
    )


def _says_something(raw: Mapping[str, object]) -> bool:
    return is_told(dict(raw)) or bool(count(raw.get("prompt_token_count")))


def _model(result: object) -> str | None:
    for holder in (result, _get(result, "response_metadata")):
        for key in _MODEL_KEYS:
            if (found := text(_get(holder, key))) is not None:
                return found
    return None


def _get(holder: object, name: str) -> object:
    if isinstance(holder, Mapping):
        return holder.get(name)
    return getattr(holder, name, None)


def _plain(value: object) -> Mapping[str, object]:
    """A usage object as a mapping of its fields, whoever's class it is."""
    if isinstance(value, Mapping):
        return {str(key): _plain_or_same(each) for key, each in value.items()}
    dump = getattr(value, "model_dump", None)
    if callable(dump):
        return mapping(dump())
    fields = getattr(value, "__dict__", None)
    return {key: _plain_or_same(each) for key, each in fields.items()} if fields else {}


def _plain_or_same(value: object) -> object:
    if value is None or isinstance(value, int | float | str | list):
        return value
    return dict(_plain(value))
