"""Which request is which API, by method, host and path."""

from __future__ import annotations

import pytest

from wflo_otel.wire.api import RouteKind
from wflo_otel.wire.route import recognise

AZURE = "https://acme.openai.azure.com/openai/deployments/prod-4o/chat/completions"


@pytest.mark.parametrize(
    ("url", "name", "provider"),
    [
        ("https://api.openai.com/v1/chat/completions", "openai.chat", "openai"),
        ("https://eu.api.openai.com/v1/responses", "openai.responses", "openai"),
        ("https://API.OpenAI.com./v1/embeddings", "openai.embeddings", "openai"),
        ("https://api.openai.com:443/v1/completions/", "openai.completions", "openai"),
        ("https://api.anthropic.com/v1/messages?beta=true", "anthropic.messages", "anthropic"),
        ("https://api.openai.com/v1/responses/compact", "openai.responses", "openai"),
        (f"{AZURE}?api-version=2025-01-01", "openai.chat", "azure.ai.openai"),
        (
            "https://x.services.ai.azure.com/models/chat/completions",
            "openai.chat",
            "azure.ai.inference",
        ),
        (
            "https://x.services.ai.azure.com/openai/v1/responses",
            "openai.responses",
            "azure.ai.openai",
        ),
        ("https://openrouter.ai/api/v1/messages", "anthropic.messages", "openrouter"),
        (
            "https://eu-west1-aiplatform.googleapis.com/v1/x/chat/completions",
            "openai.chat",
            "gcp.vertex_ai",
        ),
        (
            "https://bedrock-runtime.us-east-1.amazonaws.com/openai/v1/chat/completions",
            "openai.chat",
            "aws.bedrock",
        ),
        ("http://localhost:8000/v1/chat/completions", "openai.chat", None),
        (
            "https://generativelanguage.googleapis.com/v1beta/models/gemini-x:generateContent",
            "gemini.generateContent",
            "gcp.gemini",
        ),
        (
            "https://aiplatform.googleapis.com/v1/publishers/google/models/g%3AgenerateContent",
            "gemini.generateContent",
            "gcp.vertex_ai",
        ),
        ("http://gateway/v1beta/models/g:embedContent", "gemini.embedContent", None),
        (
            "https://generativelanguage.googleapis.com/v1beta/interactions",
            "gemini.interactions",
            "gcp.gemini",
        ),
        (
            "https://bedrock-runtime.eu-west-1.amazonaws.com/model/nova/converse",
            "bedrock.converse",
            "aws.bedrock",
        ),
        ("http://localhost/model/nova/invoke", "bedrock.invoke", None),
        ("https://api.cohere.com/v1/chat", "cohere.chat", "cohere"),
        ("https://api.cohere.com/v2/embed", "cohere.embed", "cohere"),
        ("https://openrouter.ai/api/v1/rerank", "cohere.rerank", "openrouter"),
        ("http://localhost:11434/api/chat", "ollama.chat", None),
        ("http://localhost:11434/api/generate", "ollama.generate", None),
        ("https://ollama.com/api/embeddings", "ollama.embed", "ollama"),
        ("https://api.openai.com/v1/images/edits", "openai.images", "openai"),
        ("https://api.openai.com/v1/audio/translations", "openai.audio", "openai"),
        ("https://api.groq.com/openai/v1/audio/speech", "openai.audio", "groq"),
        ("http://[::1]:4000/proxy/v1/messages", "anthropic.messages", None),
        ("https://api.openai.com.evil.example/v1/chat/completions", "openai.chat", None),
        ("https://api.openai.com@evil.example/v1/chat/completions", "openai.chat", None),
        ("https://notapi.openai.com.example/v1/chat/completions", "openai.chat", None),
        ("https://xapi.openai.com/v1/chat/completions", "openai.chat", None),
    ],
)
def test_a_host_is_parsed_and_a_path_is_recognised_by_its_end(
    url: str, name: str, provider: str | None
) -> None:
    route = recognise("post", url)
    assert route is not None
    assert (route.api.name, route.provider_hint, route.kind) == (name, provider, RouteKind.CALL)
    assert route.response_id is None


