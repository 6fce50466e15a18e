"""Other vendors' models at Vertex: their own bodies, at URLs of Google's."""

from __future__ import annotations

from typing import Any

import pytest

from wflo_otel.wire.api import RouteKind
from wire_fixtures import asked, route

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


@pytest.mark.parametrize(
    "path", ["anthropic/models/count-tokens:rawPredict", "google/models/gemini:countTokens"]
)
def test_counting_is_free(path: str) -> None:
    assert route(f"{PUBLISHERS}/{path}").kind is RouteKind.FREE
