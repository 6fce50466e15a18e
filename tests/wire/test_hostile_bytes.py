"""Whatever the bytes are: nothing raises, streams pass, and what is read does not depend on cuts."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effort import LONG, times
from wflo_otel.core.call import Heard
from wflo_otel.core.usage import Usage
from wflo_otel.wire.body import MAX_COUNT
from wflo_otel.wire.route import recognise
from wire_fixtures import CHAT, COMPLETIONS, EMBEDDINGS, MESSAGES, RESPONSES, route, sse
from wire_frames import frame

pytestmark = pytest.mark.slow

_GOOGLE = "https://generativelanguage.googleapis.com/v1beta"
_BEDROCK = "https://bedrock-runtime.us-east-1.amazonaws.com/model/amazon.nova"
URLS = (
    *(CHAT, COMPLETIONS, EMBEDDINGS, RESPONSES, MESSAGES),
    "https://api.x.ai/v1/chat/completions",
    f"{_GOOGLE}/models/gemini:generateContent",
    f"{_GOOGLE}/models/gemini:embedContent",
    f"{_GOOGLE}/models/gemini:predict",
    f"{_GOOGLE}/interactions",
    f"{_BEDROCK}/converse",
    f"{_BEDROCK}/invoke",
    "https://api.cohere.com/v2/chat",
    "https://api.cohere.com/v2/embed",
    "https://api.cohere.com/v2/rerank",
    "http://localhost:11434/api/chat",
    "http://localhost:11434/api/generate",
    "http://localhost:11434/api/embed",
    "https://api.openai.com/v1/images/generations",
    "https://api.openai.com/v1/audio/transcriptions",
    "https://api.openai.com/v1/audio/speech",
)
BATCH = "https://api.openai.com/v1/files/file-1/content"
_KEYS = """
id model choices index delta message content text tool_calls function name arguments usage
prompt_tokens completion_tokens total_tokens prompt_tokens_details cached_tokens type
error code finish_reason x_groq response output item status input messages prompt stream n
stream_options include_usage tools iterations input_tokens output_tokens cache_creation
thinking budget_tokens content_block stop_reason system cost_in_usd_ticks
contents parts candidates finishReason usageMetadata promptTokenCount candidatesTokenCount
promptTokensDetails modality tokenCount functionCall args groundingMetadata webSearchQueries
generationConfig maxOutputTokens cachedContent promptFeedback blockReason requests embedding
event_type interaction step steps total_input_tokens grounding_tool_count agent index
contentBlockDelta contentBlockStart messageStop metadata inputTokens cacheDetails ttl
inferenceConfig maxTokens toolUse reasoningContent inputText textGenerationConfig generation
results outputs generations completions amazon-bedrock-invocationMetrics inputTokenCount
prompt_token_count serverToolUsage billed_units search_units meta texts query documents
chat_history tool_plan response_id done done_reason prompt_eval_count eval_count options
num_predict format seconds instructions stream_format embeddings connectors parameters
tool_call_id tool_name tool_use_id toolResult toolUseId tool_results outputs call_id result
functionResponse function_response response conversation previous_interaction_id json image
"""
_WORDS = """
AUDIO interaction.completed step.start step.delta tool-call-start content-delta stream-end
message-end google_search
message_start message_delta content_block_delta content_block_start response.completed
response.output_item.done x.delta function_call message fallback_message text tool_use
error user assistant model tool function tool_result function_call_output function_result
user_input image
"""
KEYS = st.sampled_from(_KEYS.split())
WORDS = st.sampled_from(_WORDS.split())
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=25,
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=8)
ENDS = st.sampled_from([b"\n\n", b"\r\n\r\n", b"\n", b"\r", b""])
EVENTS = st.one_of(
    OBJECTS.map(lambda value: b"data: " + json.dumps(value).encode()),
    st.binary(max_size=20),
    st.sampled_from([b"data: [DONE]", b": ping", b"event: x", b"data: {", b'data: "\\ud800"']),
)


@given(
    url=st.sampled_from(URLS), body=OBJECTS.map(json.dumps).map(str.encode) | st.binary(max_size=60)
)
@settings(max_examples=times(300, 3_000), deadline=None, derandomize=not LONG)
def test_no_request_raises(url: str, body: bytes) -> None:
    where = route(url)
    ask = where.api.ask(where, body)
    cap = where.api.least_cap(where, body)
    capped = where.api.with_cap(where, body, cap)
    if ask is None:
        assert capped is None
    elif capped is not None:
        again = where.api.ask(where, capped)
        assert again is not None
        assert again.output_cap == cap
    where.api.with_usage(where, body)
    hinted = where.api.with_hint(where, body, "hint")
    assert hinted is None or where.api.ask(where, hinted) is not None
    heard = where.api.heard(where, body)
    assert not (heard.begins and (heard.results or ask is None))


@given(
    url=st.sampled_from(URLS),
    status=st.sampled_from([200, 400, 500]),
    body=OBJECTS.map(json.dumps).map(str.encode) | st.binary(max_size=60),
)
@settings(max_examples=times(300, 3_000), deadline=None, derandomize=not LONG)
def test_no_response_raises_and_counts_stay_bounded(url: str, status: int, body: bytes) -> None:
    answer = route(url).api.answer(status, {}, body)
    check(answer.usage)
    assert status < 400 or (answer.error_type and not answer.complete)


@given(
    url=st.sampled_from(URLS),
    parts=st.lists(st.tuples(EVENTS, ENDS), max_size=6),
    cuts=st.lists(st.integers(0, 400), max_size=8),
)
@settings(max_examples=times(300, 3_000), deadline=None, derandomize=not LONG)
def test_no_stream_raises_and_what_it_says_does_not_depend_on_cuts(
    url: str, parts: list[tuple[bytes, bytes]], cuts: list[int]
) -> None:
    data = b"".join(event + end for event, end in parts)
    api = route(url).api
    whole, cut, hiding, hiding_cut = (
        api.stream(),
        api.stream(),
        api.stream(hide_usage=True),
        api.stream(hide_usage=True),
    )
    assert whole.feed(data) + whole.finish() == data
    places = sorted({0, len(data), *(at for at in cuts if at < len(data))})
    pieces = [data[a:b] for a, b in itertools.pairwise(places)]
    assert b"".join(map(cut.feed, pieces)) + cut.finish() == data
    assert cut.answer == whole.answer
    kept = hiding.feed(data) + hiding.finish()
    assert b"".join(map(hiding_cut.feed, pieces)) + hiding_cut.finish() == kept
    assert hiding.answer == whole.answer
    check(whole.answer.usage)


@given(
    lines=st.lists(OBJECTS.map(json.dumps).map(str.encode) | st.binary(max_size=30), max_size=6),
    status=st.sampled_from([200, 404]),
)
@settings(max_examples=times(150, 3_000), deadline=None, derandomize=not LONG)
def test_no_file_of_results_raises(lines: list[bytes], status: int) -> None:
    body = b"\n".join(b'{"response":{"body":' + line + b"}}" for line in lines)
    answer = route(BATCH, "GET").api.answer(status, {}, body)
    for part in answer.parts:
        check(part.usage)


@given(data=st.binary(max_size=300), cuts=st.lists(st.integers(0, 300), max_size=8))
@settings(max_examples=times(300, 3_000), deadline=None, derandomize=not LONG)
def test_no_frame_raises_and_what_is_read_does_not_depend_on_cuts(
    data: bytes, cuts: list[int]
) -> None:
    whole, cut = (route(f"{_BEDROCK}/converse").api.stream() for _ in range(2))
    data = frame(b'{"stopReason":"x"}', event_type="messageStop") + data
    places = sorted({0, len(data), *(at for at in cuts if at < len(data))})
    for begin, end in itertools.pairwise(places):
        cut.feed(data[begin:end])
    assert whole.feed(data) == data
    assert (cut.answer, cut.skipped) == (whole.answer, whole.skipped)
    assert whole.answer.finish_reasons == ("x",)


@given(text=st.text(max_size=30), at=st.integers(0, 200), byte=st.integers(0, 255))
@settings(max_examples=times(200, 3_000), deadline=None, derandomize=not LONG)
def test_a_flipped_byte_in_a_stream_does_no_harm(text: str, at: int, byte: int) -> None:
    event: dict[str, Any] = {"choices": [{"index": 0, "delta": {"content": text}}]}
    data = bytearray(sse(event, event, {"choices": [], "usage": {"prompt_tokens": 5}}))
    data[at % len(data)] = byte
    reader = route(CHAT).api.stream()
    assert reader.feed(bytes(data)) == bytes(data)
    reader.finish()
    check(reader.answer.usage)


@given(
    method=st.sampled_from(["GET", "POST", "\u0130"]),
    url=st.text(max_size=60) | st.sampled_from(URLS),
)
@settings(max_examples=times(300, 3_000), deadline=None, derandomize=not LONG)
def test_no_url_raises(method: str, url: str) -> None:
    recognise(method, url)
    recognise(method, f"https://{url}/v1/chat/completions")


@pytest.mark.parametrize("url", URLS)
def test_what_is_nested_without_end_is_not_of_any_api(url: str) -> None:
    deep = b'{"model":"m","messages":[' + b'{"content":[' * 50_000
    closed = deep + b"]}" * 50_000 + b"]}"
    where = route(url)
    for body in (deep, closed):
        assert where.api.ask(where, body) is None
        assert where.api.with_cap(where, body, 2000) is None
        assert where.api.heard(where, body) == Heard()
        assert where.api.with_hint(where, body, "hint") is None
        assert where.api.answer(200, {}, body).usage is None


def check(usage: Usage | None) -> None:
    """Every count is a bounded non-negative number, and no part exceeds its whole."""
    if usage is None:
        return
    assert (
        0
        <= usage.cache_read_tokens + usage.cache_write_tokens
        <= usage.input_tokens
        <= 3 * MAX_COUNT
    )
    assert 0 <= usage.reasoning_tokens <= usage.output_tokens <= 2 * MAX_COUNT
    assert 0 <= usage.cache_write_1h_tokens <= usage.cache_write_tokens
