"""What we read from recorded traffic is what the providers billed."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from corpus import Recorded, folder, recorded
from wflo_otel.core.call import Answer
from wflo_otel.core.usage import NOTHING
from wflo_otel.wire.api import Route, RouteKind
from wflo_otel.wire.route import recognise

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(
        folder() is None, reason="the recorded traffic is not beside the repository"
    ),
]

APIS = (
    "openai.chat",
    "openai.responses",
    "openai.embeddings",
    "openai.completions",
    "anthropic.messages",
    "bedrock.converse",
    "bedrock.converse-stream",
    "bedrock.invoke",
    "bedrock.invoke-stream",
    "cohere.chat",
    "cohere.rerank",
    "gemini.generateContent",
    "gemini.interactions",
    "gemini.streamGenerateContent",
    "ollama.chat",
    "openai.audio",
    "openai.images",
    "vertex.rawPredict",
    "vertex.streamRawPredict",
)
FIELDS = ("input", "output", "cache_read", "cache_write", "cache_write_1h", "reasoning")

#: Where the truth is a reading we do not share, and why. By id, or by what the truth notes.
DIFFERS = {
    "142acfa1a0200559": ("input", "Mistral counts audio outside prompt_tokens; it is billed"),
    "ffe93d19bafaa2f0": ("input", "Mistral counts audio outside prompt_tokens; it is billed"),
    "abb950b0f1aa4a22": ("model", "the fallback model answered, and its usage is the top level"),
    "58306caf6a179aa4": ("tools", "an MCP tool runs at the provider: nobody is asked to run it"),
    "b855ac2a2f9989ff": ("tools", "an MCP tool runs at the provider: nobody is asked to run it"),
    "9ce80620e528e1ac": ("tools", "an MCP tool runs at the provider: nobody is asked to run it"),
    "c4d0767f13220832": ("id", "the truth names the generation, not the response"),
    "0c6c58518772593e": ("tools", "the truth does not look for calls in the steps of a stream"),
    "43275cccab926753": ("tools", "the truth lists the pieces of a call as calls"),
    "44bf308c39ccc425": ("tools", "the truth lists the pieces of a call as calls"),
    "e496b359d6e3faba": ("tools", "the truth lists the pieces of a call as calls"),
    "05fe9c29fa295f4e": ("told", "a usage that holds nothing but the cost is told, too"),
    "7b39c79b4d89befe": ("told", "a usage that holds nothing but the cost is told, too"),
    "5ab5eca62dc1ae72": ("input output told", "the truth does not look at this stream's metrics"),
    "181061b873caaad8": ("tools", "the truth does not look for calls in Nova's bodies"),
    "47c92b3458ce79e3": ("tools", "the truth does not look for calls in Nova's bodies"),
    "e136cee4ce95fd50": ("tools", "the truth does not look for calls in Nova's bodies"),
    "e35a6db05622ca0b": ("tools", "the truth does not look for calls in Nova's bodies"),
}
#: APIs whose answers name no model and no id, so that the truth names those of the request.
UNNAMED = ("bedrock.converse", "bedrock.converse-stream", "bedrock.invoke", "bedrock.invoke-stream")
#: Requests without a cap that could be lowered.
UNCAPPED = ("openai.embeddings", "openai.images", "openai.audio", "cohere.rerank")
CLAMPED = "cached_gt_prompt"
#: Listings, which are no calls.
NO_CALLS = {
    ("GET", "https://api.openai.com/v1/organization/usage/embeddings?start_time=1739096063"),
    ("GET", "https://api.openai.com/v1/responses"),
}


#: Endpoints that are one API, and the model that runs at Vertex under another's API.
RENAMED = {
    "gemini.streamGenerateContent": "gemini.generateContent",
    "bedrock.converse-stream": "bedrock.converse",
    "bedrock.invoke-stream": "bedrock.invoke",
    "vertex.rawPredict": "anthropic.messages",
    "vertex.streamRawPredict": "anthropic.messages",
}


def calls(*, streams: bool | None = None) -> list[tuple[Recorded, Route]]:
    found = []
    for each in recorded(*APIS):
        route = recognise(each.exchange["method"], each.exchange["url"])
        if route is not None and streams in {None, each.streams}:
            found.append((each, route))
    return found


def read(each: Recorded, route: Route) -> Answer:
    if not each.streams:
        return route.api.answer(each.status, each.headers, each.body)
    reader = route.api.stream()
    assert reader.feed(each.body) == each.body
    assert reader.finish() == b""
    return reader.answer


def facts(answer: Answer) -> dict[str, Any]:
    usage = answer.usage or NOTHING
    numbers = {field: getattr(usage, f"{field}_tokens") for field in FIELDS}
    return {
        **numbers,
        "told": answer.usage is not None,
        "model": answer.model,
        "id": answer.response_id,
        "tools": [call.name for call in answer.tool_calls],
        "failed": answer.error_type is not None,
    }


def expected(each: Recorded) -> dict[str, Any]:
    truth = each.truth
    numbers = {
        field: truth["cache_write_1h" if field == "cache_write_1h" else f"{field}_tokens"] or 0
        for field in FIELDS
    }
    if CLAMPED in truth["checks"]:
        numbers["cache_read"] = min(numbers["cache_read"], numbers["input"])
    return {
        **numbers,
        "told": truth["usage_present"],
        "model": truth["response_model"],
        "id": truth["response_id"],
        "tools": truth["tool_calls"],
        "failed": truth["error"] is not None,
    }


def test_every_recorded_call_is_recognised_as_its_api() -> None:
    for each in recorded(*APIS):
        exchange = each.exchange
        route = recognise(exchange["method"], exchange["url"])
        if (exchange["method"], exchange["url"]) in NO_CALLS:
            assert route is None
        else:
            assert route is not None, exchange["url"]
            name = RENAMED.get(exchange["endpoint"], exchange["endpoint"])
            assert (route.api.name, route.kind) == (name, RouteKind.CALL)


def test_what_each_exchange_used_is_what_the_provider_said() -> None:
    wrong = {}
    for each, route in calls():
        got, want = facts(read(each, route)), expected(each)
        fields, _ = DIFFERS.get(each.id, ("", ""))
        if each.exchange["endpoint"] in UNNAMED:
            got["model"] = got["id"] = want["model"] = want["id"] = None
        differing = {key for key in want if got[key] != want[key]}
        if differing != set(fields.split()):
            wrong[each.id] = {key: (got[key], want[key]) for key in differing}
    assert wrong == {}


def reported(each: Recorded) -> float:
    """The cost in USD; where the truth has none, it stands in the usage that it kept."""
    raw = each.truth["usage_raw"]
    return each.truth["provider_cost"] or raw.get("cost") or raw["cost_in_usd_ticks"] / 1e10


def test_the_cost_that_a_provider_reports_is_read_to_the_nano_dollar() -> None:
    found: Counter[str] = Counter()
    for each, route in calls():
        answer = read(each, route)
        if answer.provider_cost is None:
            continue
        assert answer.provider_cost == round(reported(each) * 1e9), each.id
        found[each.truth["provider"]] += 1
    assert set(found) == {"openrouter", "xai", "vercel-gateway", "perplexity", "avian"}
    assert sum(found.values()) >= 160


def test_a_stream_that_the_truth_calls_complete_is_complete() -> None:
    for each, route in calls(streams=True):
        if each.truth["stream_complete"]:
            assert read(each, route).complete, each.id


def test_a_stream_says_the_same_in_random_cuts_as_whole() -> None:
    chance = random.Random(7)
    for each, route in calls(streams=True):
        reader, at, body, passed = route.api.stream(), 0, each.body, []
        while at < len(body):
            size = chance.choice((1, 2, 3, 7, 64, 500, 4096))
            passed.append(reader.feed(body[at : at + size]))
            at += size
        assert b"".join(passed) + reader.finish() == body
        assert reader.answer == read(each, route), each.id


def test_a_stream_says_the_same_byte_by_byte_as_whole() -> None:
    sample = [each for each in calls(streams=True) if len(each[0].body) < 20_000][::4]
    assert len(sample) > 60
    for each, route in sample:
        reader = route.api.stream()
        for byte in each.body:
            reader.feed(bytes((byte,)))
        reader.finish()
        assert reader.answer == read(each, route), each.id


def test_a_stream_whose_lines_end_in_crlf_says_the_same() -> None:
    for each, route in calls(streams=True)[::3]:
        if b"\r" in each.body or each.is_framed:
            continue
        reader = route.api.stream()
        body = each.body.replace(b"\n", b"\r\n")
        for at in range(0, len(body), 777):
            reader.feed(body[at : at + 777])
        reader.finish()
        assert reader.answer == read(each, route), each.id


def test_a_hidden_usage_event_is_the_only_thing_missing_in_any_cut() -> None:
    chance = random.Random(11)
    hidden = 0
    for each, route in calls(streams=True):
        whole = route.api.stream(hide_usage=True)
        kept = whole.feed(each.body) + whole.finish()
        reader, at, passed = route.api.stream(hide_usage=True), 0, []
        while at < len(each.body):
            size = chance.choice((1, 5, 63, 1024))
            passed.append(reader.feed(each.body[at : at + size]))
            at += size
        assert b"".join(passed) + reader.finish() == kept
        assert replace(reader.answer, usage=None) == replace(read(each, route), usage=None)
        events, left = each.body.split(b"\n\n"), kept.split(b"\n\n")
        dropped = Counter(events) - Counter(left)
        assert all(
            b'"usage"' in event and b'"choices":[]' in event.replace(b" ", b"") for event in dropped
        )
        hidden += bool(dropped)
        assert reader.answer.usage == read(each, route).usage
    assert hidden >= 100


def test_every_recorded_request_is_read_and_can_be_capped() -> None:
    unread = set()
    for each, route in calls():
        if not each.request:
            continue
        ask = route.api.ask(route, each.request)
        if ask is None:
            unread.add(each.exchange["url"])
            continue
        assert ask.model == each.exchange["request_model"] or route.model_hint
        cap = route.api.least_cap(route, each.request) + 5
        written = route.api.with_cap(route, each.request, cap)
        if written is None:
            assert route.api.name in UNCAPPED or b"max" not in each.request
            continue
        assert written is not None
        again = route.api.ask(route, written)
        assert again is not None
        assert replace(again, output_cap=ask.output_cap) == ask
        assert again.output_cap == cap
    assert unread == {
        "https://api.portkey.ai/v1/prompts/pp-weather-pr-b74c4f/completions",
        "http://localhost:8080/v1/audio/transcriptions",  # a form that names no model
    }


#: What marks a result of a tool in a request, as JSON has it.
RESULTS = (
    *('"role":"tool"', '"role":"function"', '"type":"tool_result"', '"toolResult":{'),
    *('_call_output"', '"functionResponse":{', '"function_response":{', '"type":"function_result"'),
)
MODELS = frozenset({"assistant", "model"})


def brought(request: dict[str, Any]) -> int:
    """How many results stand after the model's last word, counted without reading them."""
    given = request.get("messages") or request.get("contents") or request.get("input")
    found = 0
    for item in reversed(given if isinstance(given, list) else [given]):
        marks = json.dumps(item, separators=(",", ":"))
        results = sum(marks.count(mark) for mark in RESULTS)
        role = item.get("role") if isinstance(item, dict) else "user"
        if role in MODELS or (role is None and not results):
            break
        found += results
    return found


def test_the_results_of_tools_that_a_recorded_request_brings_are_all_heard() -> None:
    bringing: Counter[str] = Counter()
    for each, route in calls():
        if route.api.ask(route, each.request) is None or each.request[:1] != b"{":
            continue
        request = json.loads(each.request)
        heard = route.api.heard(route, each.request)
        assert len(heard.results) == brought(request), each.id
        assert not (heard.begins and heard.results)
        bringing[route.api.name] += bool(heard.results)
    assert len(+bringing) == 5  # APIs
    assert bringing.total() >= 320