@pytest.mark.parametrize(
    "url",
    [
        "https://api.anthropic.com/v1/messages/count_tokens",
        "https://api.anthropic.com/v1/messages/batches",
        "https://api.openai.com/v1/responses/input_tokens",
        "https://api.openai.com/v1/batches",
        "https://api.openai.com/v1/moderations",
        "https://generativelanguage.googleapis.com/v1beta/models/g:countTokens",
        "https://generativelanguage.googleapis.com/v1beta/models/g:batchGenerateContent",
        "https://generativelanguage.googleapis.com/v1beta/cachedContents",
        "https://bedrock-runtime.us-east-1.amazonaws.com/model/nova/count-tokens",
        "http://localhost:8000/tokenize",
    ],
)
def test_counting_and_handing_in_a_batch_are_free(url: str) -> None:
    route = recognise("POST", url)
    assert route is not None
    assert route.kind is RouteKind.FREE


@pytest.mark.parametrize(
    ("method", "url", "response_id"),
    [
        ("GET", "https://api.openai.com/v1/responses/resp_1?stream=true", "resp_1"),
        ("POST", "https://api.openai.com/v1/responses/resp_1/cancel", "resp_1"),
        ("GET", "https://api.x.ai/v1/responses/3f-uuid", "3f-uuid"),
        ("GET", "http://localhost/v1/responses/resp_2", "resp_2"),
        ("GET", "https://api.openai.com/v1/chat/completions/chatcmpl-1", "chatcmpl-1"),
        ("GET", "https://api.openai.com/v1/files/file-1/content", "file-1"),
        ("GET", "http://localhost/v1/files/file-1/content", "file-1"),
        ("GET", "https://api.anthropic.com/v1/messages/batches/b1/results", "b1"),
        ("GET", "https://api.openai.com/v1/batches/batch_1/output", "batch_1"),
    ],
)
def test_a_stored_response_is_fetched_by_its_id(method: str, url: str, response_id: str) -> None:
    route = recognise(method, url)
    assert route is not None
    assert (route.kind, route.response_id) == (RouteKind.FETCH, response_id)


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("GET", "https://api.openai.com/v1/models"),
        ("GET", "https://api.openai.com/v1/responses"),
        ("GET", "https://api.openai.com/v1/responses/resp_1/input_items"),
        ("GET", "https://forms.example/responses/42"),
        ("GET", "https://api.openai.com/"),
        ("GET", "https://cms.example/files/42/content"),
        ("GET", "https://api.openai.com/v1/files/file-1"),
        ("POST", "https://lambda.amazonaws.com/functions/f/invoke"),
        ("POST", "https://maps.example/v1/places:searchText"),
        ("POST", "https://x.example/v1/generateContent"),
        ("POST", "https://api.openai.com"),
        ("POST", "https://api.openai.com/v1/files"),
        ("POST", "https://api.openai.com/v1/threads/thread_1/messages"),
        ("POST", "https://api.openai.com/v1/batches/b/cancel"),
        ("POST", "https://chat.example/api/messages"),
        ("DELETE", "https://api.openai.com/v1/responses/resp_1"),
        ("POST", "https://[not-an-address/v1/chat/completions"),
        ("POST", ""),
    ],
)
def test_what_is_no_call_is_not_recognised(method: str, url: str) -> None:
    assert recognise(method, url) is None


def test_an_azure_url_names_the_deployment() -> None:
    route = recognise("POST", f"{AZURE}?api-version=2025-01-01")
    assert route is not None
    assert route.model_hint == "prod-4o"


@pytest.mark.parametrize(
    "named", ["arn%3Aaws%3Abedrock%3Aus%3A1%3Ainference-profile%2Fus.x", "arn:aws:x/us.x"]
)
def test_a_bedrock_url_names_the_model_or_its_arn(named: str) -> None:
    route = recognise(
        "POST", f"https://bedrock-runtime.us-east-1.amazonaws.com/model/{named}/invoke"
    )
    assert route is not None
    assert (route.model_hint or "").endswith("/us.x")
    assert not route.streaming


def test_other_urls_name_no_model() -> None:
    route = recognise("POST", "https://api.openai.com/v1/chat/completions")
    assert route is not None
    assert route.model_hint is None


@pytest.mark.parametrize(
    ("query", "asks"),
    [
        ("", True),
        ("?api-version=2024-10-21", True),
        ("?api-version=2024-02-01", False),
        ("?api-version=preview", True),
        ("?x=api-version", True),
    ],
)
def test_an_old_azure_api_version_is_not_asked_for_usage(query: str, asks: bool) -> None:
    route = recognise("POST", AZURE + query)
    assert route is not None
    body = b'{"messages":[],"stream":true}'
    assert (route.api.with_usage(route, body) is not None) is asks
