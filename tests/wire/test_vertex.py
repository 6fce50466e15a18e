"""Other vendors' models at Vertex: their own bodies, at URLs of Google's."""

from __future__ import annotations

from typing import Any

import pytest

from wflo_otel.core.call import Operation
from wflo_otel.core.usage import Usage
from wflo_otel.wire.api import RouteKind
from wire_fixtures import answered, asked, capped, read_bytes, route, sse

PUBLISHERS = (
    "https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/us-east5/publishers"
)
CLAUDE = f"{PUBLISHERS}/anthropic/models/claude-sonnet-4@20250514"
HELLO: list[dict[str, Any]] = [{"role": "user", "content": "hello"}]


@pytest.mark.parametrize(("method", "streams"), [("rawPredict", False), ("streamRawPredict", True)])
def test_a_claude_at_vertex_is_asked_as_at_anthropic(method: str, streams: bool) -> None:
    ask = asked(f"{CLAUDE}:{method}", messages=HELLO, max_tokens=9)
    assert (ask.provider, ask.model) == ("gcp.vertex_ai", "claude-sonnet-4@20250514")
    assert (ask.streaming, ask.output_cap) == (streams, 9)
    assert route(f"{CLAUDE}:{method}").api.name == "anthropic.messages"


def test_other_vendors_models_are_asked_as_chats() -> None:
    where = route(f"{PUBLISHERS}/mistralai/models/mistral-large:rawPredict")
    assert (where.api.name, where.model_hint) == ("openai.chat", "mistral-large")


EMBED = f"{PUBLISHERS}/google/models/text-embedding-005:predict"


def test_embeddings_by_predict_are_read_and_have_no_cap() -> None:
    given = [{"content": "one", "title": "t"}, {"prompt": "two", "image": {}}, "?"]
    ask = asked(EMBED, instances=given)
    assert (ask.operation, ask.model) == (Operation.EMBEDDINGS, "text-embedding-005")
    assert (ask.texts, ask.media_parts, ask.output_cap) == (("one", "t", "two"), 1, 0)
    assert capped(EMBED, 7, instances=given) is None
    assert route(EMBED).api.name == "vertex.predict"


def test_embeddings_by_predict_tell_their_tokens_one_by_one() -> None:
    told = [{"embeddings": {"values": [], "statistics": {"token_count": n}}} for n in (3, 4)]
    answer = answered(EMBED, predictions=told)
    assert (answer.usage, answer.complete) == (Usage(7), True)


@pytest.mark.parametrize("predictions", [[], [{"bytesBase64Encoded": ""}], [{"embeddings": 1}]])
def test_predictions_without_tokens_tell_none(predictions: list[dict[str, Any]]) -> None:
    answer = answered(EMBED, predictions=predictions)
    assert (answer.usage, answer.complete) == (None, True)
    assert read_bytes(EMBED, sse({"predictions": predictions})) == answer


@pytest.mark.parametrize(
    "path", ["anthropic/models/count-tokens:rawPredict", "google/models/gemini:countTokens"]
)
def test_counting_is_free(path: str) -> None:
    assert route(f"{PUBLISHERS}/{path}").kind is RouteKind.FREE
